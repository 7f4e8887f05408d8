import {
  type Body,
  checkBody,
  filledText,
  integer,
  integers,
  nullable,
  object,
  text,
  time,
  visibility,
} from "./body-check.ts";
import { mergeCustomValues, readAddress } from "./custom-values.ts";
import { checkLabels, checkOwner, showCustomValues, writable } from "./fielded.ts";
import type { OrganizationRecord } from "./records.ts";
import { invalid } from "./refusal.ts";
import { rfc3339 } from "./times.ts";
import { type Actor, commit, type World } from "./world.ts";

const EDITABLE = {
  name: filledText,
  owner_id: integer,
  visible_to: visibility,
  label_ids: integers,
  address: nullable(object),
  website: nullable(text),
  linkedin: nullable(text),
  industry: nullable(integer),
  annual_revenue: nullable(integer),
  employee_count: nullable(integer),
  custom_fields: object,
};

function check(world: World, body: Body, shape: Parameters<typeof checkBody>[1]): void {
  checkBody(body, shape);
  checkOwner(world, body.owner_id);
  checkLabels(world, "organization", body.label_ids);
}

function merge(world: World, before: OrganizationRecord, body: Body): OrganizationRecord {
  const { add_time: _set, custom_fields, address, name, ...plain } = body;
  return {
    ...before,
    ...(plain as Partial<OrganizationRecord>),
    name: name === undefined ? before.name : (name as string).trim(),
    address: address === undefined ? before.address : address === null ? null : readAddress("address", address),
    custom_fields: mergeCustomValues(world, world.fields.organization, before.custom_fields, custom_fields),
    updatedMs: world.nowMs,
  };
}

/** @throws Refusal */
export function createOrganization(world: World, body: Body, actor: Actor): OrganizationRecord {
  check(world, body, { ...EDITABLE, add_time: time });
  if (body.name === undefined) throw invalid("name", "is required");
  const empty: OrganizationRecord = {
    id: world.tables.organization.nextId(),
    name: "",
    owner_id: actor.user.id,
    addedMs: body.add_time === undefined ? world.nowMs : Date.parse(body.add_time as string),
    updatedMs: world.nowMs,
    is_deleted: false,
    mergedInto: null,
    visible_to: 3,
    label_ids: [],
    address: null,
    website: null,
    linkedin: null,
    industry: null,
    annual_revenue: null,
    employee_count: null,
    custom_fields: {},
  };
  return commit(world, "organization", merge(world, empty, body), "create", body, actor);
}

/** @throws Refusal */
export function updateOrganization(world: World, id: number, body: Body, actor: Actor): OrganizationRecord {
  const before = writable(world, "organization", id);
  check(world, body, EDITABLE);
  return commit(world, "organization", merge(world, before, body), "update", body, actor);
}

export function showOrganization(world: World, row: OrganizationRecord, fields: readonly string[] | null) {
  return {
    id: row.id,
    name: row.name,
    owner_id: row.owner_id,
    add_time: rfc3339(row.addedMs),
    update_time: rfc3339(row.updatedMs),
    is_deleted: row.is_deleted,
    visible_to: row.visible_to,
    address: row.address,
    label_ids: row.label_ids,
    website: row.website,
    linkedin: row.linkedin,
    industry: row.industry,
    annual_revenue: row.annual_revenue,
    employee_count: row.employee_count,
    custom_fields: showCustomValues(world, "organization", row.custom_fields, fields),
  };
}
