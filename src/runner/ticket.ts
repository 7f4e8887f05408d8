/** What accompanies an operation to the wheel, and what comes back. */
import type { ClaimId, SubmissionId } from "../domain/ids.ts";
import type { Outcome } from "../domain/operation.ts";
import type { Lane } from "../domain/submission.ts";
import type { BegunStep } from "./settle-step.ts";

export interface Ticket {
  lane: Lane;
  /** Steps that the write is for; empty for a read. */
  steps: BegunStep[];
  onBehalfOf: SubmissionId[];
  claimId: ClaimId | null;
  /** A repetition of something that was tried before. */
  retried: boolean;
}

export interface Performed {
  outcome: Outcome;
  serverTimeMs: number | null;
  sentAtMs: number;
}
