/** Differences over checks: one row each, however often it is found. */
import type {
  CheckId,
  CheckScope,
  DiscrepancyClass,
  DiscrepancyFilter,
  DiscrepancyRow,
  DiscrepancyState,
  FoundDiscrepancy,
  Page,
} from "../checks.ts";
import { loadCheck } from "./checks.ts";
import type { Store } from "./store.ts";

/** Rows that one transaction changes. */
const CHUNK = 200;

/** What ended and is there again counts as new; what this check found before stays as it was then. */
const SAVE = `
  INSERT INTO discrepancies (fingerprint, class, kind, state, source, key, submission_id, email, entity, crm_id, since_ms,
    repair, safe, first_seen_at_ms, last_seen_at_ms, first_check_id, last_check_id, message, expected, actual, repair_order)
  VALUES (@fingerprint, @class, @kind, 'new', @source, @key, @submissionId, @email, @entity, @crmId, @sinceMs,
    @repair, @safe, @nowMs, @nowMs, @check, @check, @message, @expected, @actual, @order)
  ON CONFLICT (fingerprint) DO UPDATE SET
    state = CASE WHEN state IN ('gone', 'repaired') THEN 'new'
      WHEN state = 'new' AND first_check_id <> @check THEN 'open' ELSE state END,
    first_seen_at_ms = iif(state IN ('gone', 'repaired'), @nowMs, first_seen_at_ms),
    first_check_id = iif(state IN ('gone', 'repaired'), @check, first_check_id),
    why = iif(state IN ('gone', 'repaired'), NULL, why),
    accepted_at_ms = iif(state IN ('gone', 'repaired'), NULL, accepted_at_ms),
    repair_queued_at_ms = iif(state IN ('gone', 'repaired'), NULL, repair_queued_at_ms),
    closed_check_id = NULL, last_seen_at_ms = @nowMs, last_check_id = @check,
    class = excluded.class, kind = excluded.kind, source = excluded.source, key = excluded.key,
    submission_id = excluded.submission_id, email = excluded.email, entity = excluded.entity, crm_id = excluded.crm_id,
    since_ms = excluded.since_ms, repair = excluded.repair, safe = excluded.safe, message = excluded.message,
    expected = excluded.expected, actual = excluded.actual, repair_order = excluded.repair_order`;

export function saveDiscrepancies(
  store: Store,
  check: CheckId,
  found: readonly FoundDiscrepancy[],
  nowMs: number,
): void {
  for (let from = 0; from < found.length; from += CHUNK) {
    store.write(() => {
      for (const { expected, actual, order, safe, sinceMs, ...row } of found.slice(from, from + CHUNK)) {
        store.run(SAVE, {
          ...row,
          check,
          nowMs,
          sinceMs: Math.round(sinceMs),
          safe: safe ? 1 : 0,
          expected: jsonOrNull(expected),
          actual: jsonOrNull(actual),
          order: jsonOrNull(order),
        });
      }
    });
  }
}

const jsonOrNull = (value: unknown): string | null =>
  value === null || value === undefined ? null : JSON.stringify(value);

interface Unseen {
  id: number;
  state: DiscrepancyState;
  source: string | null;
  submittedAtMs: number | null;
  queued: 0 | 1;
  lastCheck: CheckId;
}

const LIVE = `
  SELECT d.id, d.state, d.source, d.repair_queued_at_ms IS NOT NULL AS queued, d.last_check_id AS lastCheck,
    coalesce((SELECT submitted_at_ms FROM submissions WHERE id = d.submission_id),
      (SELECT s.submitted_at_ms FROM submission_names n JOIN submissions s ON s.id = n.submission_id
        WHERE n.source = d.source AND n.key = d.key)) AS submittedAtMs
  FROM discrepancies d
  WHERE d.state IN ('new', 'open', 'accepted') AND d.id > ? ORDER BY d.id LIMIT ${CHUNK}`;
const CLOSE = "UPDATE discrepancies SET state = ?, closed_check_id = ? WHERE id = ?";

/** In transactions of a bounded number of rows; the check ends in the last. Safe to repeat. */
export function finishCheck(store: Store, id: CheckId, summary: unknown, nowMs: number): void {
  const { scope } = loadCheck(store, id);
  for (let after = 0; ; ) {
    const rows = store.write(() => {
      const live = store.all<Unseen>(LIVE, after);
      for (const row of live) {
        if (row.lastCheck === id || !wasJudged(scope, row)) continue;
        const state = row.queued === 1 && row.state !== "accepted" ? "repaired" : "gone";
        store.run(CLOSE, state, id, row.id);
      }
      if (live.length < CHUNK) {
        const end = "UPDATE checks SET ended_at_ms = coalesce(ended_at_ms, ?), summary = ? WHERE id = ?";
        store.run(end, nowMs, JSON.stringify(summary ?? null), id);
      }
      return live;
    });
    if (rows.length < CHUNK) return;
    after = rows.at(-1)!.id;
  }
}

/** Whether the check would have found it again. One without a submission has no time: only a check of all times judges it. */
function wasJudged(scope: CheckScope, row: Unseen): boolean {
  if (scope.source !== null && scope.source !== row.source) return false;
  if (row.submittedAtMs === null) return scope.sinceMs === null && scope.untilMs === null;
  return (
    (scope.sinceMs === null || row.submittedAtMs >= scope.sinceMs) &&
    (scope.untilMs === null || row.submittedAtMs < scope.untilMs)
  );
}

/** Each way in has an index for what it begins with; the rest of the filter is looked at row by row. */
const BY_ID = "d.id IN (SELECT CAST(value AS INTEGER) FROM json_each(@ids))";
const BY_CHECK = `d.id IN (SELECT id FROM discrepancies WHERE last_check_id = @check
  UNION SELECT id FROM discrepancies WHERE closed_check_id = @check)`;
const BY_SUBMISSION = "d.submission_id = @submission";
const BY_LIFE = "d.state IN ('new', 'open', 'accepted')";
const REST = `(@ids IS NULL OR CAST(d.id AS TEXT) IN (SELECT value FROM json_each(@ids)))
  AND (@kinds IS NULL OR d.kind IN (SELECT value FROM json_each(@kinds)))
  AND (@states IS NULL OR d.state IN (SELECT value FROM json_each(@states)))
  AND (@class IS NULL OR d.class = @class)
  AND (@submission IS NULL OR d.submission_id = @submission)
  AND (@check IS NULL OR d.last_check_id = @check OR d.closed_check_id = @check)`;

const isLive = (state: DiscrepancyState): boolean => state !== "repaired" && state !== "gone";

function whereOf(filter: DiscrepancyFilter): string {
  if (filter.ids !== undefined) return `${BY_ID} AND ${REST}`;
  if (filter.submissionId !== undefined) return `${BY_SUBMISSION} AND ${REST}`;
  if (filter.check !== undefined) return `${BY_CHECK} AND ${REST}`;
  return filter.states?.every(isLive) ? `${BY_LIFE} AND ${REST}` : REST;
}

function valuesOf({ ids, kinds, states, class: group, submissionId, check }: DiscrepancyFilter) {
  const list = (values: readonly string[] | undefined): string | null =>
    values === undefined ? null : JSON.stringify(values);
  return {
    ids: list(ids),
    kinds: list(kinds),
    states: list(states),
    class: group ?? null,
    submission: submissionId ?? null,
    check: check ?? null,
  };
}

const COLUMNS = `d.id, d.fingerprint, d.class, d.kind, d.state, d.source, d.key, d.submission_id AS submissionId, d.email,
  d.entity, d.crm_id AS crmId, d.expected, d.actual, d.message, d.since_ms AS sinceMs, d.repair, d.safe,
  d.repair_order AS "order", d.first_seen_at_ms AS firstSeenAtMs, d.last_seen_at_ms AS lastSeenAtMs, d.why, d.repairs`;

type RawDiscrepancy = Omit<DiscrepancyRow, "id" | "expected" | "actual" | "order" | "safe"> & {
  id: number;
  expected: string | null;
  actual: string | null;
  order: string | null;
  safe: 0 | 1;
};

/** In the order in which they were found first. */
export function discrepancies(
  store: Store,
  filter: DiscrepancyFilter,
  after: string | null,
  limit: number,
): Page<DiscrepancyRow> {
  const sql = `SELECT ${COLUMNS} FROM discrepancies d WHERE ${whereOf(filter)} AND d.id > @after ORDER BY d.id LIMIT @limit`;
  const rows = store.all<RawDiscrepancy>(sql, { ...valuesOf(filter), after: Number(after ?? 0), limit });
  const last = rows.at(-1);
  return { rows: rows.map(shown), next: last !== undefined && rows.length === limit ? String(last.id) : null };
}

const parsed = (text: string | null): unknown => (text === null ? null : JSON.parse(text));

function shown({ id, expected, actual, order, safe, ...row }: RawDiscrepancy): DiscrepancyRow {
  return {
    ...row,
    id: String(id),
    expected: parsed(expected),
    actual: parsed(actual),
    order: parsed(order),
    safe: safe === 1,
  };
}

export function countDiscrepancies(
  store: Store,
  filter: DiscrepancyFilter,
): { class: DiscrepancyClass; kind: string; state: DiscrepancyState; count: number }[] {
  return store.all(
    `SELECT d.class, d.kind, d.state, count(*) AS count FROM discrepancies d WHERE ${whereOf(filter)}
     GROUP BY d.class, d.kind, d.state ORDER BY d.class, d.kind, d.state`,
    valuesOf(filter),
  );
}

export function acceptDiscrepancies(store: Store, filter: DiscrepancyFilter, why: string, nowMs: number): number {
  const open = `SELECT d.id FROM discrepancies d
    WHERE ${whereOf(filter)} AND d.state IN ('new', 'open') AND d.id > @after ORDER BY d.id LIMIT ${CHUNK}`;
  const accept = "UPDATE discrepancies SET state = 'accepted', why = ?, accepted_at_ms = ? WHERE id = ?";
  let accepted = 0;
  for (let after = 0; ; ) {
    const rows = store.write(() => {
      const ids = store.all<{ id: number }>(open, { ...valuesOf(filter), after });
      for (const { id } of ids) store.run(accept, why, nowMs, id);
      return ids;
    });
    accepted += rows.length;
    if (rows.length < CHUNK) return accepted;
    after = rows.at(-1)!.id;
  }
}
