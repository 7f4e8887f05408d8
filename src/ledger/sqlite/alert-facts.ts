/** What the ledger knows of what may need a person. Reads only; nothing of it counts or walks what is done. */
import type { Lane } from "../../domain/submission.ts";
import type { AlertFacts, AlertQuestion } from "../alerts.ts";
import { HELD_BACK_UNTIL_MS } from "../rows.ts";
import type { Store } from "./store.ts";

const HOUR_MS = 3_600_000;
/** At ten requests a second, more than a quarter of an hour. */
const REQUESTS_MAX = 10_000;
const RUNS_MAX = 200;
const CAUSES_MAX = 20;

export function alertFacts(store: Store, question: AlertQuestion): AlertFacts {
  return store.read(() => ({
    failed: failedByCause(store),
    rejects: rejectsBySource(store),
    oldest: oldestBySource(store),
    requests: requestsSince(store, question.requestsSinceMs),
    arrivals: arrivals(store, question),
    runs: syncs(store, question),
    dealCounts: dealCounts(store, question.historySinceMs),
    drifts: drifts(store, question.driftsSinceMs),
    echoes: echoes(store, question.findingsSinceMs),
  }));
}

function failedByCause(store: Store): AlertFacts["failed"] {
  return store.all(
    `SELECT coalesce(error_code, 'unknown') AS cause, count(*) AS count, min(failed_at_ms) AS firstAtMs FROM submissions
     WHERE state = 'failed' GROUP BY 1 ORDER BY firstAtMs, cause LIMIT ?`,
    CAUSES_MAX,
  );
}

function rejectsBySource(store: Store): AlertFacts["rejects"] {
  return store.all(
    `SELECT source, sum(iif(kind = 'reject', n, 0)) AS rejected, sum(iif(kind = 'conflict', n, 0)) AS conflict
     FROM reject_counts WHERE n > 0 GROUP BY source ORDER BY source`,
  );
}

type Oldest = AlertFacts["oldest"][number];

/** What was delivered and is repaired now is no late one. */
const FIRST_READY = `
  SELECT submitted_at_ms AS submittedAtMs FROM submissions
  WHERE lane = ? AND source = ? AND target_ms = ? AND state = 'pending' AND blocked_until_ms = 0 AND done_at_ms IS NULL
  ORDER BY submitted_at_ms LIMIT 1`;
const FIRST_OF = "SELECT source, target_ms AS targetMs, min(submitted_at_ms) AS submittedAtMs FROM submissions";
const BLOCKED = `${FIRST_OF} WHERE state = 'pending' AND blocked_until_ms > 0 AND done_at_ms IS NULL GROUP BY 1, 2`;
const IN_HAND = `${FIRST_OF} WHERE claim_id IS NOT NULL AND state = 'inProgress' AND done_at_ms IS NULL GROUP BY 1, 2`;
const PUT_OFF = `${FIRST_OF}
  WHERE lane = ? AND source = ? AND state = ? AND state IN ('waiting', 'uncertain') AND due_at_ms < ? AND done_at_ms IS NULL
  GROUP BY 1, 2`;

function oldestBySource(store: Store): Oldest[] {
  const found: Oldest[] = [...store.all<Oldest>(BLOCKED), ...store.all<Oldest>(IN_HAND)];
  const streams = store.all<{ source: string; lane: Lane; targetMs: number }>(
    "SELECT source, lane, target_ms AS targetMs FROM queue_counts WHERE state = 'pending' AND n > 0",
  );
  for (const { source, lane, targetMs } of streams) {
    const first = store.one<{ submittedAtMs: number }>(FIRST_READY, lane, source, targetMs);
    if (first !== undefined) found.push({ source, targetMs, ...first });
  }
  const putOff = store.all<{ source: string; lane: Lane; state: string }>(
    "SELECT DISTINCT source, lane, state FROM queue_counts WHERE state IN ('waiting', 'uncertain') AND n > 0",
  );
  for (const { source, lane, state } of putOff)
    found.push(...store.all<Oldest>(PUT_OFF, lane, source, state, HELD_BACK_UNTIL_MS));
  const oldest = new Map<string, Oldest>();
  for (const one of found) {
    const name = `${one.source}\n${one.targetMs}`;
    if (one.submittedAtMs < (oldest.get(name)?.submittedAtMs ?? Number.POSITIVE_INFINITY)) oldest.set(name, one);
  }
  return [...oldest.values()];
}

function requestsSince(store: Store, sinceMs: number): AlertFacts["requests"] {
  return store.one<AlertFacts["requests"]>(
    `SELECT count(*) AS total, coalesce(sum(outcome IN ('deferred', 'uncertain')), 0) AS again FROM requests
     WHERE id > (SELECT coalesce(max(id), 0) FROM requests) - ? AND begun_at_ms >= ? AND outcome IS NOT NULL`,
    REQUESTS_MAX,
    sinceMs,
  )!;
}

function arrivals(store: Store, { nowMs, historySinceMs }: AlertQuestion): AlertFacts["arrivals"] {
  const rows = store.all<{ source: string; hour: number }>(
    `SELECT name AS source, hour FROM rhythm WHERE what = 'source' AND hour BETWEEN ? AND ? ORDER BY name, hour`,
    Math.floor(historySinceMs / HOUR_MS),
    Math.floor(nowMs / HOUR_MS),
  );
  const bySource = new Map<string, number[]>();
  for (const { source, hour } of rows) {
    const hours = bySource.get(source) ?? [];
    bySource.set(source, hours);
    hours.push(hour);
  }
  return [...bySource].map(([source, hours]) => ({ source, hours }));
}

function syncs(store: Store, { nowMs, historySinceMs }: AlertQuestion): AlertFacts["runs"] {
  const hours = store.all<{ hour: number }>(
    "SELECT hour FROM rhythm WHERE what = 'run' AND name = 'sync' AND hour BETWEEN ? AND ? ORDER BY hour",
    Math.floor(historySinceMs / HOUR_MS),
    Math.floor(nowMs / HOUR_MS),
  );
  const started = store.all<{ atMs: number }>(
    "SELECT started_at_ms AS atMs FROM runs WHERE kind = 'sync' ORDER BY id DESC LIMIT ?",
    RUNS_MAX,
  );
  const good = store.one<{ atMs: number }>(
    `SELECT ended_at_ms AS atMs FROM runs
     WHERE kind = 'sync' AND ended_at_ms IS NOT NULL AND exit_code IN (0, 3) ORDER BY id DESC LIMIT 1`,
  );
  return {
    hours: hours.map(({ hour }) => hour),
    startedAtMs: started.map(({ atMs }) => atMs),
    lastGoodEndedAtMs: good?.atMs ?? null,
  };
}

function dealCounts(store: Store, sinceMs: number): AlertFacts["dealCounts"] {
  return store.all(
    `SELECT ended_at_ms AS atMs, json_extract(summary, '$.deals') AS deals FROM checks
     WHERE ended_at_ms IS NOT NULL AND ended_at_ms >= ? AND json_extract(summary, '$.deals') IS NOT NULL ORDER BY id`,
    sinceMs,
  );
}

function drifts(store: Store, sinceMs: number): AlertFacts["drifts"] {
  return store.all(
    `SELECT source, drift, count(*) AS members, min(found_at_ms) AS firstAtMs FROM source_drifts
     WHERE over_at_ms IS NULL AND found_at_ms >= ? AND drift <> 'tooMany' GROUP BY source, drift ORDER BY source, drift`,
    sinceMs,
  );
}

function echoes(store: Store, sinceMs: number): AlertFacts["echoes"] {
  return store.all(
    `SELECT entity, field, finding, sum(n) AS count, max(last_at_ms) AS lastAtMs FROM field_findings
     WHERE last_at_ms >= ? GROUP BY entity, field, finding ORDER BY entity, field, finding`,
    sinceMs,
  );
}
