/**
 * Operations are what the planner and the mirror think in; an adapter packs them into HTTP requests and turns a reply into
 * one outcome for each operation. Everything here is plain data.
 */
import type { Catalog, CatalogPart, Entity, FieldedEntity } from "./catalog.ts";
import type { EntityValues, FailureAbout } from "./chain.ts";
import type { HoldKind, HoldScope } from "./hold.ts";
import type { CrmId } from "./ids.ts";

/** An id that is known, or the idempotency key of an operation in the same pack that will yield it. */
export type Ref = { id: CrmId } | { op: string };

export interface Links {
  organization?: Ref;
  person?: Ref;
  deal?: Ref;
}

interface WriteBase {
  /** Idempotency key of the step: unique among the operations of a pack, and what a `Ref` names. */
  key: string;
  values: EntityValues;
  links: Links;
}

export interface CreateOperation extends WriteBase {
  type: "create";
  entity: Entity;
  /** Written to the stamp field as part of the create. Null for notes, which carry a reference line. */
  stamp: string | null;
  format?: "text" | "html";
}

export interface UpdateOperation extends WriteBase {
  type: "update";
  entity: Entity;
  id: CrmId;
  /** The fresh record that `values` was computed from. Arrays in `values` are whole. */
  base: CrmRecord;
  /** Of a note. */
  format?: "text" | "html";
}

/** Two records become one: what hangs on `id` moves to `into`, which wins where they differ; `id` is gone then. */
export interface MergeOperation {
  type: "merge";
  key: string;
  entity: FieldedEntity;
  id: CrmId;
  into: CrmId;
}

export interface DeleteOperation {
  type: "delete";
  key: string;
  entity: Entity;
  id: CrmId;
}

/** Asks about an operation that the vendor took but has not finished. */
export interface PollOperation {
  type: "poll";
  key: string;
  handle: string;
}

/** One page of records, changed since an instant. `sinceMs` is CRM time. Sorted by id, upwards but for `newestFirst`. */
export interface ListOperation {
  type: "list";
  key: string;
  entity: Entity;
  sinceMs?: number;
  cursor?: string;
  newestFirst?: true;
  /** Deals and notes only: of this person. */
  personId?: CrmId;
  /** Deals only. */
  organizationId?: CrmId;
  /** Notes only. */
  dealId?: CrmId;
  /** Deals only. */
  openOnly?: boolean;
  /** Deals only: the deleted or the archived ones instead of the ordinary. */
  subset?: "deleted" | "archived";
}

/** Records by id, at most `capabilities.readManyMax` of them. Gone and invisible ones are left out of the answer. */
export interface ReadManyOperation {
  type: "readMany";
  key: string;
  entity: FieldedEntity;
  ids: CrmId[];
}

/** One record by id, fresh. */
export interface ReadOperation {
  type: "read";
  key: string;
  entity: Entity;
  id: CrmId;
}

/** Exact search. Its index may lag. Hits are candidates: the caller checks equality itself. */
export interface SearchOperation {
  type: "search";
  key: string;
  entity: FieldedEntity;
  by: "email" | "phone" | "name" | "field";
  /** For `by: "field"`: code of the field. */
  fieldCode?: string;
  term: string;
}

/** Reads one part of the catalog, all its pages. */
export interface DescribeOperation {
  type: "describe";
  key: string;
  part: CatalogPart;
  cursor?: string;
}

/** Makes a text field, for `doctor --fix`. */
export interface CreateFieldOperation {
  type: "createField";
  key: string;
  entity: FieldedEntity;
  name: string;
}

export type WriteOperation = CreateOperation | UpdateOperation;
/** What takes a record away. */
export type RemoveOperation = MergeOperation | DeleteOperation;
export type Operation =
  | WriteOperation
  | RemoveOperation
  | PollOperation
  | ListOperation
  | ReadManyOperation
  | ReadOperation
  | SearchOperation
  | DescribeOperation
  | CreateFieldOperation;

/** Whether an operation changes something at the CRM: such a one is never repeated while its outcome is unknown. */
export function isWrite({ type }: Operation): boolean {
  return type === "create" || type === "update" || type === "merge" || type === "delete" || type === "createField";
}

/** Breakers and plan caps work per group. */
export const OPERATION_GROUPS = ["persons", "organizations", "deals", "notes", "search", "setup"] as const;
export type OperationGroup = (typeof OPERATION_GROUPS)[number];

/** A record as read from the CRM, in neutral names. Fields that the CRM left out are absent. */
export interface CrmRecord {
  entity: Entity;
  id: CrmId;
  name: string | null;
  emails: string[];
  phones: string[];
  ownerId: CrmId | null;
  organizationId: CrmId | null;
  personId: CrmId | null;
  dealId: CrmId | null;
  labelIds: CrmId[];
  /** The CRM listed them, so that an empty list means none; absent: it may have left them out. */
  listsLabels?: true;
  /** Deals. */
  title: string | null;
  value: number | null;
  currency: string | null;
  pipelineId: CrmId | null;
  stageId: CrmId | null;
  status: string | null;
  /** Notes: as the CRM stores it. */
  text: string | null;
  /** UTC ms; null where the CRM did not say. */
  createdAtMs: number | null;
  updatedAtMs: number | null;
  deleted: boolean;
  archived: boolean;
  /** Text of the stamp field, null where empty. Of a note: the reference line's stamp, where it has one. */
  stamp: string | null;
  /** Of a note: the part that its reference names, from 1; null without one. */
  stampPart?: number | null;
  /** Whether a program made it, as against a person in the CRM's pages; null or absent where the CRM does not tell. */
  byApi?: boolean | null;
  /** Field codes to wire values. */
  fields: Record<string, unknown>;
}

/** What became of one operation. */
export type Outcome =
  /** It happened. A write yields the id (a merge that of the record which stays), a read its records. */
  | {
      type: "applied";
      id?: CrmId;
      record?: CrmRecord;
      records?: CrmRecord[];
      /** Cursor of the next page; null at the end. */
      next?: string | null;
      catalog?: Partial<Catalog>;
    }
  /**
   * It did not happen, and the same request would be refused again. `gone`: a record that it names is not there (any
   * more). `hold`: the refusal is not this submission's fault (credentials, a block, a plan's cap).
   */
  | {
      type: "refused";
      code: string;
      message: string;
      hint?: string;
      about?: FailureAbout;
      gone?: boolean;
      hold?: OutcomeHold;
    }
  /** It did not happen and may be sent again: refused before execution (429, `blocked` by a firewall), or never sent. */
  | {
      type: "deferred";
      reason: "burst" | "daily" | "unsent" | "unavailable" | "blocked";
      message: string;
      retryAfterMs: number | null;
      hold?: OutcomeHold;
    }
  /** It may or may not have happened (of a read: no usable answer; it may be sent again). */
  | { type: "uncertain"; code: string; message: string }
  /** The vendor took it and works on it: ask again with the handle. */
  | { type: "pending"; handle: string; askAfterMs: number };

export interface OutcomeHold {
  kind: HoldKind;
  scope: HoldScope;
  /** How long, where the CRM said; null: the runner's own rule. */
  forMs: number | null;
  message: string;
  /** It may as well be this request alone that is turned away, for what is in it: one cheap read tells. */
  unsure?: true;
}
