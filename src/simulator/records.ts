/**
 * Records as the simulator keeps them: the shapes of API v2 (v1 for notes), never changed in place, so that a reference
 * is a snapshot. `custom_fields` holds only what has a value.
 */
import type { Entity } from "../domain/catalog.ts";

export interface Contact {
  value: string;
  primary: boolean;
  label: string;
}

export type CustomValues = Readonly<Record<string, unknown>>;

export interface RecordBase {
  id: number;
  /** UTC ms of the CRM's clock. */
  addedMs: number;
  updatedMs: number;
  is_deleted: boolean;
  /** The survivor of a merge; the API never shows it. */
  mergedInto: number | null;
}

interface Fielded extends RecordBase {
  owner_id: number;
  visible_to: number;
  label_ids: readonly number[];
  custom_fields: CustomValues;
}

export interface PersonRecord extends Fielded {
  name: string;
  org_id: number | null;
  emails: readonly Contact[];
  phones: readonly Contact[];
}

export interface OrganizationRecord extends Fielded {
  name: string;
  address: Readonly<Record<string, string | null>> | null;
  website: string | null;
  linkedin: string | null;
  industry: number | null;
  annual_revenue: number | null;
  employee_count: number | null;
}

export interface DealRecord extends Fielded {
  title: string;
  creator_user_id: number;
  person_id: number | null;
  org_id: number | null;
  pipeline_id: number;
  stage_id: number;
  value: number;
  currency: string;
  status: "open" | "won" | "lost";
  probability: number | null;
  lost_reason: string | null;
  stageChangedMs: number | null;
  is_archived: boolean;
  archive_time: string | null;
  close_time: string | null;
  won_time: string | null;
  lost_time: string | null;
  expected_close_date: string | null;
  /** "The way this deal was created" (v2 document); a copy made in the CRM's pages is made by hand. */
  origin: "API" | "ManuallyCreated";
}

export interface NoteRecord extends RecordBase {
  content: string;
  deal_id: number | null;
  person_id: number | null;
  org_id: number | null;
  user_id: number;
  pinned: Readonly<Record<string, boolean>>;
  /** As given or as made, `YYYY-MM-DD HH:MM:SS` UTC. */
  add_time: string;
}

export interface RecordOf {
  person: PersonRecord;
  organization: OrganizationRecord;
  deal: DealRecord;
  note: NoteRecord;
}
export type AnyRecord = RecordOf[Entity];

export interface FieldOptionRecord {
  id: number | string;
  label: string;
}

export interface FieldRecord {
  field_name: string;
  field_code: string;
  field_type: string;
  options: FieldOptionRecord[] | null;
  is_custom_field: boolean;
  /** People who make a record on the CRM's pages must fill it; the API asks nobody for it. */
  required?: boolean;
}

export interface PipelineRecord {
  id: number;
  name: string;
  order_nr: number;
  is_deleted: boolean;
  addedMs: number;
}

export interface StageRecord {
  id: number;
  name: string;
  order_nr: number;
  pipeline_id: number;
  is_deleted: boolean;
  addedMs: number;
}

export interface UserRecord {
  id: number;
  name: string;
  email: string;
  active: boolean;
}

/** Who caused a change: the API with our token, a person in the CRM, or another integration. */
export type Via = "api" | "person" | "other";
