import { describe, expect, it } from "vitest";
import type { PlannedStep, StepContent } from "../../src/domain/chain.ts";
import type { PlanSettings } from "../../src/domain/settings.ts";
import type { SubmissionContent } from "../../src/domain/submission.ts";
import { planChain } from "../../src/planner/plan-chain.ts";
import type { PlanContext } from "../../src/planner/planner.ts";
import { catalog, context, input } from "../support/planner-fixture.ts";

const ada = { name: "Ada Lovelace", email: "Ada@Example.com ", phone: "+44 1234 567890" };

function steps(
  content: SubmissionContent,
  over: Partial<PlanSettings> = {},
  ctx: PlanContext = context(),
): PlannedStep[] {
  const result = planChain(input(content, over), ctx);
  if (result.type !== "planned") throw new Error(`expected a plan, got ${JSON.stringify(result)}`);
  return result.steps;
}

const content = (of: PlannedStep[], name: string): StepContent => {
  const step = of.find((each) => each.name === name);
  if (step === undefined) throw new Error(`no step ${name}`);
  return step.content;
};

describe("a chain", () => {
  it("holds organization, person, deal and notes in this order", () => {
    const chain = steps({
      person: ada,
      organization: { name: "Analytical Engines" },
      deal: { title: "Website: Engine" },
      notes: ["Call me", "And soon"],
    });
    expect(chain.map((step) => [step.name, step.entity, step.idempotencyKey])).toEqual([
      ["organization", "organization", "website/wf_1#organization"],
      ["person", "person", "website/wf_1#person"],
      ["deal", "deal", "website/wf_1#deal"],
      ["note.1", "note", "website/wf_1#note.1"],
      ["note.2", "note", "website/wf_1#note.2"],
    ]);
    expect(content(chain, "organization").matchKeys).toEqual(["organization:analytical engines"]);
  });

  it("has only the person where nothing else came", () => {
    const chain = steps({ person: ada, organization: { name: "  " }, deal: { labels: [], fields: {} }, notes: [" "] });
    expect(chain.map((step) => step.name)).toEqual(["person"]);
    expect(content(chain, "person")).toEqual({
      values: { name: "Ada Lovelace", emails: ["Ada@Example.com"], phones: ["+441234567890"] },
      onMatch: "fillEmpty",
      matchKeys: ["email:ada@example.com", "phone:+441234567890"],
    });
  });

  it("calls a person without a name by e-mail, else phone, and keeps that from overwriting", () => {
    const byEmail = content(steps({ person: { email: "ada@example.com", phone: "+441234567890" } }), "person");
    expect(byEmail.values.name).toBe("ada@example.com");
    expect(byEmail.nameIsStandIn).toBe(true);
    expect(content(steps({ person: { phone: "+44 1234 567890" } }), "person").values.name).toBe("+441234567890");
  });

  it("stores a phone that can't be normalised as text and does not match by it", () => {
    const person = content(steps({ person: { email: "ada@example.com", phone: "ask Bob" } }), "person");
    expect(person.values.phones).toEqual(["ask Bob"]);
    expect(person.matchKeys).toEqual(["email:ada@example.com"]);
  });

  it("matches in the configured order, also by a field, and by nothing that is not configured", () => {
    const persons = { match: ["person.fields.Customer no.", "email"], onMatch: "keep", country: null } as const;
    const person = content(
      steps(
        { person: { ...ada, fields: { "customer NO.": " C-7 " } } },
        { persons: { ...persons, match: [...persons.match] } },
      ),
      "person",
    );
    expect(person.matchKeys).toEqual(["field:Customer no.:C-7", "email:ada@example.com"]);
  });

  it("can be made of a match field alone", () => {
    const persons = { match: ["person.fields.Customer no."], onMatch: "fillEmpty" as const, country: null };
    const person = content(steps({ person: { fields: { "Customer no.": "C-7" } } }, { persons }), "person");
    expect(person.values.name).toBe("C-7");
  });

  it("can't be made without e-mail, phone and match field", () => {
    const result = planChain(input({ person: { name: "Ada" }, deal: { title: "x" } }), context());
    expect(result).toMatchObject({ type: "unplannable", code: "NO_IDENTITY" });
  });
});

describe("a deal", () => {
  it("without a title is called after person and source", () => {
    const deal = content(steps({ person: ada, deal: { value: 10, currency: "eur" } }), "deal");
    expect(deal.values).toEqual({ title: "Ada Lovelace \u2013 website", value: 10, currency: "EUR" });
  });

  it("takes the person's owner only where told so", () => {
    expect(content(steps({ person: ada, deal: { title: "x", owner: "Person" } }), "deal").ownerFromPerson).toBe(true);
    const own = content(steps({ person: ada, deal: { title: "x", owner: "sales@example.com" } }), "deal");
    expect([own.ownerFromPerson, own.values.ownerId]).toEqual([undefined, "31"]);
  });

  it("is matched by key only where it has one", () => {
    const deals = { match: "key" as const };
    expect(content(steps({ person: ada, deal: { title: "x", key: "q-77" } }, { deals }), "deal")).toMatchObject({
      dealMatch: "key",
      dealKey: "q-77",
    });
    expect(content(steps({ person: ada, deal: { title: "x" } }, { deals }), "deal").dealMatch).toBe("submission");
  });

  it("finds its stage in its pipeline", () => {
    const deal = content(steps({ person: ada, deal: { title: "x", pipeline: "renewals", stage: " new " } }), "deal");
    expect(deal.values).toMatchObject({ pipelineId: "2", stageId: "20" });
  });

  it("takes a stage without a pipeline where only one has that name", () => {
    const deal = content(steps({ person: ada, deal: { title: "x", stage: "won over" } }), "deal");
    expect(deal.values).toMatchObject({ pipelineId: "1", stageId: "11" });
  });

  it("is still made when its only member was a bad value", () => {
    const badValues = [{ path: "deal.value", label: "Budget", value: "lots", reason: "not a number" }];
    const chain = steps({ person: ada, badValues });
    expect(chain.map((step) => step.name)).toEqual(["person", "deal", "note.1"]);
  });
});

describe("names that the CRM doesn't have", () => {
  const unknown = (of: SubmissionContent) => planChain(input(of), context());

  it.each([
    ["pipeline", { pipeline: "Slaes" }, "Sales"],
    ["stage", { pipeline: "Sales", stage: "Nwe" }, "New"],
    ["field", { fields: { Produkt: "Engine" } }, "Product"],
  ])("an unknown %s holds the source and says which one was meant", (what, deal, nearest) => {
    const result = unknown({ person: ada, deal: { title: "x", ...deal } });
    expect(result).toMatchObject({ type: "unknownName", what });
    expect((result as { hint: string }).hint).toContain(`Did you mean "${nearest}"?`);
  });

  it("a stage that several pipelines have needs its pipeline", () => {
    const result = unknown({ person: ada, deal: { title: "x", stage: "New" } });
    expect(result).toMatchObject({ type: "unknownName", what: "stage" });
    expect((result as { message: string }).message).toContain('"Sales", "Renewals"');
  });

  it("a stage of another pipeline is named with it", () => {
    const result = unknown({ person: ada, deal: { title: "x", pipeline: "Renewals", stage: "Won over" } });
    expect((result as { hint: string }).hint).toContain('"Sales"');
  });

  it("a computed field can't be mapped", () => {
    expect(unknown({ person: { ...ada, fields: { "Next activity": "x" } } })).toMatchObject({ what: "field" });
  });

  it("of two fields of one name the custom one is meant, of two custom ones that written exactly so", () => {
    const chain = steps({ person: { ...ada, fields: { TIER: "gold", twin: "b" } } });
    expect(content(chain, "person").values.fields).toEqual({ tier_custom: "gold", twin_2: "b" });
    expect(unknown({ person: { ...ada, fields: { TWIN: "?" } } })).toMatchObject({
      type: "unknownName",
      what: "field",
    });
  });

  it("given by the record itself, without a map, are a bad value: one record can't hold up its source", () => {
    const given = { person: { ...ada, fields: { Nonsense: "x" } }, deal: { title: "x", pipeline: "Nope" } };
    const result = planChain(input(given, { unknownNames: "note" }), context());
    expect(result.type).toBe("planned");
    expect((result as { badValues: unknown[] }).badValues).toMatchObject([
      { path: "person.fields.Nonsense", value: "x" },
      { path: "deal.pipeline", value: "Nope" },
    ]);
  });

  it("come before bad values, so that a wrong map rejects nobody", () => {
    const result = planChain(
      input({ person: { ...ada, labels: ["Nope"] }, deal: { pipeline: "Nope" } }, { onBadValue: "reject" }),
      context(),
    );
    expect(result.type).toBe("unknownName");
  });
});

describe("values that a field can't take", () => {
  const bad: SubmissionContent = {
    person: {
      ...ada,
      owner: "nobody@example.com",
      labels: ["web", "Nope"],
      fields: { budget: "$ 2,500.00", "Job title": "Analyst" },
    },
    notes: ["Call me"],
  };

  it("go into the first note, one line each, and are counted", () => {
    const result = planChain(input(bad), context());
    if (result.type !== "planned") throw new Error("no plan");
    expect(content(result.steps, "note.1").values.text).toBe(
      "Call me\nOwner: nobody@example.com\nLabel: Nope\nBudget: $ 2,500.00\nRef. website/wf_1",
    );
    expect(result.badValues.map((each) => each.path)).toEqual([
      "person.owner",
      "person.labels",
      "person.fields.budget",
    ]);
    expect(content(result.steps, "person").values).toMatchObject({
      labelIds: ["11"],
      fields: { c_job_title: "Analyst" },
    });
  });

  it("make a note of their own where there is none, under the record's own name for it", () => {
    const over = { labels: { "person.fields.Budget": "budget_eur" } };
    const chain = steps({ person: { ...ada, fields: { Budget: "much" } } }, over);
    expect(content(chain, "note.1").values.text).toBe("budget_eur: much\nRef. website/wf_1");
  });

  it("reject the submission where the config says so, without showing the value", () => {
    const result = planChain(input(bad, { onBadValue: "reject" }), context());
    expect(result).toMatchObject({ type: "unplannable", code: "BAD_VALUE" });
    expect(JSON.stringify(result)).not.toContain("2,500");
  });

  it("an owner who is switched off, or one of two of that name, owns nothing", () => {
    for (const owner of ["gary@example.com", "Jo Twin"]) {
      const chain = steps({ person: { ...ada, owner } });
      expect(content(chain, "person").values.ownerId).toBeUndefined();
      expect(content(chain, "note.1").values.text).toContain(`Owner: ${owner}`);
    }
  });

  it("fields of an organization without a name are kept in the note", () => {
    const chain = steps({ person: ada, organization: { fields: { Industry: "Looms" } } });
    expect(content(chain, "note.1").values.text).toContain("Industry: Looms");
  });
});

describe("parts of the catalog", () => {
  const empty = { fields: {}, labels: {} };
  const needs = (of: SubmissionContent, known = catalog(empty)) => {
    const bare = context({ catalog: { fields: known.fields, labels: known.labels } });
    const result = planChain(input(of), bare);
    return result.type === "needs" ? result.parts : [];
  };

  it("are asked for only where something needs them", () => {
    expect(
      needs({ person: ada, organization: { name: "x" }, deal: { title: "x", owner: "person" }, notes: ["x"] }),
    ).toEqual([]);
    expect(needs({ person: { ...ada, labels: ["Web"] } })).toEqual(["fields:person"]);
    expect(needs({ person: { ...ada, owner: "Sam Seller" } })).toEqual(["users"]);
    expect(needs({ person: ada, deal: { pipeline: "Sales" } })).toEqual(["pipelines"]);
    expect(needs({ person: ada, deal: { stage: "New", fields: { Product: "Engine" } } })).toEqual([
      "fields:deal",
      "pipelines",
      "stages",
    ]);
  });

  it("are not asked for again where the CRM has no labels at all: they are bad values then", () => {
    const none = catalog({ labels: {} });
    const chain = steps({ person: { ...ada, labels: ["Web"] } }, {}, context({ catalog: none }));
    expect(content(chain, "note.1").values.text).toContain("Label: Web");
  });

  it("users are asked for once a field turns out to take one", () => {
    const of: SubmissionContent = { person: { ...ada, fields: { Contact: "sales@example.com" } } };
    expect(needs(of)).toEqual(["fields:person"]);
    expect(needs(of, catalog())).toEqual(["users"]);
    expect(content(steps(of), "person").values.fields).toEqual({ c_contact: 31 });
  });
});
