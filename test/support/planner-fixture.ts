/** A small account, its codec, and records for the planner's tests. */

import type { Catalog, FieldCodec, FieldDef, FieldedEntity } from "../../src/domain/catalog.ts";
import { emptyRecord } from "../../src/domain/empty-record.ts";
import type { PhoneNormalizer } from "../../src/domain/identity.ts";
import { canonicalJson } from "../../src/domain/json.ts";
import type { CrmRecord } from "../../src/domain/operation.ts";
import type { PlanSettings } from "../../src/domain/settings.ts";
import type { SubmissionContent } from "../../src/domain/submission.ts";
import type { PlanContext, PlanInput } from "../../src/planner/planner.ts";

export function field(entity: FieldedEntity, name: string, over: Partial<FieldDef> = {}): FieldDef {
  return {
    entity,
    code: `c_${name.toLowerCase().replace(/\W+/g, "_")}`,
    name,
    type: "varchar",
    custom: true,
    writable: true,
    options: [],
    ...over,
  };
}

export function catalog(over: Partial<Catalog> = {}): Catalog {
  return {
    fields: {
      person: [
        field("person", "Job title"),
        field("person", "Customer no."),
        field("person", "Budget", { type: "double" }),
        field("person", "Contact", { type: "user" }),
        field("person", "Next activity", { writable: false, custom: false }),
        field("person", "Tier", { code: "tier_system", custom: false }),
        field("person", "tier", { code: "tier_custom" }),
        field("person", "Twin", { code: "twin_1" }),
        field("person", "twin", { code: "twin_2" }),
      ],
      organization: [field("organization", "Industry")],
      deal: [field("deal", "Product", { type: "enum", options: [{ id: "7", label: "Engine" }] })],
    },
    labels: {
      person: [{ id: "11", label: "Web" }],
      organization: [],
      deal: [{ id: "21", label: "Hot" }],
    },
    pipelines: [
      { id: "1", name: "Sales" },
      { id: "2", name: "Renewals" },
    ],
    stages: [
      { id: "10", name: "New", pipelineId: "1" },
      { id: "11", name: "Won over", pipelineId: "1" },
      { id: "20", name: "New", pipelineId: "2" },
    ],
    users: [
      { id: "31", name: "Sam Seller", email: "sales@example.com", active: true },
      { id: "32", name: "Gone Gary", email: "gary@example.com", active: false },
      { id: "33", name: "Jo Twin", email: "jo1@example.com", active: true },
      { id: "34", name: "Jo Twin", email: "jo2@example.com", active: true },
    ],
    ...over,
  };
}

/** Numbers for `double`, option ids for `enum`, user ids for `user`, text for the rest. */
export const codec: FieldCodec = {
  encode(def, value, of) {
    if (value === null || value === "") return { ok: true, value: undefined };
    if (def.type === "double") {
      const number = Number(value);
      return Number.isFinite(number) ? { ok: true, value: number } : { ok: false, reason: "not a number" };
    }
    if (def.type === "enum") {
      const option = def.options.find((each) => each.label === value);
      return option === undefined ? { ok: false, reason: "no such option" } : { ok: true, value: Number(option.id) };
    }
    if (def.type === "user") {
      const user = of.users?.find((each) => each.email === value);
      return user === undefined ? { ok: false, reason: "no such user" } : { ok: true, value: Number(user.id) };
    }
    return { ok: true, value: String(value) };
  },
  equal: (_, ours, theirs) => canonicalJson(ours) === canonicalJson(theirs),
  display: (_, value) => String(value),
};

/** Estonian and British forms, enough to tell national from international ones. */
export const phone: PhoneNormalizer = (text, country) => {
  const digits = text.replace(/[\s()-]/g, "");
  if (/^\+\d{7,15}$/.test(digits)) return digits;
  if (country === "EE" && /^\d{7,8}$/.test(digits)) return `+372${digits}`;
  return null;
};

export function context(over: Partial<PlanContext> = {}): PlanContext {
  return { catalog: catalog(), codec, phone, noteLengthMax: 1000, country: "EE", ...over };
}

export function settings(over: Partial<PlanSettings> = {}): PlanSettings {
  return {
    persons: { match: ["email", "phone"], onMatch: "fillEmpty", country: "EE" },
    deals: { match: "submission" },
    notes: { reference: true, format: "text" },
    onBadValue: "note",
    ...over,
  };
}

export function input(content: SubmissionContent, over: Partial<PlanSettings> = {}): PlanInput {
  return { source: "website", key: "wf_1", content, settings: settings(over) };
}

export function record(over: Partial<CrmRecord> = {}): CrmRecord {
  const ada = { name: "Ada Lovelace", emails: ["ada@example.com"], createdAtMs: 1000, updatedAtMs: 1000 };
  return { ...emptyRecord("person", "1"), ...ada, ...over };
}
