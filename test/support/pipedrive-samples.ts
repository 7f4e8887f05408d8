/**
 * Operations of every kind and good replies to them, in the shapes of Pipedrive's OpenAPI documents v1 and v2 (state of
 * 2026-08-18), with the nulls that real records have. Invented people and companies.
 */

import type { CrmSession, PackedRequest } from "../../src/crm/adapter.ts";
import type { FieldDef } from "../../src/domain/catalog.ts";
import { emptyRecord } from "../../src/domain/empty-record.ts";
import type { CrmRecord, Operation } from "../../src/domain/operation.ts";
import type { HttpResponse } from "../../src/domain/wire.ts";

const code = (letter: string): string => letter.repeat(40);
export const STAMPS = { person: code("a"), organization: code("b"), deal: code("c") };
export const TEXT_FIELD: FieldDef = {
  entity: "person",
  code: code("d"),
  name: "Comment",
  type: "varchar",
  custom: true,
  writable: true,
  options: [],
};

export const SESSION: CrmSession = {
  baseUrl: "https://acme.pipedrive.com",
  timeoutMs: 30_000,
  catalog: {
    account: { externalId: "11", name: "Acme", domain: "acme", userId: "1", userName: "Sam Seller", currency: "EUR" },
    fields: {
      person: [TEXT_FIELD],
      organization: [{ ...TEXT_FIELD, entity: "organization", code: "address", type: "address", custom: false }],
    },
    labels: {},
  },
  stampFields: STAMPS,
};

export const KNOWN_PERSON: CrmRecord = {
  ...emptyRecord("person", "7"),
  name: "Ada Lovelace",
  emails: ["ada@example.com", "ada@home.example.com"],
  phones: ["+441234567890"],
  ownerId: "1",
  createdAtMs: 0,
  updatedAtMs: 0,
  fields: {
    emails: [
      { value: "ada@example.com", primary: false, label: "work" },
      { value: "ada@home.example.com", primary: true, label: "home" },
    ],
  },
};

export const OPERATIONS: Operation[] = [
  {
    type: "create",
    entity: "organization",
    key: "o",
    stamp: "website/wf_1",
    values: { name: "Analytical Engines", ownerId: "1", labelIds: ["5"], fields: { address: { value: "1 Main St" } } },
    links: {},
  },
  {
    type: "create",
    entity: "person",
    key: "p",
    stamp: "website/wf_1",
    values: {
      name: "Ada Lovelace",
      emails: ["ada@example.com"],
      phones: ["+441234567890"],
      ownerId: "1",
      labelIds: ["1", "2"],
      fields: { [TEXT_FIELD.code]: "Analyst", job_title: "Countess" },
    },
    links: { organization: { id: "3" } },
  },
  {
    type: "create",
    entity: "deal",
    key: "d",
    stamp: "website/wf_1",
    values: {
      title: "Website: Engine",
      value: 1200.5,
      currency: "EUR",
      pipelineId: "1",
      stageId: "2",
      ownerId: "1",
      labelIds: ["9"],
      fields: { expected_close_date: "2026-12-01" },
    },
    links: { person: { id: "7" }, organization: { id: "3" } },
  },
  {
    type: "create",
    entity: "note",
    key: "n",
    stamp: null,
    values: { text: "Tom & Jerry <t@example.com>\nRef. website/wf_1" },
    format: "text",
    links: { deal: { id: "61" }, person: { id: "7" } },
  },
  {
    type: "update",
    entity: "person",
    key: "up",
    id: "7",
    values: { emails: ["ada@example.com", "ada@home.example.com", "new@example.com"], phones: ["+441234567890"] },
    links: { organization: { id: "3" } },
    base: KNOWN_PERSON,
  },
  {
    type: "update",
    entity: "organization",
    key: "uo",
    id: "3",
    values: { fields: { website: "https://example.com" } },
    links: {},
    base: { ...KNOWN_PERSON, entity: "organization", id: "3" },
  },
  {
    type: "update",
    entity: "deal",
    key: "ud",
    id: "61",
    values: { value: 0 },
    links: { person: { id: "7" } },
    base: { ...KNOWN_PERSON, entity: "deal", id: "61" },
  },
  {
    type: "update",
    entity: "note",
    key: "un",
    id: "90",
    values: { text: "Tom & Jerry" },
    links: {},
    base: { ...KNOWN_PERSON, entity: "note", id: "90" },
  },
  { type: "merge", entity: "person", key: "mp", id: "9", into: "7" },
  { type: "merge", entity: "organization", key: "mo", id: "4", into: "3" },
  { type: "merge", entity: "deal", key: "md", id: "62", into: "61" },
  { type: "delete", entity: "person", key: "xp", id: "7" },
  { type: "delete", entity: "deal", key: "xd", id: "61" },
  { type: "delete", entity: "note", key: "xn", id: "90" },
  { type: "read", key: "rp", entity: "person", id: "7" },
  { type: "read", key: "rn", entity: "note", id: "90" },
  { type: "readMany", key: "rm", entity: "person", ids: ["7", "8"] },
  { type: "list", key: "lp", entity: "person", sinceMs: 1_795_132_800_999 },
  { type: "list", key: "ld", entity: "deal", personId: "7", openOnly: true },
  { type: "list", key: "lx", entity: "deal", subset: "deleted", cursor: "abc" },
  { type: "list", key: "la", entity: "deal", subset: "archived" },
  { type: "list", key: "lw", entity: "deal", sinceMs: 1_795_132_800_000, newestFirst: true },
  { type: "list", key: "lo", entity: "note", dealId: "61", personId: "7", newestFirst: true },
  { type: "list", key: "ln", entity: "note", sinceMs: 1_795_132_800_000, cursor: "500" },
  { type: "search", key: "se", entity: "person", by: "email", term: "a+b@example.com" },
  { type: "search", key: "sp", entity: "person", by: "phone", term: "+44 1234" },
  { type: "search", key: "sn", entity: "organization", by: "name", term: "Ends & Odds" },
  { type: "search", key: "sf", entity: "person", by: "field", fieldCode: TEXT_FIELD.code, term: "C-17" },
  { type: "search", key: "sd", entity: "deal", by: "name", term: "Website" },
  { type: "describe", key: "da", part: "account" },
  { type: "describe", key: "du", part: "users" },
  { type: "describe", key: "dp", part: "pipelines" },
  { type: "describe", key: "ds", part: "stages", cursor: "abc" },
  { type: "describe", key: "fp", part: "fields:person" },
  { type: "describe", key: "fo", part: "fields:organization" },
  { type: "describe", key: "fd", part: "fields:deal" },
  { type: "createField", key: "cf", entity: "deal", name: "crmledger" },
];

const TIMES = { add_time: "2026-11-20T10:15:00Z", update_time: "2026-11-20T10:16:00Z" };
const ROWS = {
  person: {
    id: 7,
    name: "Ada Lovelace",
    first_name: "Ada",
    last_name: "Lovelace",
    owner_id: 1,
    org_id: null,
    ...TIMES,
    emails: [{ value: "ada@example.com", primary: true, label: "work" }],
    phones: [{ value: "+44 1234 567890", primary: true, label: "work" }],
    is_deleted: false,
    visible_to: 3,
    label_ids: [1, 2],
    picture_id: null,
    job_title: "Countess",
    custom_fields: { [STAMPS.person]: "website/wf_1", [TEXT_FIELD.code]: "Analyst", [code("e")]: null },
  },
  organization: {
    id: 3,
    name: "Analytical Engines",
    owner_id: 1,
    ...TIMES,
    is_deleted: false,
    visible_to: 3,
    label_ids: [5],
    address: { value: "1 Main St", country: null },
    custom_fields: { [STAMPS.organization]: "website/wf_1" },
  },
  deal: {
    id: 61,
    title: "Website: Engine",
    creator_user_id: 1,
    owner_id: 1,
    value: 1200.5,
    currency: "EUR",
    person_id: 7,
    org_id: 3,
    pipeline_id: 1,
    stage_id: 2,
    status: "open",
    ...TIMES,
    stage_change_time: null,
    is_deleted: false,
    is_archived: false,
    lost_reason: null,
    expected_close_date: "2026-12-01",
    label_ids: [9],
    custom_fields: { [STAMPS.deal]: "website/wf_1" },
  },
  note: {
    id: 90,
    content: "Tom &amp; Jerry &lt;t@example.com&gt;<br />Ref. website/wf_1",
    add_time: "2026-11-20 10:15:00",
    update_time: "2026-11-20 10:15:00",
    active_flag: true,
    deal_id: 61,
    person_id: 7,
    org_id: null,
    lead_id: null,
    user_id: 1,
    deal: { title: "Website: Engine" },
    person: { name: "Ada Lovelace" },
    organization: null,
  },
} as const;

export const row = (entity: keyof typeof ROWS): Record<string, unknown> => structuredClone(ROWS[entity]);

const field = (
  field_name: string,
  field_code: string,
  field_type: string,
  custom: boolean,
  options: unknown = null,
) => ({
  field_name,
  field_code,
  field_type,
  options,
  subfields: null,
  is_custom_field: custom,
  is_optional_response_field: false,
});

function catalogRows(part: string): unknown {
  if (part === "pipelines") return [{ id: 1, name: "Sales", order_nr: 0, is_deleted: false }];
  if (part === "stages") return [{ id: 2, name: "New", pipeline_id: 1, order_nr: 0, is_deleted: false }];
  if (part === "users") return [{ id: 1, name: "Sam Seller", email: "sam@example.com", active_flag: true }];
  if (part !== "account")
    return [
      field("Name", "name", "varchar", false),
      field("Labels", "label_ids", "set", false, [{ id: 1, label: "Hot" }]),
      field("crmledger", code("a"), "varchar", true),
    ];
  const company = { company_id: 11, company_name: "Acme", company_domain: "acme" };
  return { id: 1, name: "Sam Seller", email: "sam@example.com", default_currency: "EUR", ...company };
}

function dataOf(operation: Operation): unknown {
  switch (operation.type) {
    case "create":
    case "update":
    case "read":
      return row(operation.entity);
    case "merge":
      return { ...row(operation.entity), merge_what_id: Number(operation.id) };
    case "delete":
      return operation.entity === "note" ? true : { id: Number(operation.id) };
    case "list":
    case "readMany":
      return [row(operation.entity)];
    case "search":
      return { items: [{ result_score: 0.5, item: searchItem(operation.entity) }] };
    case "describe":
      return catalogRows(operation.part);
    default:
      return field("crmledger", code("a"), "varchar", true);
  }
}

function searchItem(entity: "person" | "organization" | "deal") {
  const { id } = ROWS[entity];
  const person = { name: "Ada Lovelace", phones: ["+44 1234 567890"], emails: ["ada@example.com"] };
  const base = { id, type: entity, visible_to: 3, owner: { id: 1 }, custom_fields: ["C-17"], notes: [] };
  if (entity === "person")
    return { ...base, ...person, organization: { id: 3, name: "Analytical Engines", address: null } };
  return entity === "deal"
    ? { ...base, title: "Website: Engine", person: { id: 7 } }
    : { ...base, name: "Analytical Engines" };
}

/** The reply to a request of `OPERATIONS`. */
export function goodReply(request: PackedRequest): HttpResponse {
  const operation = request.operations[0]!;
  const paged = operation.type === "list" || operation.type === "describe";
  const additional =
    operation.type === "list" && operation.entity === "note"
      ? { pagination: { start: 500, limit: 500, more_items_in_collection: false } }
      : { next_cursor: null };
  const body = { success: true, data: dataOf(operation), ...(paged && { additional_data: additional }) };
  const headers = { "content-type": "application/json; charset=utf-8", date: "Fri, 20 Nov 2026 10:15:00 GMT" };
  return { type: "response", status: 200, headers, body: JSON.stringify(body) };
}
