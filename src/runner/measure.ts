/** Measures how late the CRM shows what was written to it, with records of its own that it takes away again. */
import type { Capabilities } from "../crm/adapter.ts";
import type { Entity } from "../domain/catalog.ts";
import { CrmledgerError } from "../domain/errors.ts";
import { LAG_WAYS, type Lag, type LagWay, type Measurement } from "../domain/measurement.ts";
import type { Links, Operation, Outcome } from "../domain/operation.ts";
import type { WatchedSend } from "./measure-watch.ts";
import {
  type LeftTestRecord,
  type MadeRecord,
  makeTestRecord,
  removeTestRecords,
  type TestRecordDeps,
} from "./test-records.ts";

/** One record of each kind, then persons alone: chance is not measured by one look. */
const ROUNDS: readonly (readonly Entity[])[] = [["organization", "person", "deal", "note"], ["person"], ["person"]];
/** For so long a record is looked for, at growing gaps. */
const LOOKED_FOR_MS = 60_000;
const GAP_MS = 300;
const GAP_GROWTH = 1.6;
const GAP_MAX_MS = 5_000;
/** Looks at one record in one way, at the most. */
const LOOKS_MAX = 20;
/** Lists are asked for what changed since a little before: their filter has whole seconds. */
const LIST_BACK_MS = 5_000;

export interface MeasureDeps extends TestRecordDeps {
  capabilities: Pick<Capabilities, "cost" | "buckets">;
  watch: WatchedSend;
  /** Names this measurement among all of the account. */
  name: string;
  /** Ends the looks; what was made is taken away all the same. */
  signal: AbortSignal;
}

export interface Measured {
  /** Null where it was broken off. */
  measurement: Measurement | null;
  /** What may still be at the CRM. */
  left: LeftTestRecord[];
  /** What broke it off; null: nothing, or the signal. */
  error: unknown;
}

/** What it takes, at least and at most, without the checks before it. Tokens, requests, milliseconds. */
export function measureCost(cost: Capabilities["cost"]): { tokensMin: number; tokensMax: number; msMax: number } {
  const records = ROUNDS.flat();
  const once = (entity: Entity): number => waysOf(entity).reduce((sum, way) => sum + cost(way, entity), 0);
  const made = records.reduce((sum, entity) => sum + cost("create", entity) + cost("delete", entity), 0);
  const looks = records.reduce((sum, entity) => sum + once(entity), 0);
  return { tokensMin: made + looks, tokensMax: made + LOOKS_MAX * looks, msMax: records.length * LOOKED_FOR_MS };
}

/** Never rejects: whatever happens, what was made is taken away or named. */
export async function measure(deps: MeasureDeps): Promise<Measured> {
  const { desk, clock, watch, signal } = deps;
  const before = await removeTestRecords(deps).catch(() => []);
  if (before.some(({ refusal }) => refusal !== undefined)) {
    const error = new CrmledgerError("held", "the CRM refuses to delete test records of an earlier measurement", {
      hint: "Nothing more was made. A token that may delete takes them away, and measures.",
    });
    return { measurement: null, left: before, error };
  }
  let error: unknown = null;
  const lags: Lag[] = [];
  const hopeless = new Set<LagWay>();
  try {
    for (const [index, entities] of ROUNDS.entries())
      lags.push(...(await measureRound(deps, { number: index + 1, entities, hopeless })));
  } catch (caught) {
    error = caught;
  }
  const left = await removeTestRecords(deps).catch(() => null);
  const stillThere = left ?? (await deps.ledger.testRecords(desk.accountId));
  if (error !== null || signal.aborted) return { measurement: null, left: stillThere, error };
  const { total, tokens } = await desk.totals();
  const measurement = { atMs: clock.wallMs(), requests: total, tokens, lags: worstOf(lags), ...watch.heard() };
  await deps.ledger.saveMeasurement(desk.accountId, measurement);
  return { measurement, left: stillThere, error: null };
}

interface Round {
  number: number;
  entities: readonly Entity[];
  /** Ways that did not show a record in all the time that there was: once is enough. */
  hopeless: Set<LagWay>;
}

async function measureRound(deps: MeasureDeps, round: Round): Promise<Lag[]> {
  const found: Lag[] = [];
  const links: Links = {};
  for (const entity of round.entities) {
    if (deps.signal.aborted) break;
    // What waits for a slot is looked for late: each record begins with all of them free.
    await deps.clock.sleep(windowOf(deps.capabilities), deps.signal);
    const made = await makeTestRecord(deps, entity, `${deps.name}-${round.number}-${entity}`, linksFor(entity, links));
    if (entity !== "note") links[entity] = { id: made.id };
    const lags = await lookFor(
      deps,
      made,
      waysOf(entity).filter((way) => !round.hopeless.has(way)),
    );
    for (const { way, atMostMs } of lags) if (atMostMs === null) round.hopeless.add(way);
    found.push(...lags);
  }
  return found;
}

function windowOf({ buckets }: Pick<Capabilities, "buckets">): number {
  return Math.max(0, ...buckets.filter(({ kind }) => kind === "window").map(({ windowMs }) => windowMs));
}

/** A note hangs on the deal, a deal on both. */
function linksFor(entity: Entity, links: Links): Links {
  if (entity === "organization") return {};
  const { organization, person, deal } = links;
  if (entity === "person") return organization === undefined ? {} : { organization };
  return {
    ...(person && { person }),
    ...(entity === "deal" && organization && { organization }),
    ...(entity === "note" && deal && { deal }),
  };
}

const waysOf = (entity: Entity): LagWay[] => LAG_WAYS.filter((way) => way !== "search" || entity !== "note");

interface Look {
  lag: Lag;
  made: MadeRecord;
  looks: number;
  gapMs: number;
  nextMs: number;
  isOver: boolean;
}

/** The first looks one after the other, so that what each takes of the budget can be told; then none waits for another. */
async function lookFor(deps: MeasureDeps, made: MadeRecord, ways: readonly LagWay[]): Promise<Lag[]> {
  const looks = ways.map((way): Look => {
    const lag: Lag = { entity: made.entity, way, atLeastMs: 0, atMostMs: null };
    return { lag, made, looks: 0, gapMs: GAP_MS, nextMs: made.answeredMs, isOver: false };
  });
  for (const look of looks) if (!deps.signal.aborted) await lookOnce(deps, look);
  const ends = await Promise.allSettled(looks.map((look) => lookOn(deps, look)));
  for (const end of ends) if (end.status === "rejected") throw end.reason;
  return looks.map(({ lag }) => lag);
}

async function lookOn(deps: MeasureDeps, look: Look): Promise<void> {
  const { clock, signal } = deps;
  while (!look.isOver && !signal.aborted) {
    await clock.sleep(Math.max(0, look.nextMs - clock.monoMs()), signal);
    if (!signal.aborted) await lookOnce(deps, look);
  }
}

async function lookOnce({ desk, clock, watch }: MeasureDeps, look: Look): Promise<void> {
  const { lag, made } = look;
  look.looks += 1;
  const beganMs = clock.monoMs();
  const sinceMs = desk.crmTimeMs(clock.wallMs() - (beganMs - made.answeredMs)) - LIST_BACK_MS;
  const operation = operationOf(made, lag.way, look.looks, sinceMs);
  const { outcome } = await desk.read(operation);
  const { sentMs, answeredMs } = watch.timesOf(operation.key) ?? { sentMs: beganMs, answeredMs: clock.monoMs() };
  if (shows(outcome, made)) {
    lag.atMostMs = Math.round(answeredMs - made.answeredMs);
    look.isOver = true;
    return;
  }
  lag.atLeastMs = Math.max(0, Math.round(sentMs - made.answeredMs));
  look.nextMs = clock.monoMs() + look.gapMs;
  look.gapMs = Math.min(GAP_MAX_MS, look.gapMs * GAP_GROWTH);
  look.isOver = look.looks >= LOOKS_MAX || look.nextMs - made.answeredMs > LOOKED_FOR_MS;
}

function operationOf({ entity, id, name }: MadeRecord, way: LagWay, nth: number, sinceMs: number): Operation {
  const key = `measure#${entity}${id}#${way}${nth}`;
  if (way === "read") return { type: "read", key, entity, id };
  if (way === "search" && entity !== "note") return { type: "search", key, entity, by: "name", term: name };
  return { type: "list", key, entity, sinceMs, newestFirst: true };
}

function shows(outcome: Outcome, { id }: MadeRecord): boolean {
  if (outcome.type !== "applied") return false;
  const records = outcome.records ?? (outcome.record === undefined ? [] : [outcome.record]);
  return records.some((record) => record.id === id && !record.deleted);
}

/** Of several records of a kind the one that was shown last. */
function worstOf(lags: readonly Lag[]): Lag[] {
  const worst = new Map<string, Lag>();
  for (const lag of lags) {
    const key = `${lag.entity} ${lag.way}`;
    const known = worst.get(key);
    worst.set(key, known === undefined ? lag : later(known, lag));
  }
  return [...worst.values()];
}

function later(a: Lag, b: Lag): Lag {
  const never = a.atMostMs === null || b.atMostMs === null;
  return {
    ...a,
    atLeastMs: Math.max(a.atLeastMs, b.atLeastMs),
    atMostMs: never ? null : Math.max(a.atMostMs!, b.atMostMs!),
  };
}
