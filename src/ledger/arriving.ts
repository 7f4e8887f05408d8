/** How a large import comes in: first its records, unseen, then what finds them, sorted, and then the submissions. */
import type { RunId } from "../domain/ids.ts";
import type { Lane } from "../domain/submission.ts";
import type { IncomingSubmission, Recovered } from "./rows.ts";

/** The locks of runs that import begin so: these send nothing. */
export const IMPORT_LOCK = "import-";

/** Records of one source that are on their way in. Of the `n`th one all columns have the `n`th element. */
export interface ArrivingRecords {
  runId: RunId;
  source: string;
  targetMs: number;
  /** As the origins have it. */
  file: string;
  line: (number | null)[];
  raw: string[];
  rawHash: string[];
  key: string[];
  contentHash: string[];
  /** JSON. */
  content: string[];
  submittedAtMs: (number | null)[];
  lane: Lane[];
  history: boolean[];
  /** JSON, each once. */
  identityKeys: string[];
}

/** Records of one source that were sent before; of the `n`th one both columns have the `n`th element. */
export interface KnownAgain {
  source: string;
  file: string;
  line: (number | null)[];
  rawHash: string[];
}

/** What the death of runs left, and the ledger took back. `discarded`: records of an import that were on their way in. */
export type TakenBack = Recovered & { discarded: number };

export interface AdmitOptions {
  /** Begins also where not much has arrived yet: nothing more comes. */
  whole: boolean;
  /**
   * What was submitted before this is kept back, as by the ledger's `holdBack`, where there are more such records than `above`
   * among those that become submissions together.
   */
  holdBack?: { beforeMs: number; above: number; detail: string };
}

export interface Admitted {
  /** Call again: some of what arrived is no submission yet. Without `whole` that may be because not much has arrived. */
  more: boolean;
  /** The write lock was free meanwhile. */
  wasFree?: true;
  /** What became submissions, `heldBack` among `new`: by this call, or because others brought the same meanwhile. */
  new: number;
  heldBack: number;
  history: number;
  /** Of those that are new: submitted before `holdBack.beforeMs`. */
  old: number;
  /** How many of them others let in, who kept nothing of it back. */
  apart: number;
  /**
   * Records that have arrived no longer: the ledger has a part of what they bring, or they need a look for another reason. They
   * are to be ingested as any others.
   */
  contested: IncomingSubmission[];
}
