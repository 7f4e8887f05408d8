import { CrmledgerError } from "../domain/errors.ts";
import type { DriveContext } from "./context.ts";
import { stepOf, submissionChange, type Verdict, verdictOf, type Work } from "./work.ts";

/** Concludes a work for whatever was thrown while it was driven. Throws what is no submission's matter: the ledger's errors. */
export function concludeFor(context: DriveContext, work: Work, error: unknown): void {
  const nowMs = context.deps.clock.wallMs();
  let verdict: ReturnType<typeof verdictOf>;
  try {
    verdict = verdictOf(error, nowMs, context.deps.settings.retry.settleMs[0] ?? 0);
  } catch (unforeseen) {
    verdict = afterMishap(context, work, unforeseen, nowMs);
  }
  if (verdict === null) {
    work.ended = true;
    return;
  }
  conclude(context, work, verdict);
}

/** So many submissions of a run met a bug, and none was delivered: it is no single one's matter. */
const MISHAPS_MAX = 3;
export const MISHAP_WAIT_MS = 15 * 60_000;
const MISHAP_HINT =
  "A bug of crmledger: please report it. Nothing was lost; after an update `retry-failed` tries again.";

/**
 * A bug that one submission brings to light must not keep all others back, run after run. It uses up a try where others are
 * delivered; else the bug may be everybody's, and all wait for an update.
 */
function afterMishap(context: DriveContext, work: Work, error: unknown, nowMs: number): Verdict {
  const { tally, wheel, deps } = context;
  // This machine's troubles (ledger, disk) have errors of their own.
  if (!(error instanceof Error) || error instanceof CrmledgerError) throw error;
  const areOthers = context.isDelivering || tally.drained.done > 0;
  if (wheel.failure || (tally.mishap(work.row, error) >= MISHAPS_MAX && !areOthers)) throw error;
  const message = deps.redact(`crmledger could not go on with it (${error.name}: ${error.message})`);
  const waitMs = MISHAP_WAIT_MS;
  if (!areOthers) return { type: "later", dueAtMs: nowMs + waitMs, kind: "retry", detail: message };
  return { type: "again", error: { code: "UNEXPECTED", message, hint: MISHAP_HINT }, step: null, waitMs };
}

/** While the breaker says that the CRM is down, a read that failed is no fault of the submission that wanted it. */
export function sparedIn(context: DriveContext, verdict: Verdict | "halted"): Verdict | "halted" {
  if (verdict === "halted" || verdict.type !== "again") return verdict;
  return context.wheel.board.gates.isOutage ? { ...verdict, spared: true } : verdict;
}

/** Records the end of a work under this claim. */
export function conclude(context: DriveContext, work: Work, verdict: Verdict | "halted" | "done"): void {
  if (work.ended) return;
  work.ended = true;
  const { wheel, tally, deps } = context;
  if (verdict === "done") {
    wheel.record({ submissions: [{ claimId: work.claimId, submissionId: work.row.id, to: "done", error: null }] });
    tally.count(work.row.id, "done");
    return;
  }
  const change = submissionChange(work, sparedIn(context, verdict), deps);
  const failedStep =
    verdict !== "halted" && (verdict.type === "failed" || change.to === "failed") && "step" in verdict
      ? verdict.step
      : null;
  const step = failedStep ? stepOf(work, failedStep) : undefined;
  if (step?.state === "open" && "error" in (verdict as object)) {
    const { error } = verdict as { error: NonNullable<typeof change.error> };
    wheel.record({
      steps: [
        { claimId: work.claimId, stepId: step.id, from: "open", to: "failed", error, attempts: step.attempts + 1 },
      ],
    });
  }
  wheel.record({ submissions: [change] });
  tally.count(work.row.id, change.to);
}
