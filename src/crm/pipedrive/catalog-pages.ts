/** Pages of the account's set-up: fields, labels, pipelines, stages, users, the account itself. */
import { z } from "zod";
import type { Catalog, CatalogPart, FieldDef, FieldedEntity, FieldOption } from "../../domain/catalog.ts";
import { FIELD_TYPES } from "./fields/table.ts";
import { BUILT_IN_WRITABLE, recordId } from "./names.ts";

const text = z.string().nullish().catch(null);
const id = z
  .number()
  .refine((value) => recordId(value) !== null)
  .transform(String);

const userSchema = z.looseObject({ id, name: text, email: text, active_flag: z.boolean().nullish().catch(null) });
const accountSchema = z.looseObject({
  id,
  name: text,
  company_id: id,
  company_name: text,
  company_domain: text,
  default_currency: text,
  email: text,
  access: z
    .array(z.looseObject({ app: text, admin: z.boolean().nullish().catch(null) }))
    .nullish()
    .catch(null),
});
const pipelineSchema = z.looseObject({ id, name: z.string(), is_deleted: z.boolean().nullish().catch(null) });
const stageSchema = pipelineSchema.extend({ pipeline_id: id });
const optionSchema = z.looseObject({ id: z.union([z.number(), z.string(), z.boolean()]), label: z.string() });
const fieldSchema = z.looseObject({
  field_name: z.string(),
  field_code: z.string().min(1),
  field_type: z.string(),
  is_custom_field: z.boolean().nullish().catch(null),
  options: z.array(optionSchema).nullish().catch(null),
  required_fields: z
    .looseObject({ enabled: z.boolean().nullish().catch(null) })
    .nullish()
    .catch(null),
});

/** One page of a part; null where it can't be read. */
export function catalogPage(part: CatalogPart, data: unknown): Partial<Catalog> | null {
  switch (part) {
    case "account":
      return accountPart(data);
    case "users":
      return mapRows(data, userSchema, (rows) => ({
        users: rows.map((user) => ({
          id: user.id,
          name: user.name ?? "",
          email: user.email ?? "",
          active: user.active_flag !== false,
        })),
      }));
    case "pipelines":
      return mapRows(data, pipelineSchema, (rows) => ({
        pipelines: rows.filter(isLive).map((row) => ({ id: row.id, name: row.name })),
      }));
    case "stages":
      return mapRows(data, stageSchema, (rows) => ({
        stages: rows.filter(isLive).map((row) => ({ id: row.id, name: row.name, pipelineId: row.pipeline_id })),
      }));
    case "fields:person":
      return fieldsPart("person", data);
    case "fields:organization":
      return fieldsPart("organization", data);
    case "fields:deal":
      return fieldsPart("deal", data);
  }
}

/** The code of a field that was just made; null where the reply has none. */
export function createdFieldCode(data: unknown): string | null {
  const parsed = fieldSchema.safeParse(data);
  return parsed.success ? parsed.data.field_code : null;
}

const isLive = (row: { is_deleted?: boolean | null | undefined }): boolean => row.is_deleted !== true;

function mapRows<S extends z.ZodType>(
  data: unknown,
  schema: S,
  make: (rows: z.infer<S>[]) => Partial<Catalog>,
): Partial<Catalog> | null {
  const parsed = z.array(schema).safeParse(data);
  return parsed.success ? make(parsed.data) : null;
}

function accountPart(data: unknown): Partial<Catalog> | null {
  const parsed = accountSchema.safeParse(data);
  if (!parsed.success) return null;
  const me = parsed.data;
  return {
    account: {
      externalId: me.company_id,
      name: me.company_name ?? me.company_domain ?? me.company_id,
      domain: me.company_domain || null,
      userId: me.id,
      userName: me.name ?? "",
      ...(me.email && { userEmail: me.email }),
      ...(me.access && {
        seesAll: me.access.some(({ app, admin }) => admin === true && ADMIN_APPS.includes(app ?? "")),
      }),
      ...(/^[A-Z]{3}$/.test(me.default_currency ?? "") && { currency: me.default_currency ?? "" }),
    },
  };
}

/**
 * An admin of these sees every deal, person and organization; anybody else what visibility groups and each item's own
 * setting leave (support.pipedrive.com, visibility and permissions overview, 2026-04-24).
 */
const ADMIN_APPS: readonly string[] = ["sales", "global"];

/** In the documents the labels' field is `label_ids` (v2 records) or `label` (v1 field lists). */
const LABEL_CODES: readonly string[] = ["label_ids", "label"];

function fieldsPart(entity: FieldedEntity, data: unknown): Partial<Catalog> | null {
  return mapRows(data, fieldSchema, (rows) => {
    const labels = rows.find((row) => LABEL_CODES.includes(row.field_code));
    return {
      fields: { [entity]: rows.map((row) => fieldDef(entity, row)) },
      ...(labels && { labels: { [entity]: optionsOf(labels) } }),
    };
  });
}

function fieldDef(entity: FieldedEntity, row: z.infer<typeof fieldSchema>): FieldDef {
  const custom = row.is_custom_field === true;
  return {
    entity,
    code: row.field_code,
    name: row.field_name,
    type: row.field_type,
    custom,
    writable:
      Object.hasOwn(FIELD_TYPES, row.field_type) && (custom || BUILT_IN_WRITABLE[entity].includes(row.field_code)),
    ...(row.required_fields && { required: row.required_fields.enabled === true }),
    options: optionsOf(row),
  };
}

const optionsOf = (row: z.infer<typeof fieldSchema>): FieldOption[] =>
  (row.options ?? []).map((option) => ({ id: String(option.id), label: option.label }));
