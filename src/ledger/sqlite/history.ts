/** How things stood at the end of runs, thinned with age. */
import { type DelayCounts, mergeSamples, type PastHold, type Sample, waitingIn } from "../../domain/sample.ts";
import type { Lane } from "../../domain/submission.ts";
import type { EndedRun, MetricFacts } from "../history.ts";
import { boundAccount } from "./account.ts";
import { bucketUses } from "./buckets.ts";
import { addToCounter, countersNow, foldRequests, sumsOf } from "./counters.ts";
import { countQueue, lagNow } from "./queue.ts";
import type { Store } from "./store.ts";

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 3_600_000;
/** Samples as old as this are one in each slot. */
const TIERS = [
  { ageMs: DAY_MS, slotMs: 15 * MINUTE_MS },
  { ageMs: 7 * DAY_MS, slotMs: 60 * MINUTE_MS },
  { ageMs: 30 * DAY_MS, slotMs: DAY_MS },
] as const;
const KEPT_MS = 400 * DAY_MS;
/** A sample of a time that lies this far ahead is of a clock that was put back since. */
const AHEAD_MS = 60_000;

export function recordHistory(store: Store, run: EndedRun): void {
  foldRequests(store);
  store.write(() => {
    addToCounter(store, "runs", { exit_code: String(run.exitCode), kind: run.kind }, 1);
    addToCounter(store, "lookups", { by: "mirror" }, run.lookups.mirror);
    addToCounter(store, "lookups", { by: "search" }, run.lookups.search);
    addToCounter(store, "searchTokensSaved", {}, run.searchTokensSaved ?? 0);
    const sample = sampleNow(store, run);
    const last = lastBefore(store, sample.atMs);
    save(store, sample);
    thinSamples(store, last?.atMs ?? null, sample.atMs);
  });
}

function sampleNow(store: Store, { kind, exitCode, durationMs, credential, now }: EndedRun): Sample {
  const queue = countQueue(store, null, null);
  const { oldestSeconds } = lagNow(store, now.wallMs);
  const open = (sql: string): number => store.one<{ n: number }>(sql)!.n;
  return {
    atMs: Math.round(now.wallMs),
    run: { kind, exitCode, durationMs: Math.round(durationMs) },
    queue,
    oldestSeconds,
    ...quotaNow(store, credential, now),
    holds: open("SELECT count(*) AS n FROM holds WHERE closed_at_ms IS NULL"),
    breakers: open("SELECT count(*) AS n FROM breakers WHERE state <> 'closed'"),
    sums: sumsOf(countersNow(store)),
    delays: delayCounts(store),
    worst: { waiting: waitingIn(queue), oldestSeconds: oldestSeconds ?? 0, failed: queue.failed, exitCode },
  };
}

function quotaNow(store: Store, credential: string, now: EndedRun["now"]): Pick<Sample, "daily" | "burst"> {
  const account = boundAccount(store);
  if (account === null) return { daily: null, burst: null };
  const { states, use } = bucketUses(store, account.id, credential, now);
  const used = (bucket: string): number => use.find((one) => one.bucket === bucket)?.used ?? 0;
  const day = states.find((state) => state.kind === "day");
  const windows = states.filter((state) => state.kind === "window");
  const burst = windows.find((state) => state.bucket === "burst") ?? windows[0];
  const common = ({ bucket, limit, usedByOthers }: (typeof states)[number]) => {
    return { limit, usedByUs: used(bucket), usedByOthers };
  };
  return {
    daily: day === undefined ? null : { ...common(day), remaining: day.remaining },
    burst: burst === undefined ? null : common(burst),
  };
}

export function delays(store: Store): Record<Lane, { counts: DelayCounts; seconds: number }> {
  const rows = store.all<{ lane: Lane; upTo: number; n: number; seconds: number }>(
    "SELECT lane, up_to_s AS upTo, n, seconds FROM delays WHERE n > 0 ORDER BY lane, up_to_s",
  );
  const ofLane = (lane: Lane) => {
    const own = rows.filter((row) => row.lane === lane);
    const counts = Object.fromEntries(own.map(({ upTo, n }) => [String(upTo), n]));
    return { counts, seconds: own.reduce((sum, row) => sum + row.seconds, 0) };
  };
  return { operational: ofLane("operational"), background: ofLane("background") };
}

function delayCounts(store: Store): Record<Lane, DelayCounts> {
  const { operational, background } = delays(store);
  return { operational: operational.counts, background: background.counts };
}

const UNCERTAIN = `
  SELECT count(*) AS uncertainSteps, min(t.lost_at_ms) AS oldestLostAtMs
  FROM submissions s JOIN steps t ON t.submission_id = s.id
  WHERE s.lane = ? AND s.source = ? AND s.state = 'uncertain' AND s.state IN ('waiting', 'uncertain')
    AND t.state = 'uncertain'`;
const LAST_GOOD = `
  SELECT ended_at_ms AS atMs FROM runs
  WHERE kind = 'sync' AND ended_at_ms IS NOT NULL AND exit_code IN (0, 3) ORDER BY id DESC LIMIT 1`;

export function metricFacts(store: Store): MetricFacts {
  return store.read(() => {
    const facts: MetricFacts = { uncertainSteps: 0, oldestLostAtMs: null, lastGoodRunEndedAtMs: null };
    const streams = store.all<{ lane: Lane; source: string }>(
      "SELECT DISTINCT lane, source FROM queue_counts WHERE state = 'uncertain' AND n > 0",
    );
    for (const { lane, source } of streams) {
      const { uncertainSteps, oldestLostAtMs } = store.one<MetricFacts>(UNCERTAIN, lane, source)!;
      facts.uncertainSteps += uncertainSteps;
      if (oldestLostAtMs !== null)
        facts.oldestLostAtMs = Math.min(oldestLostAtMs, facts.oldestLostAtMs ?? oldestLostAtMs);
    }
    facts.lastGoodRunEndedAtMs = store.one<{ atMs: number }>(LAST_GOOD)?.atMs ?? null;
    return facts;
  });
}

const AHEAD = `
  SELECT count(*) AS n FROM submissions
  WHERE lane = ? AND source = ? AND state = ? AND state IN ('waiting', 'uncertain') AND due_at_ms < ?`;

export function workAhead(store: Store, untilMs: number): Record<Lane, number> {
  return store.read(() => {
    const ahead: Record<Lane, number> = { operational: 0, background: 0 };
    const streams = store.all<{ lane: Lane; source: string; state: string; n: number }>(
      `SELECT lane, source, state, sum(n) AS n FROM queue_counts
       WHERE n > 0 AND state IN ('pending', 'inProgress', 'waiting', 'uncertain') GROUP BY 1, 2, 3`,
    );
    for (const { lane, source, state, n } of streams) {
      const isPutOff = state === "waiting" || state === "uncertain";
      ahead[lane] += isPutOff ? store.one<{ n: number }>(AHEAD, lane, source, state, untilMs)!.n : n;
    }
    return ahead;
  });
}

interface Row {
  atMs: number;
  body: string;
}

const sampleOf = ({ atMs, body }: Row): Sample => ({ ...(JSON.parse(body) as Omit<Sample, "atMs">), atMs });

function save(store: Store, { atMs, ...body }: Sample): void {
  const sql = "INSERT INTO samples (at_ms, body) VALUES (?, ?) ON CONFLICT DO UPDATE SET body = excluded.body";
  store.run(sql, atMs, JSON.stringify(body));
}

function lastBefore(store: Store, atMs: number): Sample | null {
  const sql = "SELECT at_ms AS atMs, body FROM samples WHERE at_ms < ? ORDER BY at_ms DESC LIMIT 1";
  const row = store.one<Row>(sql, atMs);
  return row === undefined ? null : sampleOf(row);
}

/** Only what came into an older tier since the last sample is looked at. */
function thinSamples(store: Store, lastMs: number | null, nowMs: number): void {
  store.run("DELETE FROM samples WHERE at_ms > ?", nowMs + AHEAD_MS);
  store.run("DELETE FROM samples WHERE at_ms < ?", nowMs - KEPT_MS);
  thinBetween(store, Math.floor(nowMs / MINUTE_MS) * MINUTE_MS, nowMs + 1, MINUTE_MS);
  if (lastMs === null) return;
  for (const { ageMs, slotMs } of TIERS) {
    const slotOf = (atMs: number): number => Math.floor((atMs - ageMs) / slotMs) * slotMs;
    if (slotOf(lastMs) < slotOf(nowMs)) thinBetween(store, slotOf(lastMs), slotOf(nowMs), slotMs);
  }
}

/** The last sample of each slot stays, with the worst of the others. */
function thinBetween(store: Store, fromMs: number, untilMs: number, slotMs: number): void {
  const sql = "SELECT at_ms AS atMs, body FROM samples WHERE at_ms >= ? AND at_ms < ? ORDER BY at_ms";
  let kept: Sample | null = null;
  for (const row of store.all<Row>(sql, fromMs, untilMs)) {
    const sample = sampleOf(row);
    const isSameSlot = kept !== null && Math.floor(kept.atMs / slotMs) === Math.floor(sample.atMs / slotMs);
    if (kept === null || !isSameSlot) {
      kept = sample;
      continue;
    }
    store.run("DELETE FROM samples WHERE at_ms = ?", kept.atMs);
    kept = mergeSamples(kept, sample);
    save(store, kept);
  }
}

export function history(store: Store, sinceMs: number): Sample[] {
  return store.read(() => {
    const before = lastBefore(store, sinceMs);
    const rows = store.all<Row>("SELECT at_ms AS atMs, body FROM samples WHERE at_ms >= ? ORDER BY at_ms", sinceMs);
    return [...(before === null ? [] : [before]), ...rows.map(sampleOf)];
  });
}

export function pastHolds(store: Store, sinceMs: number, limit: number): PastHold[] {
  return store
    .all<PastHold>(
      `SELECT kind, scope, opened_at_ms AS openedAtMs, closed_at_ms AS closedAtMs FROM holds
       WHERE closed_at_ms IS NULL OR closed_at_ms >= ? ORDER BY id DESC LIMIT ?`,
      sinceMs,
      limit,
    )
    .reverse();
}
