/** Questions about the queue. None of them counts or walks what is done. */
import type { SubmissionId } from "../../domain/ids.ts";
import type { Lane, SubmissionState } from "../../domain/submission.ts";
import type { QueueCounts, SubmissionRow } from "../rows.ts";
import { DUE_WAITING } from "./claim.ts";
import { offer, type Scope, streams } from "./claim-order.ts";
import type { Store } from "./store.ts";
import { loadSubmission } from "./submission-rows.ts";

export interface QueueFilter {
  source: string | null;
  lane: string | null;
  ids?: readonly SubmissionId[];
  /** What a claim would not touch. */
  except?: Pick<Scope, "heldSources" | "heldLanes" | "quiet">;
}

const scopeOf = (filter: QueueFilter): Scope => ({
  source: filter.source,
  lane: filter.lane as Lane | null,
  heldSources: [],
  heldLanes: [],
  ...filter.except,
});

const FIRST_DUE = `
  SELECT min(due_at_ms) AS dueAtMs FROM submissions WHERE state = ? AND lane = ? AND source = ?
    AND state IN ('waiting', 'uncertain')`;

const FIRST_DUE_OF = `
  SELECT min(due_at_ms) AS dueAtMs FROM submissions WHERE id IN (SELECT value FROM json_each(?))
    AND state IN ('waiting', 'uncertain')`;

export function nextDueAtMs(store: Store, filter: QueueFilter): number | null {
  if (filter.ids !== undefined) {
    return store.one<{ dueAtMs: number | null }>(FIRST_DUE_OF, JSON.stringify(filter.ids))?.dueAtMs ?? null;
  }
  return store.read(() => {
    let first: number | null = null;
    for (const state of ["waiting", "uncertain"]) {
      for (const { lane, source } of streams(store, scopeOf(filter), [state])) {
        const due = store.one<{ dueAtMs: number | null }>(FIRST_DUE, state, lane, source)?.dueAtMs ?? null;
        if (due !== null && (first === null || due < first)) first = due;
      }
    }
    return first;
  });
}

export function queue(store: Store, filter?: { source?: string | null; lane?: string | null }): QueueCounts {
  return store.read(() => countQueue(store, filter?.source ?? null, filter?.lane ?? null));
}

/** Inside a transaction, as one state of the ledger. */
export function countQueue(store: Store, source: string | null, lane: string | null): QueueCounts {
  const counts: QueueCounts = {
    pending: 0,
    waiting: 0,
    uncertain: 0,
    inProgress: 0,
    done: 0,
    failed: 0,
    dropped: 0,
    history: 0,
    rejected: 0,
    conflict: 0,
  };
  const states = store.all<{ state: SubmissionState; n: number }>(
    `SELECT state, sum(n) AS n FROM queue_counts
       WHERE (@source IS NULL OR source = @source) AND (@lane IS NULL OR lane = @lane) GROUP BY state`,
    { source, lane },
  );
  for (const { state, n } of states) counts[state] = n;
  const rejects = store.all<{ kind: "reject" | "conflict"; n: number }>(
    "SELECT kind, sum(n) AS n FROM reject_counts WHERE (@source IS NULL OR source = @source) GROUP BY kind",
    { source },
  );
  for (const { kind, n } of rejects) counts[kind === "reject" ? "rejected" : "conflict"] = n;
  return counts;
}

/** In claim order, and after that what waited and is due. Writes nothing; whose keys are taken is not looked at. */
export function peek(store: Store, limit: number, nowMs: number, filter: QueueFilter): SubmissionRow[] {
  return store.read(() => {
    const scope = scopeOf(filter);
    const ids = new Set<SubmissionId>();
    const candidates = offer(store, scope, nowMs, limit, new Map());
    while (ids.size < limit) {
      const candidate = candidates.next();
      if (candidate === null) break;
      ids.add(candidate.id);
      candidates.taken(1);
    }
    for (const { lane, source } of streams(store, scope, ["waiting"])) {
      for (const { id } of store.all<{ id: SubmissionId }>(DUE_WAITING, lane, source, nowMs)) {
        if (ids.size < limit) ids.add(id);
      }
    }
    return [...ids].map((id) => loadSubmission(store, id)!);
  });
}

/** One that was delivered and is repaired now is no late one. */
const OPEN = "state IN ('pending', 'waiting', 'inProgress', 'uncertain')";
const AGE_AT = `
  SELECT submitted_at_ms AS submittedAtMs FROM submissions
  WHERE ${OPEN} AND done_at_ms IS NULL ORDER BY submitted_at_ms LIMIT 1 OFFSET ?`;
const REPAIRED = `SELECT count(*) AS n FROM submissions WHERE ${OPEN} AND done_at_ms IS NOT NULL`;

/** Ages of what is not in the CRM yet. Nulls where nothing waits. */
export function lag(store: Store, nowMs: number): Lag {
  return store.read(() => lagNow(store, nowMs));
}

interface Lag {
  oldestSeconds: number | null;
  p50Seconds: number | null;
  p95Seconds: number | null;
}

/** Inside a transaction, as one state of the ledger. */
export function lagNow(store: Store, nowMs: number): Lag {
  const counts = countQueue(store, null, null);
  const open =
    counts.pending + counts.waiting + counts.inProgress + counts.uncertain - store.one<{ n: number }>(REPAIRED)!.n;
  // Oldest first: the age that 95 of 100 do not reach is near the beginning.
  const ageAt = (offset: number): number | null => {
    const row = store.one<{ submittedAtMs: number }>(AGE_AT, offset);
    return row === undefined ? null : Math.max(0, Math.round((nowMs - row.submittedAtMs) / 1000));
  };
  if (open <= 0) return { oldestSeconds: null, p50Seconds: null, p95Seconds: null };
  return {
    oldestSeconds: ageAt(0),
    p50Seconds: ageAt(Math.floor(open * 0.5)),
    p95Seconds: ageAt(Math.floor(open * 0.05)),
  };
}
