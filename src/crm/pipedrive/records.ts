/**
 * Records of replies, read leniently: real ones lack members that the documents promise, or have null there. Only the id
 * must be right.
 */
import { z } from "zod";
import type { Entity, FieldedEntity } from "../../domain/catalog.ts";
import type { CrmId } from "../../domain/ids.ts";
import type { CrmRecord } from "../../domain/operation.ts";
import type { CrmSession } from "../adapter.ts";
import { BUILT_IN_WRITABLE, recordId } from "./names.ts";
import { referenceOf } from "./note-text.ts";

const text = z.string().nullish().catch(null);
const number = z.number().nullish().catch(null);
const flag = z.boolean().nullish().catch(null);
/** An id, or an object around one as in v1 and in search hits. */
const referenceSchema = z
  .union([z.number(), z.looseObject({ id: z.number() }), z.looseObject({ value: z.number() })])
  .nullish()
  .catch(null);
const contactList = z
  .array(z.union([z.string(), z.looseObject({ value: text }).transform((entry) => entry.value ?? "")]).catch(""))
  .nullish()
  .catch(null);

const recordSchema = z.looseObject({
  id: z.unknown(),
  name: text,
  emails: contactList,
  phones: contactList,
  owner_id: referenceSchema,
  owner: referenceSchema,
  org_id: referenceSchema,
  organization: referenceSchema,
  person_id: referenceSchema,
  deal_id: referenceSchema,
  label_ids: z
    .array(z.union([z.number(), z.string()]))
    .nullish()
    .catch(null),
  title: text,
  value: number,
  currency: text,
  pipeline_id: number,
  stage_id: number,
  status: text,
  content: text,
  add_time: text,
  update_time: text,
  is_deleted: flag,
  active_flag: flag,
  is_archived: flag,
  origin: text,
  custom_fields: z.record(z.string(), z.unknown()).nullish().catch(null),
});

/** Of a deal's `origin`, "the way this deal was created" (v2 document): those that say who; others (imports, forms) don't. */
const ORIGINS: Readonly<Record<string, boolean>> = { API: true, ManuallyCreated: false };

/** A record in neutral names; null where it is none, or has no usable id. */
export function parseRecord(entity: Entity, raw: unknown, session: CrmSession): CrmRecord | null {
  const parsed = recordSchema.safeParse(raw);
  if (!parsed.success) return null;
  const row = parsed.data;
  const id = recordId(row.id);
  if (id === null) return null;
  const reference = entity === "note" ? referenceOf(row.content ?? "") : null;
  const fields = entity === "note" ? {} : fieldsOf(entity, row, raw as Record<string, unknown>);
  return {
    entity,
    id,
    name: row.name ?? null,
    emails: present(row.emails),
    phones: present(row.phones),
    ownerId: referenceId(row.owner_id ?? row.owner),
    organizationId: referenceId(row.org_id ?? row.organization),
    personId: referenceId(row.person_id),
    dealId: referenceId(row.deal_id),
    labelIds: (row.label_ids ?? []).map(String),
    ...(row.label_ids != null && { listsLabels: true as const }),
    title: row.title ?? null,
    value: row.value ?? null,
    currency: row.currency ?? null,
    pipelineId: referenceId(row.pipeline_id),
    stageId: referenceId(row.stage_id),
    status: row.status ?? null,
    text: row.content ?? null,
    createdAtMs: instant(row.add_time),
    updatedAtMs: instant(row.update_time),
    deleted: row.is_deleted === true || row.active_flag === false || row.status === "deleted",
    archived: row.is_archived === true,
    stamp: entity === "note" ? (reference?.stamp ?? null) : stampOf(fields[session.stampFields[entity] ?? ""]),
    ...(entity === "note" && { stampPart: reference?.part ?? null }),
    ...(entity === "deal" && { byApi: ORIGINS[row.origin ?? ""] ?? null }),
    fields,
  };
}

/** Custom fields, the writable built-in ones, and the raw contact arrays, whose labels an update must keep. */
function fieldsOf(entity: FieldedEntity, row: z.infer<typeof recordSchema>, raw: Record<string, unknown>) {
  const fields: Record<string, unknown> = { ...row.custom_fields };
  if (entity === "person") {
    fields.emails = raw.emails;
    fields.phones = raw.phones;
  }
  for (const code of BUILT_IN_WRITABLE[entity]) if (raw[code] !== undefined) fields[code] = raw[code];
  return fields;
}

function stampOf(value: unknown): string | null {
  return typeof value === "string" && value.trim() !== "" ? value.trim() : null;
}

const present = (list: readonly string[] | null | undefined): string[] =>
  (list ?? []).filter((entry) => entry.trim() !== "");

function referenceId(value: z.infer<typeof referenceSchema>): CrmId | null {
  if (value === null || value === undefined) return null;
  if (typeof value === "number") return recordId(value);
  return recordId("id" in value ? value.id : value.value);
}

/** v2 writes RFC 3339, v1 `YYYY-MM-DD HH:MM:SS`, both UTC. */
function instant(value: string | null | undefined): number | null {
  if (value === null || value === undefined) return null;
  const plain = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/.test(value) ? `${value.replace(" ", "T")}Z` : value;
  const ms = Date.parse(plain);
  return Number.isFinite(ms) ? ms : null;
}
