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
  /** For a chain that has a step at the CRM already: it goes before chains that have none, so that few are half done. */
  continues: boolean;
  /** Before all others, and alone while it is not answered. */
  first?: true;
}

/** For what a run reads on its own account: holds, catalog, directory. */
export function ownTicket(retried = false, lane: Lane = "operational"): Ticket {
  return { lane, steps: [], onBehalfOf: [], claimId: null, retried, continues: false };
}

export interface Performed {
  outcome: Outcome;
  serverTimeMs: number | null;
  sentAtMs: number;
}
