/** Chains that were begun: where they go on, what people may change meanwhile, and what a plan says beforehand. */
import { describe, expect, it } from "vitest";
import { previewDrain } from "../../src/runner/preview.ts";
import { lead, NO_LIMITS } from "../support/drain-rig.ts";
import { type WatchedRig, watchedRig, withPlan } from "../support/watched-rig.ts";

const DEALS = { method: "POST", path: /\/deals$/ };
const contact = (value: string) => ({ value, primary: true, label: "work" });

describe("a chain that was begun", () => {
  it("resumes at its first open step", async () => {
    const rig = await watchedRig();
    await rig.take([lead(1, { organization: { name: "Engines" } })]);
    rig.simulator.failNext({ kind: "unauthorized", match: DEALS });
    expect((await rig.run()).stopped).toBe("hold");
    const before = rig.calls.length;
    await rig.run();
    expect(
      rig.calls
        .slice(before)
        .filter((call) => call.method !== "GET")
        .map((call) => call.path.split("/").at(-1)),
    ).toEqual(["deals", "notes"]);
  });

  it("keeps its content byte for byte under changed settings and names", async () => {
    const bodies: string[][] = [];
    for (const changed of [false, true]) {
      const rig = await watchedRig();
      rig.simulator.addField("deal", "Seen on", "varchar");
      await rig.take([
        lead(1, { deal: { title: "T", pipeline: "Partners", stage: "Inbound", fields: { "Seen on": "x" } } }),
      ]);
      rig.simulator.failNext({ kind: "unauthorized", match: DEALS });
      await rig.run();
      const before = rig.calls.length;
      if (changed) {
        const other = withPlan({ notes: { reference: false, format: "html" }, persons: { onMatch: "overwrite" } });
        rig.simulator.renameField("deal", rig.simulator.fields("deal").at(-1)!.field_code, "Renamed");
        const [partners] = rig.simulator.pipelines().filter((each) => each.name === "Partners");
        rig.simulator.addPipeline(
          "Partners",
          partners!.stages.map((stage) => stage.name),
        );
        await rig.clock.advance(30 * 3_600_000);
        await rig.run({}, { settings: { ...rig.settings, ...other } });
      } else await rig.run();
      bodies.push(rig.calls.slice(before).flatMap((call) => (call.method === "POST" ? [call.text ?? ""] : [])));
    }
    expect(bodies[1]).toHaveLength(2);
    expect(bodies[1]).toEqual(bodies[0]);
  });
});

describe("a mirror that is behind", () => {
  /** A known person whose deal is about to be written when people act. */
  async function actBeforeDeal(act: (rig: WatchedRig, personId: number) => void) {
    const rig = await watchedRig();
    const { id } = rig.simulator.addPerson({ name: "Lead 1", emails: [contact("lead.1@example.com")] });
    await rig.take([lead(1)]);
    rig.onSend = (call) => {
      if (call.method !== "POST" || !call.path.endsWith("/deals")) return;
      rig.onSend = () => {};
      act(rig, id);
    };
    await rig.runOut(5_000, 6);
    const { submission } = await rig.story("wf_1");
    expect(submission).toMatchObject({ state: "done", attempts: 0 });
    expect(await rig.ledger.failed({})).toEqual([]);
    const living = rig.simulator.records.persons.filter((person) => !person.is_deleted);
    const [deal] = rig.simulator.records.deals;
    expect(rig.simulator.records.deals).toHaveLength(1);
    expect(rig.simulator.records.notes).toMatchObject([{ deal_id: deal?.id, person_id: deal?.person_id }]);
    return { rig, deal, living };
  }

  it("person deleted before its deal is written: made anew", async () => {
    const { deal, living } = await actBeforeDeal((rig, id) => rig.simulator.deletePerson(id));
    expect(living).toHaveLength(1);
    expect(deal?.person_id).toBe(living[0]?.id);
  });

  it("person merged into another before its deal is written: followed", async () => {
    let survivor = 0;
    const { deal, living } = await actBeforeDeal((rig, id) => {
      survivor = rig.simulator.addPerson({ name: "Survivor", emails: [contact("survivor@example.com")] }).id;
      rig.simulator.mergePersons(id, survivor);
    });
    expect(living.map((person) => person.id)).toEqual([survivor]);
    expect(deal?.person_id).toBe(survivor);
  });

  it.each(["delete", "merge"] as const)("organization %sd before its person is written", async (act) => {
    const rig = await watchedRig();
    const { id } = rig.simulator.addOrganization({ name: "Engines" });
    await rig.take([lead(1, { organization: { name: "Engines" } })]);
    rig.onSend = (call) => {
      if (call.method !== "POST" || !call.path.endsWith("/persons")) return;
      rig.onSend = () => {};
      if (act === "delete") rig.simulator.deleteOrganization(id);
      else rig.simulator.mergeOrganizations(id, rig.simulator.addOrganization({ name: "ENGINES" }).id);
    };
    await rig.runOut(5_000, 6);
    expect((await rig.story("wf_1")).submission).toMatchObject({ state: "done", attempts: 0 });
    const [living, ...more] = rig.simulator.records.organizations.filter((each) => !each.is_deleted);
    expect(more).toEqual([]);
    expect(rig.simulator.records.persons).toMatchObject([{ org_id: living?.id }]);
    expect(rig.simulator.records.deals).toMatchObject([{ org_id: living?.id }]);
  });

  it("persons deleted since the last run: not taken for known, made anew", async () => {
    const rig = await watchedRig();
    await rig.take([lead(1), lead(2)]);
    await rig.run();
    for (const { id } of rig.simulator.records.persons) rig.simulator.deletePerson(id);
    await rig.take([lead(1), lead(2)].map((each) => ({ ...each, key: `${each.key}-again` })));
    expect((await rig.run()).drained).toMatchObject({ done: 2, failed: 0 });
    expect(rig.simulator.records.persons.filter((person) => !person.is_deleted)).toHaveLength(2);
  });
});

describe("names that the CRM does not have", () => {
  const lacking = [
    ["pipeline", { pipeline: "No such" }],
    ["stage", { pipeline: "Sales", stage: "No such" }],
    ["field", { fields: { "No such": "x" } }],
  ] as const;

  it.each(lacking)("%s: the source is held and named, nobody fails, other sources go on", async (what, deal) => {
    const rig = await watchedRig();
    await rig.take([
      { ...lead(1, { deal: { title: "T", ...deal } }), source: "broken" },
      { ...lead(2, { deal: { title: "T", ...deal } }), source: "broken" },
      lead(3),
    ]);
    const report = await rig.run();
    expect(report).toMatchObject({
      drained: { done: 1, failed: 0 },
      remaining: 2,
      stopped: "drained",
      heldSources: ["broken"],
    });
    expect(report.warnings.join()).toContain("No such");
    expect(rig.simulator.records.deals).toHaveLength(1);
    const [hold] = await rig.ledger.holds();
    expect(hold).toMatchObject({ kind: "source", scope: "source:broken", message: expect.stringContaining(what) });
    // Still held for runs in between, which ask for nothing.
    await rig.clock.advance(60_000);
    const before = rig.calls.length;
    expect(await rig.run()).toMatchObject({ heldSources: ["broken"], drained: { failed: 0 }, remaining: 2 });
    expect(rig.calls.length).toBe(before);
  });

  it("are looked for again later, and the hold is lifted once people have added them", async () => {
    const rig = await watchedRig();
    await rig.take([{ ...lead(1, { deal: { title: "T", fields: { "Late field": "x" } } }), source: "broken" }]);
    await rig.run();
    const { field_code } = rig.simulator.addField("deal", "Late field");
    await rig.clock.advance(16 * 60_000);
    expect(await rig.run()).toMatchObject({ drained: { done: 1 }, heldSources: [], remaining: 0 });
    expect(rig.simulator.records.deals[0]?.custom_fields[field_code]).toBe("x");
    expect(await rig.ledger.holds()).toEqual([]);
  });
});

describe("the plan of a drain", () => {
  async function planned(warm: boolean) {
    const rig = await watchedRig();
    rig.simulator.addPerson({ name: "Lead 1", emails: [contact("lead.1@example.com")] });
    if (warm) {
      await rig.take([lead(90)]);
      await rig.run();
    }
    await rig.take([lead(1), lead(2), lead(3, { organization: { name: "Engines" } })]);
    const tables = async () =>
      JSON.stringify([await rig.ledger.queue(), await rig.ledger.holds(), await rig.ledger.facts()]);
    const before = { calls: rig.calls.length, log: rig.simulator.log.length, ledger: await tables() };
    const plan = await previewDrain(rig.deps(1 as never), NO_LIMITS, []);
    expect({ calls: rig.calls.length, log: rig.simulator.log.length, ledger: await tables() }).toEqual(before);
    return { rig, plan };
  }

  it.each([true, false])("sends and writes nothing, and its tokens hold the real cost (warm: %s)", async (warm) => {
    const { rig, plan } = await planned(warm);
    expect(plan.submissions).toBe(3);
    const { tokens } = (await rig.run()).requests;
    expect(plan.tokensMin).toBeLessThanOrEqual(tokens);
    expect(plan.tokensMax).toBeGreaterThanOrEqual(tokens);
  });

  it("names each write with its values", async () => {
    const { plan } = await planned(true);
    const rows = plan.writes.map(({ key, step, action }) => `${key} ${step} ${action}`).sort();
    expect(rows).toEqual([
      "wf_1 deal create",
      "wf_1 note.1 create",
      "wf_1 person update",
      "wf_2 deal create",
      "wf_2 note.1 create",
      "wf_2 person create",
      "wf_3 deal create",
      "wf_3 note.1 create",
      "wf_3 organization createOrUpdate",
      "wf_3 person create",
    ]);
    const deal = plan.writes.find(({ key, step }) => key === "wf_2" && step === "deal");
    expect(deal?.fields).toMatchObject({ title: "Deal 2", value: 102, currency: "EUR" });
    expect(plan.writes.find(({ step }) => step === "organization")?.fields).toMatchObject({ name: "Engines" });
  });
});
