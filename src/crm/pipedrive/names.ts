/** Pipedrive's words for our entities. */
import type { Entity, FieldedEntity } from "../../domain/catalog.ts";
import type { CrmId } from "../../domain/ids.ts";
import type { OperationGroup } from "../../domain/operation.ts";

export const COLLECTIONS: Readonly<Record<Entity, OperationGroup & string>> = {
  person: "persons",
  organization: "organizations",
  deal: "deals",
  note: "notes",
};

export const FIELD_COLLECTIONS: Readonly<Record<FieldedEntity, string>> = {
  person: "personFields",
  organization: "organizationFields",
  deal: "dealFields",
};

/**
 * Built-in fields that a create or an update takes under their own code, beside those with a neutral name of ours (name,
 * emails, owner, ...). From the request bodies of the v2 OpenAPI document, state of 2026-08-18.
 */
export const BUILT_IN_WRITABLE: Readonly<Record<FieldedEntity, readonly string[]>> = {
  person: ["visible_to", "marketing_status", "postal_address", "notes", "birthday", "job_title"],
  organization: ["visible_to", "address", "website", "linkedin", "industry", "annual_revenue", "employee_count"],
  deal: [
    "visible_to",
    "status",
    "probability",
    "lost_reason",
    "expected_close_date",
    "close_time",
    "won_time",
    "lost_time",
  ],
};

/** Ids are integers on the wire. What is not one is sent as it is, for the CRM to refuse by name. */
export function wireId(id: CrmId): number | string {
  const number = Number(id);
  return /^\d+$/.test(id) && Number.isSafeInteger(number) ? number : id;
}

/** A record id of a reply as text; null for anything but a positive whole number without lost digits. */
export function recordId(value: unknown): CrmId | null {
  return typeof value === "number" && Number.isSafeInteger(value) && value > 0 ? String(value) : null;
}
