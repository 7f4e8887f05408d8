/** The ledger's contract for the CRM's own names: fields, options, pipelines and stages as they were seen last, and what changed. */
import type { FieldedEntity } from "../domain/catalog.ts";
import type { AccountId } from "../domain/ids.ts";
import type { SubmissionContent } from "../domain/submission.ts";

export const CRM_NAME_KINDS = ["field", "option", "pipeline", "stage"] as const;
export type CrmNameKind = (typeof CRM_NAME_KINDS)[number];

/** `required`: it was made so. */
export const CRM_CHANGES = ["renamed", "removed", "retyped", "required"] as const;
export type CrmChangeKind = (typeof CRM_CHANGES)[number];

export interface CrmChange {
  kind: CrmNameKind;
  /** Of a field and an option: whose. */
  entity: FieldedEntity | null;
  /** Of an option its field's code, of a stage its pipeline's id. */
  parent: string | null;
  /** The CRM's id; of a field its code. */
  id: string;
  change: CrmChangeKind;
  /** What it was called before the change. */
  name: string;
  /** Names, or of a retyped one the types; null where there is none. */
  before: string | null;
  after: string | null;
  /** When the CRM was asked and had it so. UTC ms. */
  atMs: number;
}

export interface NamesLedger {
  /**
   * What changed since an instant, newest first. `saveCatalog` finds it: each part that is saved is held against what that
   * part brought before. What it brings for the first time is no change.
   */
  crmChanges(account: AccountId, sinceMs: number, limit: number): Promise<CrmChange[]>;
  /** Contents of submissions that are not in the CRM yet, the oldest first. */
  openContents(limit: number): Promise<{ source: string; content: SubmissionContent }[]>;
}
