/** What traces are made of. */
import type { RunId, SubmissionId } from "../../domain/ids.ts";
import type { TracedRequest, TracedStep, TracedSubmission, TracedWork } from "../traces.ts";
import type { Store } from "./store.ts";

/** The newest submission whose arrival was given to a trace. */
const TRACED = "traced_submission";

const SUBMISSION = `
  SELECT id, source, lane, state, submitted_at_ms AS submittedAtMs, received_at_ms AS receivedAtMs, done_at_ms AS doneAtMs,
    error_code AS errorCode, run_id AS takenBy, revises, content ->> '$.traceparent' AS traceparent,
    CASE WHEN json_valid(raw) THEN json_extract(raw, '$.headers') END AS headers
  FROM submissions`;
const STEPS = "SELECT id, name, state, action FROM steps WHERE submission_id = ? AND dropped = 0 ORDER BY position, id";
const REQUEST = `r.id, r.method, r.route, r.begun_at_ms AS begunAtMs, r.ended_at_ms AS endedAtMs,
  r.latency_ms AS latencyMs, r.status, r.tokens`;
/** Of a lookup that is a step's own request too only the step's part counts. */
const REQUESTS = `
  SELECT ${REQUEST}, s.id AS stepId, a.action, coalesce(a.outcome, r.outcome) AS outcome
  FROM steps s JOIN attempts a ON a.step_id = s.id JOIN requests r ON r.id = a.request_id
  WHERE s.submission_id = @submission AND r.run_id = @run AND r.id > @after AND r.id <= @through AND r.outcome IS NOT NULL
  UNION ALL
  SELECT ${REQUEST}, NULL, NULL, r.outcome FROM lookups l JOIN requests r ON r.id = l.request_id
  WHERE l.submission_id = @submission AND r.run_id = @run AND r.id > @after AND r.id <= @through AND r.outcome IS NOT NULL
  ORDER BY id`;

const ledgerId = (store: Store): string =>
  store.one<{ value: string }>("SELECT value FROM meta WHERE name = 'ledger_id'")!.value;

export function beginTraces(store: Store): string {
  if (tracedSubmission(store) === null)
    store.write(() => {
      const newest = "SELECT ?, CAST(coalesce(max(id), 0) AS TEXT) FROM submissions";
      store.run(`INSERT OR IGNORE INTO meta (name, value) ${newest}`, TRACED);
    });
  return ledgerId(store);
}

export function tracedAs(store: Store, id: SubmissionId): { ledgerId: string; submission: TracedSubmission } | null {
  if (tracedSubmission(store) === null) return null;
  const submission = store.one<TracedSubmission>(`${SUBMISSION} WHERE id = ?`, id);
  return submission === undefined ? null : { ledgerId: ledgerId(store), submission };
}

function tracedSubmission(store: Store): number | null {
  const row = store.one<{ value: string }>("SELECT value FROM meta WHERE name = ?", TRACED);
  return row === undefined ? null : Number(row.value);
}

export function inHandOf(store: Store, runs: readonly RunId[]): { run: RunId; submission: SubmissionId }[] {
  return store.all(
    `SELECT c.run_id AS run, u.id AS submission FROM claims c JOIN submissions u ON u.claim_id = c.id
     WHERE c.run_id IN (SELECT value FROM json_each(?)) ORDER BY u.id`,
    JSON.stringify(runs),
  );
}

export function workOf(
  store: Store,
  run: RunId,
  submission: SubmissionId,
  after: number,
  through: number,
): TracedWork | null {
  return store.read(() => {
    const row = store.one<TracedSubmission>(`${SUBMISSION} WHERE id = ?`, submission);
    if (row === undefined) return null;
    return {
      submission: row,
      steps: store.all<TracedStep>(STEPS, submission),
      requests: store.all<TracedRequest>(REQUESTS, { submission, run, after, through }),
    };
  });
}

/** What is on its way in has its id already, and may become a submission behind later ones: nobody is told of these before. */
const ARRIVED = "id > @after AND id < coalesce((SELECT min(id) FROM arriving), 9223372036854775807)";
const HAS_ARRIVED = `SELECT 1 FROM submissions WHERE ${ARRIVED} LIMIT 1`;
const NEXT_ARRIVED = `${SUBMISSION} WHERE ${ARRIVED} ORDER BY id LIMIT @limit`;

export function takeArrivals(store: Store, limit: number): TracedSubmission[] {
  const begun = tracedSubmission(store);
  if (begun === null || store.one(HAS_ARRIVED, { after: begun }) === undefined) return [];
  return store.write(() => {
    const rows = store.all<TracedSubmission>(NEXT_ARRIVED, { after: tracedSubmission(store)!, limit });
    const last = rows.at(-1);
    if (last !== undefined) store.run("UPDATE meta SET value = ? WHERE name = ?", String(last.id), TRACED);
    return rows;
  });
}
