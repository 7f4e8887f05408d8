import type { DriveContext } from "./context.ts";
import { stepOf, submissionChange, type Verdict, verdictOf, type Work } from "./work.ts";

/** Concludes a work for whatever was thrown while it was driven. */
export function concludeFor(context: DriveContext, work: Work, error: unknown): void {
  const nowMs = context.deps.clock.wallMs();
  const verdict = verdictOf(error, nowMs, context.deps.settings.retry.settleMs[0] ?? 0);
  if (verdict === null) {
    work.ended = true;
    return;
  }
  conclude(context, work, verdict);
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
