/** Every record that came in, accounted for; and every submission with what it became. */
import type { SubmissionContent } from "../../domain/submission.ts";
import type { Accounts, ExportFilter, ExportRow } from "../accounts.ts";
import type { CheckScope } from "../checks.ts";
import type { Store } from "./store.ts";
import { parseError } from "./submission-rows.ts";

const IN_SCOPE = `submitted_at_ms + 0 >= @sinceMs AND submitted_at_ms + 0 < @untilMs AND (@source IS NULL OR source = @source)`;

const BY_STATE = `SELECT state, count(*) AS n FROM submissions WHERE ${IN_SCOPE} GROUP BY state`;

/** What people accepted is still not as it was sent. */
const STANDS = "state IN ('new', 'open', 'accepted')";
const WORST = `
  SELECT max(CASE
    WHEN kind LIKE '%-missing' AND ${STANDS} THEN 4
    WHEN kind LIKE '%-deleted' AND ${STANDS} THEN 3
    WHEN kind LIKE '%-merged' AND state <> 'gone' THEN 2
    WHEN (kind LIKE '%-drift' OR kind = 'link-wrong') AND ${STANDS} THEN 1
    ELSE 0 END)
  FROM discrepancies WHERE submission_id = submissions.id`;
const DELIVERED = `
  SELECT coalesce((${WORST}), 0) AS worst, count(*) AS n FROM submissions
  WHERE ${IN_SCOPE} AND state = 'done' GROUP BY worst`;

/** By the nearest rank, so that each is a delay that one submission really had. */
const DELAYS = `
  SELECT delay, n, total FROM (
    SELECT max(0, done_at_ms - submitted_at_ms) AS delay, count(*) OVER () AS total,
      row_number() OVER (ORDER BY max(0, done_at_ms - submitted_at_ms)) AS n
    FROM submissions WHERE ${IN_SCOPE} AND state = 'done' AND done_at_ms IS NOT NULL)
  WHERE n IN ((total + 1) / 2, (total * 95 + 99) / 100, total)`;

const REJECTS = `
  SELECT CASE WHEN closed_at_ms IS NULL THEN kind ELSE 'dropped' END AS fate, count(*) AS n FROM rejects
  WHERE created_at_ms >= @sinceMs AND created_at_ms < @untilMs AND (@source IS NULL OR source = @source)
    AND (closed_at_ms IS NULL OR dropped = 1) GROUP BY fate`;

const COUNTED = `
  SELECT verdict, sum(n) AS n FROM intake_counts
  WHERE slot_ms >= @sinceMs AND slot_ms < @untilMs AND (@source IS NULL OR source = @source) GROUP BY verdict`;

const OPEN = "('pending', 'waiting', 'inProgress', 'uncertain')";
const OVERDUE = `SELECT count(*) AS n FROM submissions WHERE ${IN_SCOPE} AND state IN ${OPEN} AND submitted_at_ms + target_ms < @nowMs`;

/** What the ledger sees by itself is counted by state: a check's word on it may be old. */
const BREAKS = `
  SELECT count(*) AS n FROM discrepancies d LEFT JOIN submissions s ON s.id = d.submission_id
  WHERE d.state IN ('new', 'open') AND d.class = 'break'
    AND (d.kind LIKE '%-missing' OR d.kind LIKE '%-duplicate' OR d.kind IN ('not-in-ledger', 'not-ingested'))
    AND coalesce(s.submitted_at_ms, d.since_ms) >= @sinceMs AND coalesce(s.submitted_at_ms, d.since_ms) < @untilMs
    AND (@source IS NULL OR coalesce(s.source, d.source) = @source)`;

type Bounds = { source: string | null; sinceMs: number; untilMs: number };

function boundsOf({ source, sinceMs, untilMs }: CheckScope): Bounds {
  return { source, sinceMs: sinceMs ?? Number.MIN_SAFE_INTEGER, untilMs: untilMs ?? Number.MAX_SAFE_INTEGER };
}

export function accounts(store: Store, scope: CheckScope, nowMs: number): Accounts {
  const bounds = boundsOf(scope);
  return store.read(() => {
    const states = countsOf(store, BY_STATE, "state", bounds);
    const rejects = countsOf(store, REJECTS, "fate", bounds);
    const counted = countsOf(store, COUNTED, "verdict", bounds);
    const worst = countsOf(store, DELIVERED, "worst", bounds);
    const sum = (...names: string[]): number => names.reduce((total, name) => total + (states.get(name) ?? 0), 0);
    return {
      delivered: {
        asSent: worst.get("0") ?? 0,
        edited: worst.get("1") ?? 0,
        merged: worst.get("2") ?? 0,
        deleted: worst.get("3") ?? 0,
        missing: worst.get("4") ?? 0,
      },
      duplicate: counted.get("duplicate") ?? 0,
      skipped: counted.get("skipped") ?? 0,
      rejected: rejects.get("reject") ?? 0,
      conflict: rejects.get("conflict") ?? 0,
      failed: sum("failed"),
      dropped: sum("dropped") + (rejects.get("dropped") ?? 0),
      waiting: sum("pending", "waiting", "inProgress", "uncertain"),
      overdue: store.one<{ n: number }>(OVERDUE, { ...bounds, nowMs })!.n,
      history: sum("history"),
      openBreaks: store.one<{ n: number }>(BREAKS, bounds)!.n,
      delaySeconds: delaysOf(store, bounds),
    };
  });
}

function countsOf(store: Store, sql: string, column: string, bounds: Bounds): Map<string, number> {
  const rows = store.all<Record<string, string | number>>(sql, bounds);
  return new Map(rows.map((row) => [String(row[column]), Number(row.n)]));
}

function delaysOf(store: Store, bounds: Bounds): Accounts["delaySeconds"] {
  const rows = store.all<{ delay: number; n: number; total: number }>(DELAYS, bounds);
  const total = rows[0]?.total ?? 0;
  const at = (rank: number): number | null => {
    const row = rows.find(({ n }) => n === rank);
    return row === undefined ? null : Math.round(row.delay / 1000);
  };
  return {
    p50: at(Math.floor((total + 1) / 2)),
    p95: at(Math.floor((total * 95 + 99) / 100)),
    max: at(total),
  };
}

const EXPORT = `
  SELECT id, source, key, state, lane, submitted_at_ms AS submittedAtMs, received_at_ms AS receivedAtMs,
    done_at_ms AS doneAtMs, failed_at_ms AS failedAtMs, revises, error, content
  FROM submissions
  WHERE submitted_at_ms + 0 >= @atMs AND submitted_at_ms + 0 < @untilMs AND (submitted_at_ms + 0, id) > (@atMs, @id)
    AND (@source IS NULL OR source = @source)
    AND (@states IS NULL OR state IN (SELECT value FROM json_each(@states)))
  ORDER BY submitted_at_ms + 0, id LIMIT @limit`;
const RECORDS = `SELECT name AS step, entity, crm_id AS crmId FROM steps
  WHERE submission_id = ? AND dropped = 0 AND state = 'done' AND crm_id IS NOT NULL ORDER BY position, id`;

type RawExport = Omit<ExportRow, "content" | "error" | "records" | "isRevision"> & {
  content: string | null;
  error: string | null;
  revises: number | null;
};

export function exportRows(
  store: Store,
  filter: ExportFilter,
  after: Pick<ExportRow, "id" | "submittedAtMs"> | null,
  limit: number,
): ExportRow[] {
  const { source, sinceMs, untilMs } = boundsOf(filter);
  const states = filter.states === null ? null : JSON.stringify(filter.states);
  // The first page begins before all ids of its first instant.
  const { id, submittedAtMs: atMs } = after ?? { id: 0, submittedAtMs: sinceMs };
  const values = { source, untilMs, states, atMs, id, limit };
  return store.read(() =>
    store.all<RawExport>(EXPORT, values).map(({ content, error, revises, ...row }) => ({
      ...row,
      isRevision: revises !== null,
      content: content === null ? null : (JSON.parse(content) as SubmissionContent),
      error: parseError(error),
      records: store.all<ExportRow["records"][number]>(RECORDS, row.id),
    })),
  );
}
