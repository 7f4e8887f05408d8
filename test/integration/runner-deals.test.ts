/** Deals of a chain: which one a submission means, and where it goes. */
import { describe, expect, it } from "vitest";
import type { DealContent } from "../../src/domain/submission.ts";
import { type Given, lead, PLAN } from "../support/drain-rig.ts";
import { type WatchedRig, watchedRig, withPlan } from "../support/watched-rig.ts";

const ADA = { name: "Ada Lovelace", email: "ada@example.com" };
const emails = [{ value: ADA.email, primary: true, label: "work" }];
const of = (n: number, deal: DealContent): Given => lead(n, { person: ADA, deal });
const deals = (rig: WatchedRig) => rig.simulator.records.deals;
const stageId = (rig: WatchedRig, pipeline: string, stage: string) =>
  rig.simulator
    .pipelines()
    .find((each) => each.name === pipeline)
    ?.stages.find((each) => each.name === stage)?.id;

describe("deals.match: submission", () => {
  it("gives each submission a deal of its own, also of one person with one title", async () => {
    const rig = await watchedRig();
    await rig.take([of(1, { title: "Same" }), of(2, { title: "Same" })]);
    await rig.run();
    expect(deals(rig)).toHaveLength(2);
    expect(rig.simulator.records.persons).toHaveLength(1);
  });

  it("stamps what it creates: person, organization and deal; notes carry the reference line", async () => {
    const rig = await watchedRig();
    await rig.take([lead(1, { organization: { name: "Engines" } })]);
    await rig.run();
    const created = rig.simulator.log.filter((entry) => entry.action === "create");
    expect(created.map((entry) => [entry.entity, entry.stamp])).toEqual([
      ["organization", "website/wf_1"],
      ["person", "website/wf_1"],
      ["deal", "website/wf_1"],
      ["note", "website/wf_1"],
    ]);
    expect(rig.simulator.records.notes[0]?.content).toMatch(/Ref\. website\/wf_1$/);
  });

  it("makes no deal where the submission has none; its note hangs on the person", async () => {
    const rig = await watchedRig();
    await rig.take([{ key: "wf_1", content: { person: ADA, notes: ["Hello"] } }]);
    await rig.run();
    expect(deals(rig)).toEqual([]);
    const [person] = rig.simulator.records.persons;
    expect(rig.simulator.records.notes).toMatchObject([{ deal_id: null, person_id: person?.id }]);
  });

  it("calls a deal without a title after person and source", async () => {
    const rig = await watchedRig();
    await rig.take([of(1, { value: 5 })]);
    await rig.run();
    expect(deals(rig)[0]?.title).toBe("Ada Lovelace – website");
  });
});

describe("deals.match: key", () => {
  const settings = withPlan({ deals: { match: "key" } });

  it("writes the second submission of a key into the first one's deal, also in a later run", async () => {
    const rig = await watchedRig({ settings });
    await rig.take([of(1, { title: "Quote", key: "q-77" })]);
    await rig.run();
    await rig.take([of(2, { title: "Quote again", value: 900, currency: "EUR", key: "q-77" }), of(3, { key: "q-78" })]);
    await rig.run();
    expect(deals(rig)).toHaveLength(2);
    expect(deals(rig)[0]).toMatchObject({ title: "Quote", value: 900 });
    expect(rig.simulator.records.notes.map((note) => note.deal_id)).toEqual([
      deals(rig)[0]?.id,
      deals(rig)[0]?.id,
      deals(rig)[1]?.id,
    ]);
  });

  it("makes one deal of submissions of several persons that carry the same key at the same time", async () => {
    const rig = await watchedRig({ settings });
    await rig.take(Array.from({ length: 10 }, (_, n) => lead(n, { deal: { title: "Shared", key: "q-1" } })));
    const report = await rig.run();
    expect(report.drained.done).toBe(10);
    expect(deals(rig)).toHaveLength(1);
  });

  it("is a deal of its own where the submission has no key", async () => {
    const rig = await watchedRig({ settings });
    await rig.take([of(1, { title: "A" }), of(2, { title: "B" })]);
    await rig.run();
    expect(deals(rig)).toHaveLength(2);
  });
});

describe("a deal that goes by a key", () => {
  it("is still found by it after a source that finds it otherwise, or by a key of its own, wrote to it", async () => {
    const open = { ...PLAN, deals: { match: "openDealOfPerson" as const } };
    const plans = { default: { ...PLAN, deals: { match: "key" as const } }, forms: open };
    const rig = await watchedRig({ settings: { plans } });
    const turns: Given[] = [
      of(1, { title: "Quote", key: "q-77" }),
      { ...of(2, { title: "Form", value: 500, currency: "EUR" }), source: "forms" },
      {
        ...of(3, { title: "Form", pipeline: "Sales", fields: { "Expected close date": "2026-12-24" }, key: "f-1" }),
        source: "forms",
      },
      of(4, { title: "Quote", key: "q-77" }),
      of(5, { title: "Quote", key: "f-1" }),
    ];
    for (const given of turns) {
      await rig.take([given]);
      expect(await rig.run()).toMatchObject({ drained: { done: 1 } });
    }
    expect(rig.writes(/\/deals/).map(({ method }) => method)).toEqual(["POST", "PATCH", "PATCH"]);
  });
});

describe("deals.match: openDealOfPerson", () => {
  const settings = withPlan({ deals: { match: "openDealOfPerson" } });

  it("uses the person's open deal, fills what is empty and moves no stage", async () => {
    const rig = await watchedRig({ settings });
    const { id } = rig.simulator.addPerson({ name: "Ada", emails });
    const lost = rig.simulator.addDeal({ title: "Lost", person_id: id }).id;
    rig.simulator.editDeal(lost, { status: "lost" });
    const open = rig.simulator.addDeal({ title: "Open", person_id: id, stage_id: stageId(rig, "Sales", "Proposal") });
    await rig.take([of(1, { title: "New", value: 700, currency: "EUR", pipeline: "Sales", stage: "New" })]);
    await rig.run();
    expect(deals(rig)).toHaveLength(2);
    expect(deals(rig)[1]).toMatchObject({ title: "Open", value: 700, stage_id: open.stage_id });
    expect(rig.simulator.records.notes[0]?.deal_id).toBe(open.id);
  });

  it("prefers the named pipeline, else the oldest", async () => {
    const rig = await watchedRig({ settings });
    const { id } = rig.simulator.addPerson({ name: "Ada", emails });
    const first = rig.simulator.addDeal({ title: "First", person_id: id }).id;
    const partner = rig.simulator.addDeal({
      title: "Partner",
      person_id: id,
      stage_id: stageId(rig, "Partners", "Inbound"),
    }).id;
    await rig.take([of(1, { pipeline: "Partners", stage: "Inbound" })]);
    await rig.run();
    await rig.take([of(2, { title: "Any" })]);
    await rig.run();
    expect(rig.simulator.records.notes.map((note) => note.deal_id)).toEqual([partner, first]);
  });

  it("makes one for a new person, and uses it for the person's next submission", async () => {
    const rig = await watchedRig({ settings });
    await rig.take([of(1, { title: "One" }), of(2, { title: "Two" })]);
    await rig.run();
    await rig.take([of(3, { title: "Three" })]);
    await rig.run();
    expect(deals(rig)).toHaveLength(1);
    expect(rig.simulator.records.notes).toHaveLength(3);
  });
});

describe.each(["lateApply", "resetAfter", "resetBefore"] as const)(
  "deals.match: openDealOfPerson, while the answer to its create is lost (%s)",
  (kind) => {
    const settings = withPlan({ deals: { match: "openDealOfPerson" } });
    const lose = (rig: WatchedRig) =>
      rig.simulator.failNext({ kind, match: { method: "POST", path: /\/deals$/ }, ms: 50_000 });

    it("others of the person in the same hands wait for it", async () => {
      const rig = await watchedRig({ settings });
      await rig.take([of(1, { title: "One" }), of(2, { title: "Two" }), of(3, { title: "Three" })]);
      lose(rig);
      await rig.runOut(61_000);
      expect(deals(rig)).toHaveLength(1);
      expect(rig.simulator.records.notes).toHaveLength(3);
    });

    it("so do those of another lane, and those that name the person by another address", async () => {
      const rig = await watchedRig({ settings });
      const second = { ...ADA, email: "ada.home@example.com" };
      const both = [...emails, { value: second.email, primary: false, label: "home" }];
      rig.simulator.addPerson({ name: ADA.name, emails: both });
      await rig.take([{ ...of(1, { title: "One" }), lane: "background" }]);
      lose(rig);
      await rig.run();
      await rig.take([of(2, { title: "Two" }), lead(3, { person: second, deal: { title: "Three" } })]);
      await rig.runOut(61_000);
      expect(deals(rig)).toHaveLength(1);
      expect(rig.simulator.records.persons).toHaveLength(1);
      expect(rig.simulator.records.notes).toHaveLength(3);
    });
  },
);

describe("names that people see", () => {
  it("finds pipeline, stage, owner, labels and custom fields by name", async () => {
    const rig = await watchedRig();
    const budget = rig.simulator.addField("deal", "Budget class", "enum", ["Small", "Large"]);
    const seen = rig.simulator.addField("deal", "Seen on", "date").field_code;
    const topics = rig.simulator.addField("deal", "Topics", "set", ["Looms", "Tea"]);
    const hot = rig.simulator.fields("deal").find((field) => field.field_code === "label_ids")?.options?.[0];
    await rig.take([
      of(1, {
        title: "Named",
        pipeline: "partners",
        stage: " signed ",
        owner: "OLGA@example.com",
        labels: ["hot"],
        fields: { "budget CLASS": "Large", "Seen on": "2026-11-20", Topics: ["Tea", "Looms"] },
      }),
    ]);
    const report = await rig.run();
    expect(report.warnings).toEqual([]);
    expect(deals(rig)[0]).toMatchObject({
      stage_id: stageId(rig, "Partners", "Signed"),
      owner_id: 72,
      label_ids: [hot?.id],
    });
    const custom = deals(rig)[0]?.custom_fields ?? {};
    expect(custom[budget.field_code]).toBe(budget.options?.[1]?.id);
    expect(custom[seen]).toMatch(/^2026-11-20/);
    expect([...(custom[topics.field_code] as number[])].sort()).toEqual(topics.options?.map((each) => each.id));
  });

  it("takes a stage without its pipeline where the name is the only one", async () => {
    const rig = await watchedRig();
    await rig.take([of(1, { title: "T", stage: "Signed" })]);
    await rig.run();
    expect(deals(rig)[0]).toMatchObject({ stage_id: stageId(rig, "Partners", "Signed"), pipeline_id: 2 });
  });

  it("holds the source of a stage without pipeline that several pipelines have", async () => {
    const rig = await watchedRig();
    rig.simulator.addPipeline("Second", ["New"]);
    await rig.take([of(1, { title: "T", stage: "New" })]);
    const report = await rig.run();
    expect(report).toMatchObject({ heldSources: ["website"], remaining: 1, drained: { failed: 0 } });
    expect(report.warnings.join()).toMatch(/"New" is in several pipelines: "Sales", "Second"/);
    expect(deals(rig)).toEqual([]);
  });

  it("gives the deal the owner of a known person (deal.owner: person), also when the chain is resumed", async () => {
    const rig = await watchedRig();
    rig.simulator.addPerson({ name: "Ada", emails, owner_id: 72 });
    await rig.take([of(1, { title: "T", owner: "person" })]);
    await rig.run({ tokensMax: 60 });
    await rig.run();
    expect(deals(rig)[0]?.owner_id).toBe(72);
  });

  it("gives the deal the owner that a new person was made with", async () => {
    const rig = await watchedRig();
    const person = { ...ADA, owner: "Olga Owner" };
    await rig.take([lead(1, { person, deal: { title: "T", owner: "person" } })]);
    await rig.run();
    expect(rig.simulator.records.persons[0]?.owner_id).toBe(72);
    expect(deals(rig)[0]?.owner_id).toBe(72);
  });
});

describe("values that a field can't take", () => {
  it("go into the note under their label and are counted in the warnings", async () => {
    const rig = await watchedRig();
    rig.simulator.addField("deal", "Class", "enum", ["Small", "Large"]);
    await rig.take([
      of(1, {
        title: "T",
        value: "a lot" as unknown as number,
        owner: "nobody@example.com",
        fields: { Class: "Huge" },
      }),
      { ...of(2, { title: "U", fields: { Class: "Tiny" } }), key: "wf_2" },
    ]);
    const report = await rig.run();
    expect(report.drained).toMatchObject({ done: 2, failed: 0 });
    const [note] = rig.simulator.records.notes;
    expect(note?.content).toContain("Class: Huge");
    expect(note?.content).toContain("Value: a lot");
    expect(note?.content).toContain("nobody@example.com");
    expect(report.warnings.find((each) => each.includes("Class"))).toMatch(/2 values/);
    expect(report.warnings.join()).not.toContain("Huge");
  });

  it("make a note where the submission has none", async () => {
    const rig = await watchedRig();
    await rig.take([{ key: "wf_1", content: { person: ADA, deal: { title: "T", currency: "Euros" } } }]);
    await rig.run();
    expect(rig.simulator.records.notes[0]?.content).toContain("Currency: Euros");
  });

  it("fail the submission alone with onBadValue: reject", async () => {
    const rig = await watchedRig({ settings: withPlan({ onBadValue: "reject" }) });
    await rig.take([of(1, { title: "T", currency: "Euros" }), lead(2)]);
    const report = await rig.run();
    expect(report.drained).toMatchObject({ done: 1, failed: 1 });
    expect(deals(rig)).toHaveLength(1);
  });
});

describe("notes", () => {
  it("hang on the deal and on the person, in their order", async () => {
    const rig = await watchedRig();
    await rig.take([lead(1, { notes: ["First", "Second <b>&amp;"] })]);
    await rig.run();
    const { notes, persons } = rig.simulator.records;
    expect(notes).toMatchObject([1, 2].map(() => ({ deal_id: deals(rig)[0]?.id, person_id: persons[0]?.id })));
    expect(notes[0]?.content).toContain("Ref. website/wf_1 (1/2)");
    expect(notes[1]?.content).toContain("Second &lt;b&gt;&amp;amp;");
  });

  it("over the CRM's size become several, numbered, and lose nothing", async () => {
    const rig = await watchedRig();
    const words = Array.from({ length: 40_000 }, (_, n) => `word${n}`);
    await rig.take([lead(1, { notes: [words.join(" ")] })]);
    const report = await rig.run();
    expect(report.drained).toMatchObject({ done: 1 });
    const notes = rig.simulator.records.notes.map((note) => note.content);
    expect(notes.length).toBeGreaterThan(1);
    for (const [at, text] of notes.entries()) {
      expect(text).toMatch(new RegExp(`Ref\\. website/wf_1 \\(${at + 1}/${notes.length}\\)$`));
      expect(Buffer.byteLength(text)).toBeLessThanOrEqual(100_000);
    }
    expect(notes.join(" ").match(/word\d+/g)).toEqual(words);
  });

  it("carry no reference where it is switched off, and are html where the source says so", async () => {
    const rig = await watchedRig({ settings: withPlan({ notes: { reference: false, format: "html" } }) });
    await rig.take([lead(1, { notes: ["<p>Call <b>me</b></p>"] })]);
    await rig.run();
    expect(rig.simulator.records.notes[0]?.content).toBe("<p>Call <b>me</b></p>");
  });
});
