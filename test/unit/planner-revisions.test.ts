/** What a revision's chain keeps of its plan, and what of it may replace a value at the CRM. */
import { describe, expect, it } from "vitest";
import type { EarlierStep, EntityValues, PlannedStep, StepAction, StepContent } from "../../src/domain/chain.ts";
import type { PlanSettings } from "../../src/domain/settings.ts";
import type { SubmissionContent } from "../../src/domain/submission.ts";
import { difference, missingLinks } from "../../src/planner/difference.ts";
import { inOrder } from "../../src/planner/overwrite-order.ts";
import { planChain } from "../../src/planner/plan-chain.ts";
import { context, input, record } from "../support/planner-fixture.ts";

const person = { name: "Ada", email: "ada@example.com" };

function planned(content: SubmissionContent, over: Partial<PlanSettings>, earlier: EarlierStep[] = []): PlannedStep[] {
  const result = planChain({ ...input(content, over), earlier }, context());
  if (result.type !== "planned") throw new Error(result.type);
  return result.steps;
}

const IDS = { organization: "50", person: "5", deal: "61", note: "7" };

/** Plans each version behind the ones before it, all of them brought to the CRM by `action`; gives the last plan by step. */
function lastOf(versions: SubmissionContent[], over: Partial<PlanSettings> = {}, action: StepAction = "create") {
  const earlier: EarlierStep[] = [];
  let steps: PlannedStep[] = [];
  for (const version of versions) {
    steps = planned(version, over, [...earlier]);
    for (const { entity, content } of steps) {
      earlier.push({ entity, content, action, crmId: content.amends?.id ?? IDS[entity] });
    }
  }
  return new Map<string, StepContent>(steps.map(({ name, content }) => [name, content]));
}

describe("the plan of a revision", () => {
  it("has only what differs from what was written last, version by version", () => {
    const deal = (value: number, more = {}) => ({ person, deal: { title: "Engine", value, currency: "EUR", ...more } });
    const steps = lastOf([deal(100), deal(200), deal(100, { fields: { Product: "Engine" } })]);
    expect(steps.get("person")).toMatchObject({ values: {}, amends: { id: "5" } });
    expect(steps.get("deal")).toMatchObject({
      values: { value: 100, currency: "EUR", fields: { c_product: 7 } },
      onMatch: "overwrite",
      amends: { id: "61", organizationId: null, onMatch: "fillEmpty" },
    });
    expect(lastOf([deal(100), deal(200), deal(200)]).get("deal")?.values).toEqual({});
  });

  it("sends the amount whole where only its currency changed", () => {
    const deal = (currency: string) => ({ person, deal: { title: "Engine", value: 100, currency } });
    expect(lastOf([deal("EUR"), deal("USD")]).get("deal")?.values).toEqual({ value: 100, currency: "USD" });
  });

  it("takes a real name for a stand-in, and no stand-in for a real name", () => {
    const nameless = { person: { email: "ada@example.com" }, deal: { value: 1 } };
    const named = { person, deal: { value: 1, title: "Engine" } };
    const steps = lastOf([nameless, named]);
    expect([steps.get("person")?.values, steps.get("deal")?.values]).toEqual([{ name: "Ada" }, { title: "Engine" }]);
    const back = lastOf([named, nameless]);
    expect([back.get("person")?.values, back.get("deal")?.values]).toEqual([{}, {}]);
  });

  it("adds e-mail addresses, phones and labels, and takes nothing away", () => {
    const more = { ...person, email: "new@example.com", phone: "+37255500001", labels: ["Web"] };
    const steps = lastOf([{ person: { ...person, fields: { "Job title": "Countess" } } }, { person: more }]);
    expect(steps.get("person")).toMatchObject({
      values: { emails: ["new@example.com"], phones: ["+37255500001"], labelIds: ["11"] },
      matchKeys: ["email:ada@example.com", "email:new@example.com", "phone:+37255500001"],
    });
    expect(steps.get("person")?.values.fields).toBeUndefined();
  });

  it("leaves owner, pipeline and stage to people, once the deal is there", () => {
    const deal = (stage: string) => ({ person, deal: { title: "E", pipeline: "Sales", stage, owner: "person" } });
    const content = lastOf([deal("New"), deal("Won over")]).get("deal");
    expect(content?.values).toEqual({});
    expect(content?.ownerFromPerson).toBeUndefined();
  });

  it("keeps in full what no earlier version has at the CRM", () => {
    const steps = lastOf([{ person }, { person, deal: { title: "Engine" }, organization: { name: "Acme" } }]);
    expect(steps.get("deal")).toMatchObject({ values: { title: "Engine" }, onMatch: "fillEmpty" });
    expect(steps.get("deal")?.amends ?? steps.get("organization")?.amends).toBeUndefined();
  });

  it("finds or makes another organization, and tells person and deal which one to leave", () => {
    const at = (name: string) => ({ person, deal: { title: "E" }, organization: { name } });
    const same = lastOf([at("Acme"), at(" ACME ")]);
    expect(same.get("organization")).toMatchObject({ values: {}, amends: { id: "50" } });
    const other = lastOf([at("Acme"), at("Bolts")]);
    expect(other.get("organization")).toMatchObject({ values: { name: "Bolts" } });
    expect(other.get("organization")?.amends).toBeUndefined();
    expect([other.get("person")?.amends, other.get("deal")?.amends]).toMatchObject([
      { organizationId: "50" },
      { organizationId: "50" },
    ]);
  });

  it("means the deal of another key where deals are matched by key, and the same one where it had none", () => {
    const deal = (key?: string) => ({ person, deal: { title: "E", value: 1, ...(key === undefined ? {} : { key }) } });
    const byKey = { deals: { match: "key" as const } };
    expect(lastOf([deal("q-1"), deal("q-2")], byKey).get("deal")?.amends).toBeUndefined();
    expect(lastOf([deal("q-1"), deal("q-1")], byKey).get("deal")?.amends).toBeDefined();
    expect(lastOf([deal(), deal("q-1")], byKey).get("deal")?.amends).toBeDefined();
  });

  it("amends under `keep` only what we made", () => {
    const keep = { persons: { match: ["email"], onMatch: "keep" as const, country: null } };
    const versions = [{ person }, { person: { ...person, name: "Ada King" } }];
    expect(lastOf(versions, keep, "match").get("person")).toMatchObject({ values: {}, onMatch: "keep" });
    expect(lastOf(versions, keep, "adopt").get("person")).toMatchObject({ values: { name: "Ada King" } });
  });
});

describe("a revised value", () => {
  const HOUR_MS = 3_600_000;
  const amends = { id: "61", organizationId: "50", onMatch: "fillEmpty" as const };
  const content = (values: EntityValues, more: object = {}): StepContent => ({
    ...{ values, onMatch: "overwrite" },
    amends: { ...amends, ...more },
  });
  const wrote = (values: EntityValues, submittedAtMs = 0) => ({
    ...{ submittedAtMs, endedAtMs: 1000 },
    content: { values, onMatch: "fillEmpty" as const },
  });
  const there = (over: object) => record({ entity: "deal", id: "61", updatedAtMs: 2000, ...over });
  const left = (wanted: StepContent, over: object, writes: Parameters<typeof inOrder>[3]) =>
    difference(inOrder(wanted, there(over), HOUR_MS, writes, context()), there(over), context());

  it("replaces what we wrote, and nothing that people did, whenever they did it", () => {
    expect(left(content({ value: 2 }), { value: 1 }, [wrote({ value: 1 })])).toEqual({ value: 2 });
    expect(left(content({ value: 2 }), { value: 9 }, [wrote({ value: 1 })])).toBeNull();
    expect(left(content({ title: "B" }), { title: "A" }, [wrote({ title: "A" })])).toEqual({ title: "B" });
    const product = (id: number) => ({ fields: { c_product: id } });
    expect(left(content(product(8)), product(7), [wrote(product(7))])).toEqual(product(8));
    expect(left(content(product(8)), product(9), [wrote(product(7))])).toBeNull();
  });

  it("that no version had before fills what is empty, and more only where the source overwrites", () => {
    const product = { fields: { c_product: 8 } };
    expect(left(content(product), {}, [])).toEqual(product);
    expect(left(content(product), { fields: { c_product: 7 } }, [])).toBeNull();
    expect(left(content(product, { onMatch: "overwrite" }), { fields: { c_product: 7 } }, [])).toEqual(product);
  });

  it("is told by what was sent last, also where the answer to that was lost", () => {
    const lost = { ...wrote({ value: 2 }), endedAtMs: null, begunAtMs: 1500 };
    const writes = [lost, { ...wrote({ value: 1 }), begunAtMs: 900 }];
    expect(left(content({ value: 3 }), { value: 2 }, writes)).toEqual({ value: 3 });
    expect(left(content({ value: 3 }), { value: 1 }, writes)).toBeNull();
  });

  it("leaves alone what a later submission wrote", () => {
    const writes = [wrote({ value: 1 }), wrote({ value: 3 }, 2 * HOUR_MS)];
    expect(left(content({ value: 2 }), { value: 3 }, writes)).toBeNull();
  });

  it("moves a link from the old organization to the new one, and no other", () => {
    const links = (organizationId: string | null) =>
      missingLinks(content({}), there({ organizationId, personId: "5" }), { organizationId: "51" });
    expect(links("50")).toEqual({ organization: { id: "51" } });
    expect(links(null)).toEqual({ organization: { id: "51" } });
    expect(links("99")).toBeNull();
    expect(links("51")).toBeNull();
  });
});
