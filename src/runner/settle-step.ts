import type { StepAction } from "../domain/chain.ts";
import type { ClaimId, StepId } from "../domain/ids.ts";
import type { Outcome } from "../domain/operation.ts";
import type { SentValues } from "../ledger/checks.ts";
import type { StepChange } from "../ledger/rows.ts";
import { stepChange } from "./outbox.ts";

export interface BegunStep {
  claimId: ClaimId;
  stepId: StepId;
  action: StepAction;
  /** What an update sends, for whoever compares the record with it later. */
  sent?: SentValues;
  /** Why it was written so, kept once it is. Absent: what the step says already stays. */
  explanation?: string;
}

/**
 * What an outcome makes of the step that was begun for it. Purely mechanical: whether a refusal ends the submission is the
 * driver's to decide, in the same turn. `updatedId` is the record of an update, which a reply need not repeat.
 */
export function settleStep(step: BegunStep, outcome: Outcome, nowMs: number, updatedId: string | null): StepChange {
  switch (outcome.type) {
    case "applied":
      return stepChange(step, "begun", "done", {
        action: step.action,
        crmId: step.action === "delete" ? null : (outcome.id ?? updatedId),
        error: null,
        lostAtMs: null,
        handle: null,
        ...(step.explanation !== undefined && { explanation: step.explanation }),
      });
    case "uncertain":
      return stepChange(step, "begun", "uncertain", {
        lostAtMs: nowMs,
        probes: 0,
        error: { code: outcome.code, message: outcome.message },
      });
    case "pending":
      return stepChange(step, "begun", "pending", { handle: outcome.handle });
    case "refused":
      return stepChange(step, "begun", "open", { error: { code: outcome.code, message: outcome.message } });
    case "deferred":
      return stepChange(step, "begun", "open");
  }
}
