/**
 * What an account's CRM is set up with: fields by visible name, pipelines, stages, users, labels. The planner turns names
 * that people see into codes and ids with it; the adapter's codec turns values into what a field takes.
 */
import type { CrmId } from "./ids.ts";

/** Entities that chains write. */
export const ENTITIES = ["organization", "person", "deal", "note"] as const;
export type Entity = (typeof ENTITIES)[number];
/** Entities that carry custom fields and the stamp. */
export type FieldedEntity = Exclude<Entity, "note">;

export interface FieldOption {
  id: CrmId;
  label: string;
}

export interface FieldDef {
  entity: FieldedEntity;
  /** The CRM's own key of the field. Never changes on a rename. */
  code: string;
  /** As people see it in the CRM. */
  name: string;
  /** The vendor's type name, a row of its field-type table. */
  type: string;
  custom: boolean;
  writable: boolean;
  /** Whether people must fill it; absent: the CRM did not say. */
  required?: boolean;
  options: FieldOption[];
}

export interface Pipeline {
  id: CrmId;
  name: string;
}

export interface Stage {
  id: CrmId;
  name: string;
  pipelineId: CrmId;
}

export interface CrmUser {
  id: CrmId;
  name: string;
  email: string;
  active: boolean;
}

export interface CrmAccount {
  /** The company's id at the vendor: what the ledger is bound to. */
  externalId: string;
  name: string;
  /** The company's own host name part, where the vendor has one. */
  domain: string | null;
  /** The user that the credential belongs to. */
  userId: CrmId;
  userName: string;
  userEmail?: string;
  /** Whether that user sees all persons whatever their visibility; absent: the CRM did not say. */
  seesAll?: boolean;
  /** ISO 4217 code that the CRM takes for an amount without one, where it says so. */
  currency?: string;
}

/** Labels are options of an entity, apart from its fields. */
export type LabelSet = Record<FieldedEntity, FieldOption[]>;

/** Parts are fetched only when something needs them; an absent part was not fetched. */
export interface Catalog {
  account?: CrmAccount;
  fields: Partial<Record<FieldedEntity, FieldDef[]>>;
  labels: Partial<LabelSet>;
  pipelines?: Pipeline[];
  stages?: Stage[];
  users?: CrmUser[];
}

export const CATALOG_PARTS = [
  "account",
  "fields:person",
  "fields:organization",
  "fields:deal",
  "pipelines",
  "stages",
  "users",
] as const;
export type CatalogPart = (typeof CATALOG_PARTS)[number];

export type Encoded = { ok: true; value: unknown } | { ok: false; reason: string };

/** Pure conversions between values that people give and values that the CRM's field takes. One row per field type. */
export interface FieldCodec {
  /** Turns a submission's value into the CRM's wire value, or says why it can't. Null and "" encode as absent: `value: undefined`. */
  encode(def: FieldDef, value: unknown, catalog: Catalog): Encoded;
  /** Whether a value read from the CRM equals a wire value that we would write, as the CRM normalises them. */
  equal(def: FieldDef, ours: unknown, theirs: unknown): boolean;
  /** A wire value as text for people, with option labels for ids. */
  display(def: FieldDef, value: unknown, catalog: Catalog): string;
}
