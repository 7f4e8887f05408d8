/**
 * The contract of `adopt`: submissions of an export against what an earlier script or Zap wrote to the CRM without stamps.
 * Looking and matching change nothing; what is taken over goes into the ledger, and what has to be sent into its queue.
 */
import type { StepContent } from "../domain/chain.ts";
import type { CrmId } from "../domain/ids.ts";
import type { CrmRecord } from "../domain/operation.ts";

/** What of one submission should be at the CRM. */
export interface Wanted {
  /** UTC ms; null: the export names no time. */
  submittedAtMs: number | null;
  /** The stamp that we would write: a record that carries another one is another submission's. */
  stamp: string;
  /** As the plan has it, for the look-up; null: nothing to know a person by. */
  person: StepContent | null;
  /** Whether the submission has an organization. */
  organization: boolean;
  /** Null: the submission has no deal. */
  deal: {
    /** Null: the submission gave none, so any title may be the earlier script's. */
    title: string | null;
    value: number | null;
    currency: string | null;
    /** Several submissions may be on one deal (`deals.match` other than `submission`). */
    shared: boolean;
  } | null;
  /** Texts as the plan would write them, without reference lines: one for each note step. */
  notes: readonly string[];
  format: "text" | "html";
}

/** What a look at the CRM showed. */
export interface Sight {
  /** For each submission the persons that it may mean, the one that a sync would take first. */
  persons: readonly (readonly CrmRecord[])[];
  /** Deals of these persons, and such as hang on nobody any more. Archived and deleted ones say so. */
  deals: readonly CrmRecord[];
  /** Notes on these deals and persons. */
  notes: readonly CrmRecord[];
}

export const VERDICTS = ["matched", "probably", "half", "missing"] as const;
export type AdoptVerdict = (typeof VERDICTS)[number];

export interface Finding {
  verdict: AdoptVerdict;
  /** One sentence for people. */
  reason: string;
  person: CrmId | null;
  deal: CrmRecord | null;
  /** In the order of the wanted notes; null: not there. */
  notes: (CrmId | null)[];
  /** Further deals of the same kind that no other submission explains. */
  doubles: CrmId[];
}

/** Whether a stored note's text is what `text` becomes at the CRM. */
export type SameNote = (stored: string, text: string, format: "text" | "html") => boolean;
