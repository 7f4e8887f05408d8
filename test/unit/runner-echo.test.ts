import { describe, expect, it } from "vitest";
import { pipedriveAdapter } from "../../src/crm/pipedrive/adapter.ts";
import { parseRecord } from "../../src/crm/pipedrive/records.ts";
import type { FieldDef } from "../../src/domain/catalog.ts";
import type { EntityValues } from "../../src/domain/chain.ts";
import { echoFindings } from "../../src/runner/echo.ts";

const FIELD = { entity: "deal", custom: true, writable: true } as const;
const SOURCE: FieldDef = { ...FIELD, code: "a".repeat(40), name: "Source", type: "varchar", options: [] };
const KIND: FieldDef = {
  ...FIELD,
  code: "b".repeat(40),
  name: "Kind",
  type: "enum",
  options: [
    { id: "1", label: "New" },
    { id: "2", label: "Old" },
  ],
};
const catalog = { fields: { deal: [SOURCE, KIND], person: [], organization: [] }, labels: {} };
const session = { baseUrl: "", timeoutMs: 1, catalog, stampFields: {} };

function findings(entity: "person" | "deal" | "note", values: EntityValues, echo: object, format?: "html") {
  const record = parseRecord(entity, { id: 7, ...echo }, session)!;
  const sent = { entity, values, ...(format && { format }) };
  return echoFindings(sent, record, { adapter: pipedriveAdapter, catalog }).map(({ field, finding }) => [
    field,
    finding,
  ]);
}
const deal = (fields: Record<string, unknown>, custom_fields: unknown, more: object = {}) =>
  findings("deal", { title: "Deal", fields }, { title: "Deal", custom_fields, ...more });

describe("what the CRM's answer has otherwise", () => {
  it("is nothing where it differs in form only", () => {
    const values = { name: "Ada  Lovelace", emails: ["Ada@Example.com"], phones: ["+44 1234 567890"] };
    const echo = {
      name: "Ada Lovelace ",
      emails: [{ value: "ada@example.com", primary: true }],
      phones: [{ value: "+441234567890", primary: true }],
    };
    expect(findings("person", values, echo)).toEqual([]);
    expect(deal({ [KIND.code]: 1 }, { [KIND.code]: 1, [SOURCE.code]: null })).toEqual([]);
    const html = "<p onclick='x()'>Hello <b>you</b></p><!-- mark -->";
    expect(findings("note", { text: html }, { content: "<p>Hello <b>you</b></p>" }, "html")).toEqual([]);
  });

  it("is dropped, truncated or coerced, by the field's name", () => {
    expect(deal({ [SOURCE.code]: "Website" }, { [SOURCE.code]: null, [KIND.code]: null })).toEqual([
      ["Source", "dropped"],
    ]);
    expect(deal({ [SOURCE.code]: "Website" }, { [SOURCE.code]: "Web" })).toEqual([["Source", "truncated"]]);
    expect(deal({ [SOURCE.code]: "Website" }, { [SOURCE.code]: "Unknown" })).toEqual([["Source", "coerced"]]);
    expect(deal({ [KIND.code]: 1 }, { [KIND.code]: 2 })).toEqual([["Kind", "coerced"]]);
    expect(deal({ [SOURCE.code]: "Website" }, { [KIND.code]: null })).toEqual([["Source", "dropped"]]);
  });

  it("covers names, values, contacts, stages and notes", () => {
    const values = { title: "A long title", value: 1200, stageId: "3", ownerId: "1" };
    expect(findings("deal", values, { title: "A long", value: 0, stage_id: 4, owner_id: 1 })).toEqual([
      ["title", "truncated"],
      ["value", "coerced"],
      ["stage", "coerced"],
    ]);
    const contacts = { name: "Ada", emails: ["ada@example.com"], phones: ["+441234567890"] };
    const echo = { name: "Ada", emails: [], phones: [{ value: "+44123456", primary: true }] };
    expect(findings("person", contacts, echo)).toEqual([
      ["emails", "dropped"],
      ["phones", "truncated"],
    ]);
    expect(findings("note", { text: "Please call me on Monday" }, { content: "Please call" })).toEqual([
      ["text", "truncated"],
    ]);
  });

  it("is a label that the answer lists not, also where it lists none; not where it lists no labels at all", () => {
    const labelled = (label_ids?: unknown) =>
      findings("person", { name: "Ada", labelIds: ["2", "7"] }, { name: "Ada", label_ids });
    expect(labelled([7, 2, 9])).toEqual([]);
    expect(labelled([7])).toEqual([["labels", "dropped"]]);
    expect(labelled([])).toEqual([["labels", "dropped"]]);
    expect([labelled(undefined), labelled(null)]).toEqual([[], []]);
  });

  it("is nothing where the answer does not show it", () => {
    expect(findings("person", { name: "Ada", emails: ["ada@example.com"] }, {})).toEqual([]);
    expect(findings("person", { name: "Ada", emails: ["ada@example.com"] }, { name: "Ada" })).toEqual([]);
    expect(findings("deal", { title: "Deal", ownerId: "1", labelIds: ["2"] }, { title: "Deal" })).toEqual([]);
    expect(deal({ [SOURCE.code]: "Website" }, undefined)).toEqual([]);
    expect(findings("note", { text: "Hello" }, {})).toEqual([]);
  });
});
