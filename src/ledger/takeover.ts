/** The ledger's contract for `adopt`: what an earlier script wrote to the CRM becomes the record of a submission's steps. */
import type { Entity } from "../domain/catalog.ts";
import type { StepContent, StepName, StepRepair } from "../domain/chain.ts";
import type { CrmId, RunId } from "../domain/ids.ts";
import type { Now } from "./rows.ts";

export interface Takeover {
  source: string;
  key: string;
  /** Each is the record of its step from now on: `done`, action `adopt`. Null: nothing is there, and nothing is to be. */
  records: { name: StepName; entity: Entity; crmId: CrmId | null }[];
  /**
   * `leave`: with these records the submission is done, whatever else its plan would have. `write`: what is not among them is
   * planned and written. `keep`: it is history, of which nothing is sent before somebody decides.
   */
  rest: "leave" | "write" | "keep";
  /** Steps `repair.N` that are carried out in the queue first: the stamps. */
  writes: { entity: Entity; content: StepContent & { repair: StepRepair } }[];
  submittedAtMs: number | null;
  /** Since when it is in the CRM, for delays; UTC ms. Of `leave`. */
  deliveredAtMs: number | null;
  /** Why, for `show`. */
  explanation: string;
}

/** `queued`: something is left to send. `changed`: not known, or written by this ledger meanwhile. `busy`: a run works on it. */
export type TakeoverVerdict = "queued" | "done" | "busy" | "changed";

export interface TakeoverLedger {
  /**
   * Takes known submissions that this ledger has written nothing of (history too) out of the queue's hands: all of one in one
   * transaction, so that no run can write in between what was found. `run` counts as the one that took them in. In the order
   * of `takeovers`; safe to repeat.
   */
  takeOver(run: RunId, takeovers: readonly Takeover[], now: Now): Promise<TakeoverVerdict[]>;
}
