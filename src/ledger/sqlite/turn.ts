/**
 * One turn of the wheel in one transaction: outcomes are recorded, slots given back and taken, and the next intents
 * committed, before any byte of those leaves. A claim whose lease was lost takes no part, and the others are not kept
 * from theirs.
 */
import type { ClaimId, SubmissionId } from "../../domain/ids.ts";
import type { ChainPlan, RequestIntent, StepChange, SubmissionChange, Turn, TurnResult } from "../rows.ts";
import { bucketStates, saveBucket } from "./buckets.ts";
import { beginnable, changeStep, changeSubmission } from "./changes.ts";
import { saveFinding } from "./findings.ts";
import { dropRecord, saveRecord } from "./mirror.ts";
import { savePlan } from "./plans.ts";
import { letGo } from "./recovery.ts";
import { beginRequests, finishRequests, giveBackSlots } from "./requests.ts";
import type { Store } from "./store.ts";
import { supersede } from "./versions.ts";

/** What a turn has for one claim. */
interface ClaimWork {
  plans: ChainPlan[];
  steps: StepChange[];
  submissions: SubmissionChange[];
  begins: RequestIntent["steps"];
}

export function turn(store: Store, work: Turn): TurnResult {
  return store.writeTwice(() => {
    renewLeases(store, work);
    const ended = finishRequests(store, work);
    for (const state of work.buckets) saveBucket(store, work.accountId, work.credential, state, work.now);
    const states = bucketStates(store, work.accountId, work.credential);
    giveBackSlots(store, work, ended, states);
    for (const { record, keys } of work.mirror) saveRecord(store, work.accountId, record, keys, null, work.now.wallMs);
    for (const { entity, id } of work.gone) dropRecord(store, work.accountId, entity, id);
    for (const finding of work.findings ?? []) saveFinding(store, work, finding);
    const { fenced, planned } = changeClaims(store, work);
    const intents = work.begin.filter((intent) => intent.steps.every((step) => !fenced.has(step.claimId)));
    const begun = beginRequests(store, work, intents, states);
    for (const claim of work.release) {
      if (!fenced.has(claim) && ownsClaim(store, work, claim)) letGo(store, claim);
    }
    return { ...begun, fenced: [...fenced], planned };
  });
}

/** Renewed before everything else, so that a turn's work is never that of a lease which ends under it; not at every turn. */
function renewLeases(store: Store, work: Turn): void {
  const worthIt = work.leaseUntilMs - (work.leaseUntilMs - work.now.wallMs) / 10;
  store.run(
    "UPDATE claims SET until_ms = ? WHERE run_id = ? AND until_ms < ?",
    Math.round(work.leaseUntilMs),
    work.runId,
    Math.round(worthIt),
  );
}

/** A claim whose lease ran out is still its run's until somebody took its work back: that deletes the row. */
function ownsClaim(store: Store, work: Turn, claim: ClaimId): boolean {
  return store.one("SELECT 1 FROM claims WHERE id = ? AND run_id = ?", claim, work.runId) !== undefined;
}

function changeClaims(store: Store, work: Turn): { fenced: Set<ClaimId>; planned: TurnResult["planned"] } {
  const fenced = new Set<ClaimId>();
  const planned = new Map<ChainPlan, TurnResult["planned"][number]>();
  for (const [claim, changes] of byClaim(work)) {
    const kept = ownsClaim(store, work, claim) && store.attempt(() => changeClaim(store, work, changes, planned));
    if (kept) continue;
    fenced.add(claim);
    for (const plan of changes.plans) planned.delete(plan);
  }
  // In the order of the turn's plans, whichever claim they belong to.
  const results = work.plans.flatMap((plan) => planned.get(plan) ?? []);
  return { fenced, planned: results };
}

function byClaim(work: Turn): Map<ClaimId, ClaimWork> {
  const claims = new Map<ClaimId, ClaimWork>();
  const of = (claim: ClaimId): ClaimWork => {
    const known = claims.get(claim) ?? { plans: [], steps: [], submissions: [], begins: [] };
    claims.set(claim, known);
    return known;
  };
  for (const plan of work.plans) of(plan.claimId).plans.push(plan);
  for (const step of work.steps) of(step.claimId).steps.push(step);
  for (const submission of work.submissions) of(submission.claimId).submissions.push(submission);
  for (const intent of work.begin) for (const step of intent.steps) of(step.claimId).begins.push(step);
  // Named only to be given back: the caller hears of a lost lease here too.
  for (const claim of work.release) of(claim);
  return claims;
}

/** False as soon as one guard does not hold: then nothing of this claim is written. */
function changeClaim(
  store: Store,
  work: Turn,
  changes: ClaimWork,
  planned: Map<ChainPlan, TurnResult["planned"][number]>,
): boolean {
  const carries = "SELECT revises FROM submissions WHERE id = ? AND claim_id = ?";
  for (const plan of changes.plans) {
    const id = plan.submissionId;
    const carried = store.one<{ revises: SubmissionId | null }>(carries, id, plan.claimId);
    if (carried === undefined) return false;
    if (carried.revises !== null) supersede(store, id, carried.revises, work.now);
    planned.set(plan, { submissionId: plan.submissionId, steps: savePlan(store, plan) });
  }
  return (
    changes.steps.every((change) => changeStep(store, change)) &&
    changes.begins.every((begin) => beginnable(store, begin.stepId, begin.claimId)) &&
    changes.submissions.every((change) => changeSubmission(store, change, Math.round(work.now.wallMs)))
  );
}
