/**
 * The ledger's contract for traces: what a run did for a submission, as its requests, steps and instants tell it. Ids, names of
 * sources and steps, and counts: nothing of a person but `headers`, which are there to be looked through. Instants are UTC ms.
 */
import type { StepAction, StepName, StepState } from "../domain/chain.ts";
import type { RequestId, RunId, StepId, SubmissionId } from "../domain/ids.ts";
import type { Lane, SubmissionState } from "../domain/submission.ts";

/** A submission as its trace begins. */
export interface TracedSubmission {
  id: SubmissionId;
  source: string;
  lane: Lane;
  state: SubmissionState;
  submittedAtMs: number;
  receivedAtMs: number;
  doneAtMs: number | null;
  /** The code of what it failed or waits for. */
  errorCode: string | null;
  /** The run that took it in. */
  takenBy: RunId;
  /** Of a revision: the first version. */
  revises: SubmissionId | null;
  /** What the source's map made of the sender's W3C trace context; null: nothing. */
  traceparent: string | null;
  /** JSON of the headers of a webhook that was stored with them; null: it was not. */
  headers: string | null;
}

/** One request for one of its steps, or (`stepId` null) a look-up on its behalf. */
export interface TracedRequest {
  id: RequestId;
  stepId: StepId | null;
  action: StepAction | null;
  method: string;
  /** Path without ids. */
  route: string;
  begunAtMs: number;
  /** Null: nobody recorded an answer. */
  endedAtMs: number | null;
  latencyMs: number | null;
  status: number | null;
  /** Of the step's part of it. */
  outcome: string;
  tokens: number;
}

export interface TracedStep {
  id: StepId;
  name: StepName;
  state: StepState;
  action: StepAction | null;
}

export interface TracedWork {
  submission: TracedSubmission;
  steps: TracedStep[];
  /** Of the one run that was asked for, in the order in which they were begun. */
  requests: TracedRequest[];
}

export interface TracesLedger {
  /**
   * Names this ledger, at random, for the ids of its traces. At the first call the submissions that are there are left out of
   * `takeArrivals`: nobody wants the past years at once.
   */
  beginTraces(): Promise<string>;
  /** For the id of a submission's trace; null where this ledger never had traces. */
  tracedAs(submission: SubmissionId): Promise<{ ledgerId: string; submission: TracedSubmission } | null>;
  /** Submissions that these runs have in hand. */
  inHandOf(runs: readonly RunId[]): Promise<{ run: RunId; submission: SubmissionId }[]>;
  /** What one run did for a submission, of the requests behind `after` up to `through`; null where it is not there. */
  workOf(run: RunId, submission: SubmissionId, after: number, through: number): Promise<TracedWork | null>;
  /** Submissions that came in since the last call, of whichever process: each is given once. */
  takeArrivals(limit: number): Promise<TracedSubmission[]>;
}
