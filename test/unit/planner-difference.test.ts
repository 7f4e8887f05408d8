import { describe, expect, it } from "vitest";
import type { EntityValues, MatchMode, StepContent } from "../../src/domain/chain.ts";
import type { CrmRecord } from "../../src/domain/operation.ts";
import { difference, missingLinks } from "../../src/planner/difference.ts";
import { mergePersonContents, sharedDifference } from "../../src/planner/merge-persons.ts";
import { context, record } from "../support/planner-fixture.ts";

const content = (
  values: EntityValues,
  onMatch: MatchMode = "fillEmpty",
  over: Partial<StepContent> = {},
): StepContent => ({
  values,
  onMatch,
  ...over,
});
const change = (
  values: EntityValues,
  onMatch: MatchMode,
  there: Partial<CrmRecord> = {},
  over: Partial<StepContent> = {},
) => difference(content(values, onMatch, over), record(there), context());

describe("an update of a known person", () => {
  const full = {
    name: "Ada King",
    emails: ["ADA@example.com", "ada.king@example.com"],
    phones: ["+37251234567"],
    labelIds: ["11"],
    ownerId: "31",
    fields: { c_job_title: "Countess", c_budget: 5 },
  };
  const there = {
    phones: ["5123 4567", "5000 0000"],
    labelIds: ["12"],
    ownerId: "99",
    fields: { c_job_title: "Analyst", c_budget: null },
  };

  it("fills only what is empty, but adds the e-mail address", () => {
    expect(change(full, "fillEmpty", there)).toEqual({
      emails: ["ada@example.com", "ada.king@example.com"],
      fields: { c_budget: 5 },
    });
  });

  it("with overwrite replaces single values and only adds to lists", () => {
    expect(change(full, "overwrite", there)).toEqual({
      name: "Ada King",
      emails: ["ada@example.com", "ada.king@example.com"],
      labelIds: ["12", "11"],
      fields: { c_job_title: "Countess", c_budget: 5 },
    });
  });

  it("with keep is none", () => {
    expect(change(full, "keep", there)).toBeNull();
  });

  it("that would change nothing is none", () => {
    const same = { name: "Ada Lovelace", emails: ["Ada@Example.com"], fields: { c_job_title: "Analyst" } };
    expect(change(same, "overwrite", { fields: { c_job_title: "Analyst" } })).toBeNull();
  });

  it("puts a new number behind those that are there", () => {
    expect(change({ phones: ["+37255555555"] }, "fillEmpty", { phones: ["5123 4567"] })).toEqual({
      phones: ["5123 4567", "+37255555555"],
    });
  });

  it("never gives somebody a stand-in for a name, and replaces one by the real name", () => {
    expect(change({ name: "ada@example.com" }, "overwrite", {}, { nameIsStandIn: true })).toBeNull();
    expect(change({ name: "Ada King" }, "fillEmpty", { name: "ADA@example.com" })).toEqual({ name: "Ada King" });
    expect(change({ name: "Ada King" }, "fillEmpty", { name: "+372 5123 4567", phones: ["51234567"] })).toEqual({
      name: "Ada King",
    });
    expect(change({ name: "Ada King" }, "fillEmpty", { name: " " })).toEqual({ name: "Ada King" });
  });

  it("fills labels only where there are none", () => {
    expect(change({ labelIds: ["11"] }, "fillEmpty")).toEqual({ labelIds: ["11"] });
  });
});

describe("an update of a known deal or organization", () => {
  const deal = {
    entity: "deal" as const,
    title: "Old",
    value: 0,
    currency: "USD",
    pipelineId: "1",
    stageId: "10",
    status: "open",
  };
  const wanted = { title: "New", value: 5, currency: "EUR", pipelineId: "2", stageId: "20", ownerId: "31" };

  it("never moves it, and fills an amount of 0 with its currency", () => {
    expect(change(wanted, "fillEmpty", deal)).toEqual({ value: 5, currency: "EUR" });
    expect(change(wanted, "overwrite", { ...deal, value: 7 })).toEqual({ title: "New", value: 5, currency: "EUR" });
    expect(change(wanted, "fillEmpty", { ...deal, value: 7 })).toBeNull();
  });

  it("never decides it, even where a map names the field", () => {
    expect(change({ fields: { status: "won" } }, "overwrite", { ...deal, fields: { status: "open" } })).toBeNull();
  });

  it("does not change the currency alone", () => {
    expect(change({ currency: "EUR" }, "overwrite", deal)).toBeNull();
    expect(change({ value: 0 }, "overwrite", deal)).toBeNull();
  });

  it("does not rename an organization that it found by name", () => {
    expect(change({ name: "ACME" }, "overwrite", { entity: "organization", name: "Acme" })).toBeNull();
  });
});

describe("links", () => {
  const ids = { organizationId: "4", personId: "5" };

  it("are added where there are none, and never replaced", () => {
    expect(missingLinks(content({}), record(), ids)).toEqual({ organization: { id: "4" } });
    expect(missingLinks(content({}), record({ organizationId: "9" }), ids)).toBeNull();
    expect(missingLinks(content({}), record(), { organizationId: null })).toBeNull();
    expect(missingLinks(content({}, "keep"), record(), ids)).toBeNull();
    expect(missingLinks(content({}), record({ entity: "deal", organizationId: "9" }), ids)).toEqual({
      person: { id: "5" },
    });
  });
});

describe("submissions of one person together", () => {
  const first = content({ name: "ada@example.com", emails: ["ada@example.com"] }, "fillEmpty", { nameIsStandIn: true });
  const second = content(
    { name: "Ada", emails: ["ADA@example.com"], phones: ["+1"], fields: { c_a: "2" } },
    "fillEmpty",
  );
  const third = content(
    { name: "Ada King", emails: ["king@example.com"], fields: { c_a: "3", c_b: "3" }, ownerId: "31" },
    "overwrite",
  );
  const keep = content({ name: "No", emails: ["no@example.com"], fields: { c_z: "9" } }, "keep");

  it("make one create with what each would have written after the other", () => {
    const merged = mergePersonContents([first, second, keep], context());
    expect(merged.values).toEqual({
      name: "Ada",
      emails: ["ada@example.com"],
      phones: ["+1"],
      fields: { c_a: "2" },
    });
    expect(merged.nameIsStandIn).toBeUndefined();
    expect(mergePersonContents([second, third], context()).values).toEqual({
      name: "Ada King",
      emails: ["ADA@example.com", "king@example.com"],
      phones: ["+1"],
      fields: { c_a: "3", c_b: "3" },
      ownerId: "31",
    });
  });

  it("are created whole even where the first one would only keep what is there", () => {
    expect(mergePersonContents([keep], context()).values).toEqual(keep.values);
  });

  it("make one update: with fillEmpty the first wins, with overwrite the later", () => {
    const there = record({ name: null, emails: ["ada@example.com"] });
    const fill = content({ name: "Later", fields: { c_a: "later" } }, "fillEmpty");
    expect(sharedDifference([second, fill], there, context())).toEqual({
      name: "Ada",
      phones: ["+1"],
      fields: { c_a: "2" },
    });
    expect(sharedDifference([second, third], there, context())).toEqual({
      name: "Ada King",
      emails: ["ada@example.com", "king@example.com"],
      phones: ["+1"],
      fields: { c_a: "3", c_b: "3" },
    });
    expect(sharedDifference([keep, keep], there, context())).toBeNull();
  });
});
