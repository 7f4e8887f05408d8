import { describe, expect, it } from "vitest";
import type { StepContent } from "../../src/domain/chain.ts";
import { chooseDeal } from "../../src/planner/choose-deal.ts";
import { chooseOrganization, choosePerson } from "../../src/planner/choose-person.ts";
import { context, record } from "../support/planner-fixture.ts";

function wanted(over: Partial<StepContent> = {}): StepContent {
  return {
    values: { name: "Ada", emails: ["ada@example.com"], phones: ["+37251234567"] },
    onMatch: "fillEmpty",
    matchKeys: ["email:ada@example.com", "phone:+37251234567"],
    ...over,
  };
}

const chosen = (content: StepContent, ...candidates: ReturnType<typeof record>[]) =>
  choosePerson(content, candidates, context());

describe("the person of a submission", () => {
  it("has its e-mail address, without case and outer spaces", () => {
    const choice = chosen(wanted(), record({ id: "5", emails: ["x@example.com", " ADA@example.com"] }));
    expect(choice.record?.id).toBe("5");
    expect(choice.explanation).toContain("same e-mail address");
  });

  it("is found by e-mail before phone, whoever is older", () => {
    const older = record({ id: "1", emails: [], phones: ["5123 4567"], createdAtMs: 1 });
    const choice = chosen(wanted(), older, record({ id: "2", createdAtMs: 2 }));
    expect(choice.record?.id).toBe("2");
  });

  it("is not a person with the same phone and another e-mail address; that is said", () => {
    const choice = chosen(wanted(), record({ id: "9", emails: ["bob@example.com"], phones: ["5123 4567"] }));
    expect(choice.record).toBeNull();
    expect(choice.explanation).toContain("Person 9 has the same phone number, but another e-mail address");
  });

  it("is one with the same phone where the CRM's person has no e-mail address", () => {
    expect(chosen(wanted(), record({ id: "9", emails: [], phones: ["5123 4567"] })).record?.id).toBe("9");
  });

  it("is one with the same phone where the submission has no e-mail address", () => {
    const byPhone = wanted({ values: { phones: ["+37251234567"] }, matchKeys: ["phone:+37251234567"] });
    expect(chosen(byPhone, record({ id: "9", phones: ["+372 5123 4567"] })).record?.id).toBe("9");
  });

  it("is the oldest of several: created first, then lowest id as a number; unknown dates last", () => {
    const at = (id: string, createdAtMs: number | null) => record({ id, createdAtMs });
    const choice = chosen(wanted(), at("3", null), at("10", 5), at("9", 5), at("1", 6));
    expect(choice.record?.id).toBe("9");
    expect(choice.explanation).toContain("4 persons");
    expect(choice.explanation).toContain("10, 1, 3");
  });

  it("is never a deleted or archived one", () => {
    expect(chosen(wanted(), record({ deleted: true }), record({ id: "2", archived: true })).record).toBeNull();
  });

  it("is found by a match field, whose values match exactly", () => {
    const content = wanted({ matchKeys: ["field:customer NO.:C-7", "email:ada@example.com"] });
    const byField = record({ id: "7", emails: [], fields: { c_customer_no_: "C-7 " } });
    expect(chosen(content, record({ id: "1" }), byField).record?.id).toBe("7");
    expect(chosen(content, { ...byField, fields: { c_customer_no_: "c-7" } }).record).toBeNull();
  });
});

describe("the organization of a submission", () => {
  it("has its name with case and spaces folded, the oldest of several", () => {
    const named = (id: string, name: string) => record({ entity: "organization", id, name, createdAtMs: Number(id) });
    const content = wanted({ matchKeys: ["organization:analytical engines"] });
    const choice = chooseOrganization(content, [
      named("2", "Analytical  Engines "),
      named("1", "ANALYTICAL engines"),
      named("0", "Analytical"),
    ]);
    expect(choice.record?.id).toBe("1");
    expect(choice.explanation).toContain("2 organizations");
    expect(chooseOrganization(content, []).record).toBeNull();
  });
});

describe("the deal of a submission", () => {
  const deal = (id: string, over = {}) =>
    record({ entity: "deal", id, title: "x", status: "open", pipelineId: "1", createdAtMs: Number(id), ...over });

  it("is its own by default, whatever the person has", () => {
    expect(chooseDeal(wanted({ dealMatch: "submission" }), [deal("1")]).record).toBeNull();
  });

  it("is the person's oldest open one, of the wanted pipeline where there is one", () => {
    const deals = [deal("3"), deal("1", { status: "won" }), deal("2"), deal("4", { pipelineId: "2" })];
    const open = wanted({ dealMatch: "openDealOfPerson" });
    expect(chooseDeal(open, deals).record?.id).toBe("2");
    expect(chooseDeal({ ...open, values: { pipelineId: "2" } }, deals).record?.id).toBe("4");
    expect(chooseDeal({ ...open, values: { pipelineId: "7" } }, deals).record?.id).toBe("2");
    expect(chooseDeal(open, [deal("1", { status: "lost" }), deal("2", { archived: true })]).record).toBeNull();
  });

  it("is the one that its key names, whatever its status", () => {
    expect(chooseDeal(wanted({ dealMatch: "key" }), [deal("1", { status: "won" })]).record?.id).toBe("1");
  });
});
