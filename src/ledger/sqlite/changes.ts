/** Changes of steps and submissions, guarded by claim and expected state. False: the guard did not hold. */
import type { StepState } from "../../domain/chain.ts";
import type { ClaimId, StepId } from "../../domain/ids.ts";
import type { StepChange, SubmissionChange } from "../rows.ts";
import { keepKeys, unkeepKeys } from "./leases.ts";
import type { Store } from "./store.ts";

const BEGINNABLE = `
  SELECT 1 FROM steps s JOIN submissions p ON p.id = s.submission_id
  WHERE s.id = ? AND p.claim_id = ? AND s.state = 'open' AND s.dropped = 0`;
/** In one statement, and by position: of all statements this one runs most often. */
const saveStep = (columns: readonly string[]): string => `
  UPDATE steps SET state = ?${columns.map((column) => `, ${column} = ?`).join("")}
  WHERE id = ? AND state = ? AND dropped = 0
    AND EXISTS (SELECT 1 FROM submissions p WHERE p.id = steps.submission_id AND p.claim_id = ?)`;

/** Column by member; the order in which they are written. */
const COLUMNS = [
  ["action", "action"],
  ["crmId", "crm_id"],
  ["attempts", "attempts"],
  ["lostAtMs", "lost_at_ms"],
  ["probes", "probes"],
  ["handle", "handle"],
  ["explanation", "explanation"],
] as const satisfies [keyof StepChange, string][];

/** A member that is absent keeps the row's value; null clears it. */
export function changeStep(store: Store, change: StepChange): boolean {
  const columns: string[] = [];
  const values: (string | number | null)[] = [];
  for (const [member, column] of COLUMNS) {
    const value = change[member];
    if (value === undefined) continue;
    columns.push(column);
    values.push(member === "lostAtMs" && value !== null ? Math.round(value as number) : value);
  }
  if (change.error !== undefined) {
    columns.push("error");
    values.push(change.error === null ? null : JSON.stringify(change.error));
  }
  const saved = store.run(saveStep(columns), change.to, ...values, change.stepId, change.from, change.claimId);
  if (saved.changes !== 1) return false;
  if (change.from === "begun" && change.to !== "begun") settleMixedAttempt(store, change);
  if (change.to === "done" && change.from !== "done" && change.action === "merge") followMerge(store, change.stepId);
  return true;
}

/** Steps that one merge moves in its transaction. More may be on one organization; the next check finds them. */
const FOLLOW_ROWS = 500;
const FOLLOW = `
  UPDATE steps SET crm_id = m.survivor,
    explanation = trim(coalesce(explanation, '') || ' Its record ' || m.target || ' was merged into ' || m.survivor || '.')
  FROM (SELECT entity, content ->> '$.repair.target' AS target, content ->> '$.repair.into' AS survivor
    FROM steps WHERE id = @step) m
  WHERE m.survivor IS NOT NULL AND steps.id IN
    (SELECT o.id FROM steps o WHERE o.entity = m.entity AND o.crm_id = m.target AND o.state = 'done' LIMIT ${FOLLOW_ROWS})`;

/** What a merge took away is the other record now, whichever submission had written it. */
function followMerge(store: Store, step: StepId): void {
  store.run(FOLLOW, { step });
}

/** What the state after a try says about it, where the request's own outcome was mixed. */
const OUTCOME_BY_STATE: Partial<Record<StepState, string>> = {
  done: "applied",
  failed: "refused",
  open: "deferred",
  uncertain: "uncertain",
  pending: "pending",
};

function settleMixedAttempt(store: Store, change: StepChange): void {
  const outcome = OUTCOME_BY_STATE[change.to] ?? "uncertain";
  store.run(
    "UPDATE attempts SET outcome = ?, error = ? WHERE step_id = ? AND outcome = 'mixed'",
    outcome,
    change.error?.message ?? null,
    change.stepId,
  );
}

/** Whether the step can be begun under this claim. */
export function beginnable(store: Store, step: StepId, claim: ClaimId): boolean {
  return store.one(BEGINNABLE, step, claim) !== undefined;
}

const SAVE_SUBMISSION = `
  UPDATE submissions SET state = @to, due_at_ms = coalesce(@dueAtMs, due_at_ms), attempts = coalesce(@attempts, attempts),
    error = iif(@errorGiven, @error, error), error_code = iif(@errorGiven, @errorCode, error_code),
    failed_at_ms = iif(@to = 'failed', @nowMs, NULL), done_at_ms = coalesce(done_at_ms, iif(@to = 'done', @nowMs, NULL)),
    claim_id = iif(@to = 'inProgress', claim_id, NULL), prior_state = iif(@to = 'inProgress', prior_state, NULL)
  WHERE id = @submissionId AND claim_id = @claimId`;

/** A submission that goes to any state but `inProgress` leaves its claim; the claim's keys stay taken until its release. */
export function changeSubmission(store: Store, change: SubmissionChange, nowMs: number): boolean {
  const waits = change.to === "waiting" || change.to === "uncertain";
  const saved = store.run(SAVE_SUBMISSION, {
    submissionId: change.submissionId,
    claimId: change.claimId,
    to: change.to,
    nowMs,
    dueAtMs: change.dueAtMs === undefined ? (waits ? nowMs : null) : Math.round(change.dueAtMs),
    attempts: change.attempts ?? null,
    // What a done one waited for once is in its waits.
    errorGiven: change.error === undefined && change.to !== "done" ? 0 : 1,
    error: change.error ? JSON.stringify(change.error) : null,
    errorCode: change.error?.code ?? null,
  });
  if (saved.changes !== 1) return false;
  if (change.to !== "inProgress") {
    if (change.to === "uncertain" && change.keepKeys === true) keepKeys(store, change.submissionId, change.claimId);
    else unkeepKeys(store, change.submissionId);
  }
  if (change.wait !== undefined) {
    store.run(
      "INSERT INTO waits (submission_id, at_ms, kind, until_ms, detail) VALUES (?, ?, ?, ?, ?)",
      change.submissionId,
      nowMs,
      change.wait.kind,
      change.wait.untilMs === null ? null : Math.round(change.wait.untilMs),
      change.wait.detail,
    );
  }
  return true;
}
