/** What rises across runs. Requests and attempts are counted once they can't change any more; what is newer is added when asked. */
import type { Sums } from "../../domain/sample.ts";
import type { CountedBatch } from "../accounts.ts";
import type { Counter, CounterName } from "../history.ts";
import type { IngestVerdict } from "../rows.ts";
import type { Store } from "./store.ts";

const ADD = `
  INSERT INTO counters (name, labels, value) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET value = value + excluded.value`;

/** Inside a write transaction. Labels are written in the order of their names. */
export function addToCounter(store: Store, name: CounterName, labels: Record<string, string>, by: number): void {
  if (by > 0) store.run(ADD, name, labelText(labels), by);
}

const labelText = (labels: Record<string, string>): string =>
  JSON.stringify(Object.fromEntries(Object.entries(labels).sort(([one], [other]) => (one < other ? -1 : 1))));

/** What a batch made of its records. Inside its transaction. */
export function countVerdicts(
  store: Store,
  { submissions, rejects, skipped }: CountedBatch,
  verdicts: readonly IngestVerdict[],
  rejected: number,
): void {
  const counts = new Map<string, { source: string; verdict: string; n: number }>();
  const count = (source: string, verdict: string, n = 1): void => {
    const name = `${verdict}\n${source}`;
    counts.set(name, { source, verdict, n: (counts.get(name)?.n ?? 0) + n });
  };
  for (const [index, { source }] of submissions.entries()) count(source, verdicts[index]!.type);
  const [first] = rejects;
  if (first !== undefined) count(first.source, "rejected", rejected);
  if (skipped !== undefined) count(skipped.source, "skipped", skipped.records);
  for (const { source, verdict, n } of counts.values()) addToCounter(store, "ingested", { source, verdict }, n);
}

/** The first request that is still under way; looked for behind those that were folded, for it walks through what it passes. */
const FIRST_OPEN = "SELECT min(id) AS id FROM requests WHERE id > ? AND outcome IS NULL";
const LAST = "SELECT max(id) AS id FROM requests";
const FOLDED = "SELECT value FROM counters WHERE name = 'folded'";

const folded = (store: Store): number => store.one<{ value: number }>(FOLDED)?.value ?? 0;

/** Folded in one transaction: some 50 ms of the write lock. */
const FOLDED_AT_ONCE = 20_000;

/** Takes what can't change any more into the counters, in transactions of its own that keep nobody waiting for long. */
export function foldRequests(store: Store): void {
  while (store.write(() => foldSome(store)));
}

/** True where there is more. */
function foldSome(store: Store): boolean {
  const from = folded(store);
  const open = store.one<{ id: number | null }>(FIRST_OPEN, from)!.id;
  const settled = open === null ? (store.one<{ id: number | null }>(LAST)!.id ?? 0) : open - 1;
  if (settled <= from) return false;
  const upTo = Math.min(settled, from + FOLDED_AT_ONCE);
  for (const { name, labels, value } of countedBetween(store, from, upTo, true))
    addToCounter(store, name, labels, value);
  store.run("UPDATE counters SET value = ? WHERE name = 'folded'", upTo);
  return upTo < settled;
}

const BETWEEN = "r.id > @from AND r.id <= @upTo AND r.outcome IS NOT NULL";
const REQUESTS = `
  SELECT r.method || ' ' || r.route AS route, r.op_group AS "group", coalesce((r.status / 100) || 'xx', 'none') AS statusClass, r.outcome,
    r.rate_limited AS rateLimited, count(*) AS n, sum(iif(r.rate_limited = 1, 0, r.tokens)) AS tokens
  FROM requests r WHERE ${BETWEEN} GROUP BY 1, 2, 3, 4, 5`;
const STEPS = `
  SELECT s.entity, a.action, a.outcome, count(*) AS n
  FROM requests r JOIN attempts a ON a.request_id = r.id JOIN steps s ON s.id = a.step_id
  WHERE ${BETWEEN} AND a.outcome IS NOT NULL AND (@settled OR a.outcome <> 'mixed') GROUP BY 1, 2, 3`;

interface RequestRow {
  route: string;
  group: string;
  statusClass: string;
  outcome: string;
  rateLimited: number;
  n: number;
  tokens: number;
}

/** `settled`: an attempt whose outcome was never told apart from its request's counts as `mixed`; until then as nothing. */
function countedBetween(store: Store, from: number, upTo: number, settled: boolean): Counter[] {
  const found: Counter[] = [];
  const range = { from, upTo };
  for (const { route, group, statusClass, outcome, rateLimited, n, tokens } of store.all<RequestRow>(REQUESTS, range)) {
    found.push({ name: "requests", labels: { outcome, route, status_class: statusClass }, value: n });
    found.push({ name: "tokens", labels: { group, route }, value: tokens });
    const reason = rateLimited === 1 ? "rateLimited" : outcome;
    if (RETRIED.includes(reason)) found.push({ name: "retries", labels: { reason }, value: n });
  }
  const steps = store.all<{ entity: string; action: string; outcome: string; n: number }>(STEPS, {
    ...range,
    settled: settled ? 1 : 0,
  });
  for (const { entity, action, outcome, n } of steps)
    found.push({ name: "steps", labels: { action, outcome, step: entity }, value: n });
  return found;
}

/** A request that ended so has its work asked for again, or looked for. */
const RETRIED = ["rateLimited", "deferred", "uncertain"];

export function counters(store: Store): Counter[] {
  return store.read(() => countersNow(store));
}

/** Inside a transaction. */
export function countersNow(store: Store): Counter[] {
  const rows = store.all<{ name: CounterName; labels: string; value: number }>(
    "SELECT name, labels, value FROM counters WHERE name <> 'folded' ORDER BY name, labels",
  );
  const sums = new Map<string, Counter>();
  const add = ({ name, labels, value }: Counter): void => {
    const text = `${name}\n${labelText(labels)}`;
    sums.set(text, { name, labels, value: (sums.get(text)?.value ?? 0) + value });
  };
  for (const row of rows) add({ ...row, labels: JSON.parse(row.labels) as Record<string, string> });
  for (const counter of countedBetween(store, folded(store), Number.MAX_SAFE_INTEGER, false)) add(counter);
  return [...sums.values()].filter(({ value }) => value > 0);
}

/** The same without labels. */
export function sumsOf(counted: readonly Counter[]): Sums {
  const sum = (name: CounterName, where: (labels: Record<string, string>) => boolean = () => true): number =>
    counted.filter((one) => one.name === name && where(one.labels)).reduce((total, { value }) => total + value, 0);
  return {
    requests: sum("requests"),
    rateLimited: sum("retries", ({ reason }) => reason === "rateLimited"),
    retried: sum("retries"),
    tokens: sum("tokens"),
    delivered: sum("submissions", ({ state }) => state === "done"),
    failed: sum("submissions", ({ state }) => state === "failed"),
  };
}
