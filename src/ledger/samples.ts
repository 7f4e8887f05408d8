/** The ledger's contract for retries of a cause of which one goes first: the rest stays failed until that has ended. */
import type { SubmissionId } from "../domain/ids.ts";
import type { SubmissionState } from "../domain/submission.ts";
import type { Replacement } from "./replaced.ts";
import type { Now } from "./rows.ts";

export interface SampleRequest {
  /** As somebody asked for it: the whole of a cause, or its first parts. */
  cause: string;
  /** Failed submissions of it, the sample first. */
  ids: readonly SubmissionId[];
  /** What takes the place of the sample's content; null: it keeps its own. */
  content: Replacement | null;
  /** The user of this machine who asked for it. */
  by: string | null;
}

/** `sent`: went back to the queue; null where all of them joined a sample that is under way, or none was failed any more. */
export interface SampleSent {
  /** The one that the others wait for; null: there are no others. */
  sampleId: SubmissionId | null;
  sent: SubmissionId | null;
  /** How many wait for it from now on. */
  waiting: number;
}

export interface RetrySample {
  cause: string;
  sampleId: SubmissionId;
  source: string;
  key: string;
  state: SubmissionState;
  by: string | null;
  createdAtMs: number;
  /** Submissions that wait for it. */
  waiting: number;
}

/** One of those that wait for a sample that went through. */
export interface SampledRow {
  id: SubmissionId;
  source: string;
  key: string;
}

/**
 * What came of a sample. `done`: the rest is in the queue. Otherwise it stays failed, none of its tries spent: `failed` again
 * for the same cause, `otherCause`, `setAside` by a person.
 */
export interface SampleOutcome {
  cause: string;
  source: string;
  key: string;
  end: "done" | "failed" | "otherCause" | "setAside";
  /** The code that the sample failed with. */
  code: string | null;
  /** Size of the rest. */
  rest: number;
}

export interface SamplesLedger {
  /**
   * Puts the first of `ids` back into the queue and lets the others wait for it; all of them wait where a sample of this very
   * cause is under way already. What waits for a sample is passed over. One transaction: not for more than a few hundred ids.
   */
  sendSample(request: SampleRequest, now: Now): Promise<SampleSent>;
  /** Those that submissions wait for, or of which nobody was told yet, oldest first. */
  samples(): Promise<RetrySample[]>;
  /** What waits for samples that went through, oldest first: for `settleSamples`. */
  sampled(limit: number): Promise<SampledRow[]>;
  /**
   * Carries out what the ends of samples mean. Behind one that went through those in `ready` go back to the queue, with the
   * content named there (null: with their own); behind any other all are let go and stay failed. Tells of each sample once,
   * when nothing waits for it any more. Short transactions; idempotent, and what a crash left is done by the next call.
   */
  settleSamples(now: Now, ready: ReadonlyMap<SubmissionId, Replacement | null>): Promise<SampleOutcome[]>;
}
