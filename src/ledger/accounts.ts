/** The ledger's contract for `report` and `export`: every record that came in accounted for, and every submission listed. */
import type { Entity } from "../domain/catalog.ts";
import type { StepName } from "../domain/chain.ts";
import type { CrmId, SubmissionId } from "../domain/ids.ts";
import type { Lane, SubmissionContent, SubmissionState } from "../domain/submission.ts";
import type { CheckScope } from "./checks.ts";
import type { IngestBatch } from "./rows.ts";

/** A batch, with what a report counts of it beside its records. */
export interface CountedBatch extends IngestBatch {
  /** Records that the source's `where` left out. */
  skipped?: { source: string; records: number };
  /** Raw hashes of records that are read once more (a known file, an export of rejects): known ones are no new arrivals. */
  rereads?: ReadonlySet<string>;
  /** What was submitted before this waits from its beginning, as by the ledger's `holdBack`; its verdict says so. */
  holdBack?: { beforeMs: number; detail: string };
}

/** Every record that came in, counted once. */
export interface Accounts {
  /** Done ones, by the worst that the last check says of one of their records. */
  delivered: { asSent: number; edited: number; merged: number; deleted: number; missing: number };
  /** Came again, in whatever form; not: the same place of the same file read once more. */
  duplicate: number;
  skipped: number;
  /** Open ones. Mended or taken ones count as what they became. */
  rejected: number;
  conflict: number;
  failed: number;
  /** Set aside by a person: failed ones, rejects and conflicts. */
  dropped: number;
  waiting: number;
  /** Of those that wait: longer than their source's target. */
  overdue: number;
  history: number;
  /** Open breaks that only a check can see: missing, doubled, not in the ledger, not ingested. */
  openBreaks: number;
  /** From `submittedAt` to the CRM, of those that are done; null where none is. Seconds. */
  delaySeconds: { p50: number | null; p95: number | null; max: number | null };
}

/** A submission with what it became. */
export interface ExportRow {
  id: SubmissionId;
  source: string;
  key: string;
  state: SubmissionState;
  lane: Lane;
  submittedAtMs: number;
  receivedAtMs: number;
  doneAtMs: number | null;
  failedAtMs: number | null;
  /** Whether it is a newer version of a record: then it amends what the first one wrote. */
  isRevision: boolean;
  /** Null once the payload was erased or thinned. */
  content: SubmissionContent | null;
  /** Records of done steps, in the order of the chain. */
  records: { step: StepName; entity: Entity; crmId: CrmId }[];
  error: { code: string; message: string } | null;
}

export interface ExportFilter extends CheckScope {
  /** Null: all. */
  states: readonly SubmissionState[] | null;
}

export interface AccountsLedger {
  /** All of one state of the ledger. */
  accounts(scope: CheckScope, nowMs: number): Promise<Accounts>;
  /** Submissions in the order of `submittedAt`, behind `after`. */
  exportRows(
    filter: ExportFilter,
    after: Pick<ExportRow, "id" | "submittedAtMs"> | null,
    limit: number,
  ): Promise<ExportRow[]>;
}
