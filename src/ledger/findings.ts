/** The ledger's contract for what the CRM echoed otherwise than it was sent: counted by field, told of the submission. */
import type { Entity } from "../domain/catalog.ts";
import type { SubmissionId } from "../domain/ids.ts";

/** `dropped`: nothing of it is there. `truncated`: its beginning is. `coerced`: something else is. */
export const ECHO_FINDINGS = ["dropped", "truncated", "coerced"] as const;
export type EchoFinding = (typeof ECHO_FINDINGS)[number];

/** Never a value: it may be personal. */
export interface FieldFinding {
  entity: Entity;
  /** As people see it in the CRM. */
  field: string;
  finding: EchoFinding;
  submissionId: SubmissionId;
}

export interface FieldFindingRow {
  entity: Entity;
  field: string;
  finding: EchoFinding;
  /** Writes that it happened to, over all runs. */
  count: number;
  firstAtMs: number;
  lastAtMs: number;
  /** `SOURCE/KEY` of the last one; null: it is not in the ledger any more. */
  lastSubmission: string | null;
}

export interface FindingsLedger {
  /** By the last time, newest first. They come in by the turns of runs. */
  fieldFindings(limit: number): Promise<FieldFindingRow[]>;
}
