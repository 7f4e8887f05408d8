/** What an account is set up with: fields, labels, pipelines, stages, users. */
import type { FieldedEntity } from "../domain/catalog.ts";
import type { Random } from "../domain/clock.ts";
import { type Body, checkBody, filledText, isObject, object, oneOf } from "./body-check.ts";
import { CUSTOM_FIELD_TYPES } from "./custom-values.ts";
import type { FieldOptionRecord, FieldRecord, PipelineRecord, StageRecord, UserRecord } from "./records.ts";
import { invalid, Refusal } from "./refusal.ts";
import { rfc3339, sqlTime } from "./times.ts";
import type { World } from "./world.ts";

const COMMON: readonly [string, string, string][] = [
  ["ID", "id", "int"],
  ["Owner", "owner_id", "user"],
  ["Created", "add_time", "date"],
  ["Updated", "update_time", "date"],
  ["Visible to", "visible_to", "visible_to"],
];
const SYSTEM: Readonly<Record<FieldedEntity, readonly [string, string, string][]>> = {
  person: [
    ["Name", "name", "varchar"],
    ["Email", "emails", "varchar"],
    ["Phone", "phones", "phone"],
    ["Organization", "org_id", "org"],
  ],
  organization: [
    ["Name", "name", "varchar"],
    ["Address", "address", "address"],
    ["Website", "website", "varchar"],
    ["LinkedIn profile", "linkedin", "varchar"],
    ["Annual revenue", "annual_revenue", "monetary"],
    ["Number of employees", "employee_count", "int"],
  ],
  deal: [
    ["Title", "title", "varchar"],
    ["Value", "value", "monetary"],
    ["Currency", "currency", "varchar"],
    ["Contact person", "person_id", "people"],
    ["Organization", "org_id", "org"],
    ["Stage", "stage_id", "stage"],
    ["Status", "status", "status"],
    ["Probability", "probability", "int"],
    ["Expected close date", "expected_close_date", "date"],
    ["Lost reason", "lost_reason", "varchar_options"],
  ],
};
const LABELS: Readonly<Record<FieldedEntity, readonly string[]>> = {
  person: ["Customer", "Hot lead", "Warm lead", "Cold lead"],
  organization: ["Customer", "Hot lead", "Warm lead", "Cold lead"],
  deal: ["Hot", "Warm", "Cold"],
};

/** Labels are the options of the field `label_ids`. Their ids differ between entities, as everything's do. */
export function systemFields(entity: FieldedEntity): FieldRecord[] {
  const base = { person: 1, organization: 5, deal: 9 }[entity];
  const plain = [...SYSTEM[entity], ...COMMON].map(([field_name, field_code, field_type]) => ({
    field_name,
    field_code,
    field_type,
    options: null,
    is_custom_field: false,
  }));
  const options = LABELS[entity].map((label, i) => ({ id: base + i, label }));
  const labels = { field_name: "Label", field_code: "label_ids", field_type: "set", options, is_custom_field: false };
  return [...plain, labels];
}

export function newFieldCode(random: Random): string {
  let code = "";
  while (code.length < 40) code += Math.floor(random.next() * 16).toString(16);
  return code;
}

function newOptions(world: World, given: unknown): FieldOptionRecord[] | null {
  if (!Array.isArray(given)) return null;
  let id = Math.max(20, ...Object.values(world.fields).flatMap((fields) => fields.flatMap(numericOptionIds)));
  return given.map((option) => {
    if (!isObject(option)) throw invalid("options", "expected objects with a label");
    filledText("options.label", option.label);
    id += 1;
    return { id, label: option.label as string };
  });
}

function numericOptionIds(field: FieldRecord): number[] {
  return (field.options ?? []).map((option) => option.id).filter((id): id is number => typeof id === "number");
}

/** @throws Refusal: also 403 at the plan's cap of custom fields */
export function createField(world: World, entity: FieldedEntity, body: Body): FieldRecord {
  const ui = { ui_visibility: object, important_fields: object, required_fields: object };
  const ownType = oneOf(CUSTOM_FIELD_TYPES);
  checkBody(body, { field_name: filledText, field_type: ownType, options: () => {}, description: filledText, ...ui });
  for (const key of ["field_name", "field_type"]) if (!(key in body)) throw invalid(key, "is required");
  if ((body.field_name as string).length > 255) throw invalid("field_name", "longer than 255");
  const choice = body.field_type === "enum" || body.field_type === "set";
  if (choice && !Array.isArray(body.options)) throw invalid("options", "is required for this type");
  const custom = Object.values(world.fields).flatMap((fields) => fields.filter((field) => field.is_custom_field));
  if (world.planCaps.customFields !== undefined && custom.length >= world.planCaps.customFields) throw fieldCap();
  const field: FieldRecord = {
    field_name: (body.field_name as string).trim(),
    field_code: newFieldCode(world.random),
    field_type: body.field_type as string,
    options: choice ? newOptions(world, body.options) : null,
    is_custom_field: true,
  };
  world.fields[entity].push(field);
  return field;
}

export function fieldCap(): Refusal {
  return new Refusal(403, "Your company has reached the limit of custom fields.", {
    code: "feature_capping_custom_fields_limit",
  });
}

export function showField({ required, ...field }: FieldRecord, included: string | null = null) {
  const shown = { ...field, subfields: null, is_optional_response_field: false };
  const extra = included?.split(",").includes("required_fields");
  return extra ? { ...shown, required_fields: { enabled: required === true } } : shown;
}

export function addPipeline(world: World, name: string, stages: readonly string[]): PipelineRecord {
  const pipeline: PipelineRecord = {
    id: world.pipelines.length + 1,
    name,
    order_nr: world.pipelines.length + 1,
    is_deleted: false,
    addedMs: world.nowMs,
  };
  world.pipelines.push(pipeline);
  for (const [i, stage] of stages.entries()) {
    const id = world.stages.length + 11;
    const { nowMs: addedMs } = world;
    world.stages.push({ id, name: stage, order_nr: i + 1, pipeline_id: pipeline.id, is_deleted: false, addedMs });
  }
  return pipeline;
}

export function showPipeline(pipeline: PipelineRecord) {
  const { id, name, order_nr, is_deleted, addedMs } = pipeline;
  const at = rfc3339(addedMs);
  return { id, name, order_nr, is_deleted, is_deal_probability_enabled: true, add_time: at, update_time: at };
}

export function showStage(stage: StageRecord) {
  const { id, name, order_nr, pipeline_id, is_deleted, addedMs } = stage;
  const at = rfc3339(addedMs);
  const rot = { is_deal_rot_enabled: false, days_to_rotten: null };
  return { id, order_nr, name, is_deleted, deal_probability: 100, pipeline_id, ...rot, add_time: at, update_time: at };
}

export function showUser(world: World, user: UserRecord, viewer: UserRecord) {
  const created = sqlTime(Date.UTC(2024, 0, 2));
  return {
    id: user.id,
    name: user.name,
    default_currency: world.company.currency,
    locale: "en_US",
    lang: 1,
    email: user.email,
    phone: null,
    activated: true,
    last_login: created,
    created,
    modified: null,
    has_created_company: user.id === world.users[0]!.id,
    access: ["sales", "global", "account_settings"].map((app) => accessOf(app, user.id === world.users[0]!.id)),
    active_flag: user.active,
    timezone_name: "Etc/UTC",
    timezone_offset: "+00:00",
    role_id: 1,
    icon_url: null,
    is_you: user.id === viewer.id,
    is_deleted: !user.active,
  };
}

/** The first user set the company up, and is its admin. */
function accessOf(app: string, admin: boolean) {
  return { app, admin, permission_set_id: `${app}-${admin ? "admin" : "regular"}` };
}

export function showMe(world: World, user: UserRecord) {
  return {
    ...showUser(world, user, user),
    company_id: world.company.id,
    company_name: world.company.name,
    company_domain: world.company.domain,
    company_country: "EE",
    company_industry: "",
    language: { language_code: "en", country_code: "US" },
  };
}
