/** Takes back the work of runs and claims that are gone. */
import type { ClaimId, RequestId, RunId, StepId, SubmissionId } from "../../domain/ids.ts";
import { IMPORT_LOCK, type TakenBack } from "../arriving.ts";
import { DIED_AT_WORK } from "../ledger.ts";
import type { Now, Recovered } from "../rows.ts";
import { boundAccount } from "./account.ts";
import { discard } from "./admission.ts";
import { endClaim, keepKeys } from "./leases.ts";
import type { Store } from "./store.ts";

/** Claims that one transaction takes back: the write lock is never held for long. */
const CLAIMS_AT_ONCE = 50;

export function recover(store: Store, runs: readonly RunId[], now: Now, settleMs: number): TakenBack {
  const total: TakenBack = { submissions: 0, uncertainSteps: 0, discarded: 0 };
  for (const run of runs) {
    const theirs = `SELECT id FROM claims WHERE run_id = ? LIMIT ${CLAIMS_AT_ONCE}`;
    takeBackAll(store, () => store.all<{ id: ClaimId }>(theirs, run), now, settleMs, total);
    total.discarded += discard(store, run);
    store.write(() => {
      const open = "SELECT id FROM requests WHERE run_id = ? AND outcome IS NULL";
      for (const { id } of store.all<{ id: RequestId }>(open, run)) closeRequest(store, id);
      const end =
        "UPDATE runs SET ended_at_ms = ?, stopped = 'died' WHERE id = ? AND ended_at_ms IS NULL RETURNING lock_name, started_at_ms";
      const ended = store.one<{ lock_name: string | null; started_at_ms: number }>(end, now.wallMs, run);
      // Those without a lock send nothing, and imports neither.
      if (ended?.lock_name != null && !ended.lock_name.startsWith(IMPORT_LOCK))
        rememberDeath(store, ended.started_at_ms);
    });
  }
  return total;
}

/** The end of what it committed may be gone with the end of the log, which looks like a log that ended there. */
function rememberDeath(store: Store, startedAtMs: number): void {
  const account = boundAccount(store);
  if (account === null) return;
  const sql = `INSERT INTO catalog (account_id, part, body, fetched_at_ms) VALUES (?, '${DIED_AT_WORK}', '{}', ?)
    ON CONFLICT DO UPDATE SET fetched_at_ms =
      CASE WHEN fetched_at_ms > 0 THEN min(fetched_at_ms, excluded.fetched_at_ms) ELSE excluded.fetched_at_ms END`;
  store.run(sql, account.id, startedAtMs);
}

export function recoverExpired(store: Store, now: Now, settleMs: number): Recovered {
  const total: Recovered = { submissions: 0, uncertainSteps: 0 };
  const expired = `SELECT id FROM claims WHERE until_ms <= ? LIMIT ${CLAIMS_AT_ONCE}`;
  takeBackAll(store, () => store.all<{ id: ClaimId }>(expired, now.wallMs), now, settleMs, total);
  return total;
}

/** Transaction by transaction, until there are no more of them. */
function takeBackAll(store: Store, load: () => { id: ClaimId }[], now: Now, settleMs: number, total: Recovered): void {
  for (;;) {
    const found = store.write(() => {
      const claims = load();
      const part = takeBack(store, claims, now, settleMs);
      total.submissions += part.submissions;
      total.uncertainSteps += part.uncertainSteps;
      return claims.length;
    });
    if (found < CLAIMS_AT_ONCE) return;
  }
}

function takeBack(store: Store, claims: { id: ClaimId }[], now: Now, settleMs: number): Recovered {
  const total: Recovered = { submissions: 0, uncertainSteps: 0 };
  for (const { id: claim } of claims) {
    const submissions = store.all<{ id: SubmissionId }>("SELECT id FROM submissions WHERE claim_id = ?", claim);
    for (const { id } of submissions) {
      total.uncertainSteps += loseAnswers(store, id, now);
      giveBack(store, id, settleMs);
      keepKeys(store, id, claim);
      total.submissions += 1;
    }
    endClaim(store, claim);
  }
  return total;
}

interface LostStep {
  id: StepId;
  requestId: RequestId | null;
  sentAtMs: number | null;
  timeoutMs: number | null;
}

/** Steps with an intent and no outcome: nobody will ever say what became of them. */
function loseAnswers(store: Store, submission: SubmissionId, now: Now): number {
  const lost = store.all<LostStep>(
    `SELECT s.id, s.sent_at_ms AS sentAtMs, r.id AS requestId, r.timeout_ms AS timeoutMs
     FROM steps s LEFT JOIN attempts a ON a.step_id = s.id AND a.outcome IS NULL
       LEFT JOIN requests r ON r.id = a.request_id
     WHERE s.submission_id = ? AND s.state = 'begun'`,
    submission,
  );
  for (const step of lost) {
    const lostAtMs = Math.min(now.wallMs, (step.sentAtMs ?? now.wallMs) + (step.timeoutMs ?? 0));
    store.run("UPDATE steps SET state = 'uncertain', lost_at_ms = ?, probes = 0 WHERE id = ?", lostAtMs, step.id);
    if (step.requestId === null) continue;
    store.run(
      "UPDATE attempts SET outcome = 'uncertain', error = ? WHERE step_id = ? AND request_id = ? AND outcome IS NULL",
      NO_ANSWER,
      step.id,
      step.requestId,
    );
    closeRequestWithoutSteps(store, step.requestId);
  }
  return lost.length;
}

const NO_ANSWER = "The program ended before an answer came.";

/** The request of an expired claim may carry steps of claims that still live; those close it themselves. */
function closeRequestWithoutSteps(store: Store, request: RequestId): void {
  const open = "SELECT 1 FROM attempts WHERE request_id = ? AND outcome IS NULL LIMIT 1";
  if (store.one(open, request) === undefined) closeRequest(store, request);
}

/** Its slots stay taken until their own time: the server may count it that late. */
function closeRequest(store: Store, request: RequestId): void {
  store.run(
    "UPDATE attempts SET outcome = 'uncertain', error = ? WHERE request_id = ? AND outcome IS NULL",
    NO_ANSWER,
    request,
  );
  store.run(
    "UPDATE requests SET outcome = 'uncertain', error = ? WHERE id = ? AND outcome IS NULL",
    NO_ANSWER,
    request,
  );
}

/** Back to the queue: as uncertain where a write of it is, else as pending. */
function giveBack(store: Store, submission: SubmissionId, settleMs: number): void {
  const row = store.one<{ priorState: string | null; dueAtMs: number; lookAtMs: number | null; uncertain: number }>(
    `SELECT prior_state AS priorState, due_at_ms AS dueAtMs,
       (SELECT min(lost_at_ms) FROM steps WHERE submission_id = submissions.id AND state = 'uncertain' AND probes = 0)
         AS lookAtMs,
       EXISTS (SELECT 1 FROM steps WHERE submission_id = submissions.id AND state = 'uncertain') AS uncertain
     FROM submissions WHERE id = ?`,
    submission,
  )!;
  if (row.uncertain === 0) {
    store.run("UPDATE submissions SET state = 'pending', prior_state = NULL, claim_id = NULL WHERE id = ?", submission);
    return;
  }
  const due: number[] = [];
  if (row.priorState === "uncertain") due.push(row.dueAtMs);
  if (row.lookAtMs !== null) due.push(row.lookAtMs + settleMs);
  store.run(
    "UPDATE submissions SET state = 'uncertain', prior_state = NULL, claim_id = NULL, due_at_ms = ? WHERE id = ?",
    Math.round(due.length > 0 ? Math.min(...due) : row.dueAtMs),
    submission,
  );
}

/** A claim that was let go with work in it: the work goes back, unless a write of it is still in flight. */
export function letGo(store: Store, claim: ClaimId): boolean {
  const submissions = store.all<{ id: SubmissionId; begun: number }>(
    `SELECT id, EXISTS (SELECT 1 FROM steps WHERE submission_id = submissions.id AND state = 'begun') AS begun
     FROM submissions WHERE claim_id = ?`,
    claim,
  );
  if (submissions.some((submission) => submission.begun === 1)) return false;
  for (const { id } of submissions) {
    giveBack(store, id, 0);
    keepKeys(store, id, claim);
  }
  endClaim(store, claim);
  return true;
}
