/** Repairs that reconcile queued: carried out once, on the ordinary path, and never at the cost of what was delivered. */
import { describe, expect, it } from "vitest";
import type { Entity } from "../../src/domain/catalog.ts";
import type { RunId } from "../../src/domain/ids.ts";
import { FAILPOINTS } from "../../src/runner/failpoints.ts";
import { previewDrain } from "../../src/runner/preview.ts";
import { lead, NO_LIMITS } from "../support/drain-rig.ts";
import { fateAt, runToTheEnd } from "../support/mortal-run.ts";
import { queueRepair, type Repair } from "../support/queue-repair.ts";
import { type WatchedRig, watchedRig } from "../support/watched-rig.ts";

const ORGANIZATION = { organization: { name: "Engines" } };

/** One lead delivered, and the first of its calls to come is the repair's. */
async function delivered(): Promise<WatchedRig & { queue: (entity: Entity, content: Repair) => Promise<void> }> {
  const rig = await watchedRig();
  await rig.take([lead(1, ORGANIZATION)]);
  expect(await rig.run()).toMatchObject({ drained: { done: 1 } });
  rig.calls.length = 0;
  return Object.assign(rig, { queue: (entity: Entity, content: Repair) => queueRepair(rig, "wf_1", entity, content) });
}

const repairOf = async (rig: WatchedRig) => {
  const { submission, steps } = await rig.story("wf_1");
  return { state: submission.state, step: steps.find(({ name }) => name === "repair.1")! };
};
const idOf = (rows: readonly { id: number }[], at = 0): string => String(rows[at]!.id);

describe("an overwrite", () => {
  it("sends what differs and nothing else, whoever changed it and when", async () => {
    const rig = await delivered();
    const { id } = rig.simulator.records.deals[0]!;
    await rig.clock.advance(60_000);
    rig.simulator.editDeal(id, { title: "Renamed by a person", value: 7, status: "won" });
    const values = { title: "Deal 1", value: 101, currency: "EUR" };
    await rig.queue("deal", { values, repair: { do: "overwrite", target: String(id) } });
    expect(await rig.run()).toMatchObject({ drained: { done: 1, failed: 0 }, remaining: 0 });
    expect(rig.writes().map(({ method, body }) => [method, body])).toEqual([["PATCH", values]]);
    expect(rig.simulator.records.deals).toMatchObject([{ title: "Deal 1", value: 101, status: "won" }]);
    expect(await repairOf(rig)).toMatchObject({ state: "done", step: { state: "done", action: "update" } });
  });

  it("puts a deal back to its person and organization", async () => {
    const rig = await delivered();
    const { deals, persons, organizations } = rig.simulator.records;
    const other = rig.simulator.addPerson({ name: "Somebody else" });
    rig.simulator.editDeal(deals[0]!.id, { person_id: other.id, org_id: null });
    const repair = {
      do: "overwrite" as const,
      target: idOf(deals),
      personId: idOf(persons),
      organizationId: idOf(organizations),
    };
    await rig.queue("deal", { repair });
    await rig.run();
    const links = { person_id: persons[0]!.id, org_id: organizations[0]!.id };
    expect(rig.writes().map(({ body }) => body)).toEqual([links]);
    expect(rig.simulator.records.deals[0]).toMatchObject(links);
  });

  it("gives an organization its name again", async () => {
    const rig = await delivered();
    const { id } = rig.simulator.records.organizations[0]!;
    rig.simulator.editOrganization(id, { name: "Engines & Sons" });
    await rig.queue("organization", { values: { name: "Engines" }, repair: { do: "overwrite", target: String(id) } });
    await rig.run();
    expect(rig.simulator.records.organizations).toMatchObject([{ name: "Engines" }]);
  });

  it("writes a note's text again", async () => {
    const rig = await delivered();
    const { id, content } = rig.simulator.records.notes[0]!;
    rig.simulator.editNote(id, { content: "Something else" });
    const text = "Note of lead 1\nRef. website/wf_1";
    await rig.queue("note", { values: { text }, format: "text", repair: { do: "overwrite", target: String(id) } });
    await rig.run();
    expect(rig.writes().map(({ method }) => method)).toEqual(["PUT"]);
    expect(rig.simulator.records.notes[0]!.content.replaceAll(/\s/g, "")).toBe(content.replaceAll(/\s/g, ""));
  });

  it("of a record that has the values by now sends nothing", async () => {
    const rig = await delivered();
    const target = idOf(rig.simulator.records.deals);
    await rig.queue("deal", { values: { title: "Deal 1" }, repair: { do: "overwrite", target } });
    await rig.run();
    expect(rig.writes()).toEqual([]);
    expect(await repairOf(rig)).toMatchObject({ state: "done", step: { state: "done", action: "match" } });
  });
});

describe("a merge and a delete", () => {
  const twice = (rig: WatchedRig): string =>
    String(rig.simulator.addPerson({ name: "Lead 1", emails: [{ value: "lead.1@example.com" }] }).id);

  it("of a person leaves one, with everything on it, and the mirror knows", async () => {
    const rig = await delivered();
    const into = idOf(rig.simulator.records.persons);
    await rig.queue("person", { repair: { do: "merge", target: twice(rig), into } });
    await rig.run();
    const put = {
      method: "PUT",
      path: expect.stringMatching(/persons\/\d+\/merge$/),
      body: { merge_with_id: Number(into) },
    };
    expect(rig.writes()).toMatchObject([put]);
    expect(rig.simulator.records.persons.filter((one) => !one.is_deleted)).toMatchObject([{ id: Number(into) }]);
    expect(await repairOf(rig)).toMatchObject({ state: "done", step: { state: "done", action: "merge", crmId: into } });
    await rig.take([lead(2, { person: { name: "Lead 1", email: "lead.1@example.com" } })]);
    await rig.run();
    expect(rig.simulator.records.deals.map(({ person_id }) => person_id)).toEqual([Number(into), Number(into)]);
  });

  it.each([false, true])("leaves no submission on the record that is gone (answer lost: %s)", async (lost) => {
    const rig = await delivered();
    await rig.take([lead(2, { person: { name: "Lead 1", email: "other@example.com" } })]);
    await rig.run();
    const [into, target] = [idOf(rig.simulator.records.persons), idOf(rig.simulator.records.persons, 1)];
    await rig.queue("person", { repair: { do: "merge", target, into } });
    if (lost) rig.simulator.failNext({ kind: "resetAfter", match: { method: "PUT" } });
    await rig.runOut(61_000);
    const { steps } = await rig.story("wf_2");
    const person = steps.find(({ name }) => name === "person");
    expect(person).toMatchObject({ crmId: into, explanation: expect.stringContaining(`merged into ${into}`) });
  });

  it("of a note takes the extra one away", async () => {
    const rig = await delivered();
    const { content, deal_id } = rig.simulator.records.notes[0]!;
    const extra = rig.simulator.addNote({ content, deal_id });
    const text = "Note of lead 1\nRef. website/wf_1";
    await rig.queue("note", { values: { text }, repair: { do: "delete", target: String(extra.id) } });
    await rig.run();
    expect(rig.writes()).toMatchObject([{ method: "DELETE" }]);
    expect(rig.simulator.records.notes.filter((note) => !note.is_deleted)).toHaveLength(1);
    expect(await repairOf(rig)).toMatchObject({ state: "done", step: { action: "delete", crmId: null } });
  });

  it("leaves a note alone that somebody wrote into since the check", async () => {
    const rig = await delivered();
    const extra = rig.simulator.addNote({
      content: "Called her, she agreed.",
      deal_id: rig.simulator.records.deals[0]!.id,
    });
    await rig.queue("note", { values: { text: "Note of lead 1" }, repair: { do: "delete", target: String(extra.id) } });
    await rig.run();
    expect(rig.writes()).toEqual([]);
    expect(await repairOf(rig)).toMatchObject({ state: "done", step: { error: { code: "REPAIR_EDITED" } } });
  });

  it("of what is gone already is done without a write", async () => {
    const rig = await delivered();
    const loser = twice(rig);
    const into = idOf(rig.simulator.records.persons);
    rig.simulator.mergePersons(Number(loser), Number(into));
    await rig.queue("person", { repair: { do: "merge", target: loser, into } });
    await rig.run();
    expect(rig.writes()).toEqual([]);
    expect(await repairOf(rig)).toMatchObject({ state: "done", step: { state: "done", action: "match" } });
  });

  it("that somebody else does between the look and the call is done as well", async () => {
    const rig = await delivered();
    const loser = twice(rig);
    const into = idOf(rig.simulator.records.persons);
    await rig.queue("person", { repair: { do: "merge", target: loser, into } });
    rig.onSend = (call) => {
      if (call.method === "PUT") rig.simulator.mergePersons(Number(loser), Number(into));
    };
    await rig.run();
    expect(await repairOf(rig)).toMatchObject({ state: "done", step: { state: "done" } });
  });
});

it("is in the plan of a dry run, with its price, and nothing else of its submission is", async () => {
  const rig = await delivered();
  const target = idOf(rig.simulator.records.deals);
  await rig.queue("deal", { values: { title: "Deal 1" }, repair: { do: "overwrite", target } });
  const into = idOf(rig.simulator.records.persons);
  await rig.queue("person", { repair: { do: "merge", target: "77", into } });
  const plan = await previewDrain(rig.deps(0 as RunId), NO_LIMITS, []);
  expect(plan.writes.map(({ step, action, target: on }) => [step, action, on])).toEqual([
    ["repair.1", "update", `deal ${target}`],
    ["repair.2", "merge", "person 77"],
  ]);
  expect([plan.tokensMin, plan.tokensMax]).toEqual([2, 48 + 4 * 10]);
});

describe("a repair that can't be done", () => {
  const refused = async (rig: WatchedRig) => {
    const report = await rig.run();
    expect(report).toMatchObject({ drained: { done: 1, failed: 0 }, remaining: 0 });
    expect(report.warnings.join()).toContain("repair.1");
    expect(await rig.ledger.failed({})).toEqual([]);
    const { state, step } = await repairOf(rig);
    expect([state, step.state]).toEqual(["done", "failed"]);
    return step.error!.code;
  };

  it("leaves what people deleted deleted, and the submission delivered", async () => {
    const rig = await delivered();
    const { id } = rig.simulator.records.deals[0]!;
    rig.simulator.deleteDeal(id);
    await rig.queue("deal", { values: { title: "Deal 1" }, repair: { do: "overwrite", target: String(id) } });
    expect(await refused(rig)).toBe("CRM_RECORD_DELETED");
    expect(rig.writes()).toEqual([]);
  });

  it("merges nothing into what is gone", async () => {
    const rig = await delivered();
    const loser = String(rig.simulator.addPerson({ name: "Lead 1" }).id);
    const { id } = rig.simulator.records.persons[0]!;
    rig.simulator.deletePerson(id);
    await rig.queue("person", { repair: { do: "merge", target: loser, into: String(id) } });
    expect(await refused(rig)).toBe("CRM_RECORD_DELETED");
  });

  it("that the CRM refuses fails alone, and the next one is carried out", async () => {
    const rig = await delivered();
    const { id } = rig.simulator.records.deals[0]!;
    rig.simulator.editDeal(id, { title: "Renamed" });
    rig.simulator.archiveDeal(id);
    rig.simulator.editPerson(rig.simulator.records.persons[0]!.id, { name: "Renamed" });
    await rig.queue("deal", { values: { title: "Deal 1" }, repair: { do: "overwrite", target: String(id) } });
    const target = idOf(rig.simulator.records.persons);
    await rig.queue("person", { values: { name: "Lead 1" }, repair: { do: "overwrite", target } });
    await refused(rig);
    expect(rig.simulator.records.persons).toMatchObject([{ name: "Lead 1" }]);
  });

  it("because its read fails again and again gives up after its tries", async () => {
    const settings = { breaker: { failureRate: 1.1, window: 20, cooldownMs: 30_000 } };
    const rig = await delivered();
    Object.assign(rig.settings, settings);
    const target = idOf(rig.simulator.records.deals);
    await rig.queue("deal", { values: { title: "Other" }, repair: { do: "overwrite", target } });
    rig.simulator.failNext({ kind: "error503", match: { method: "GET", path: /deals\/\d+$/ }, times: 100 });
    await rig.runOut(301_000, 20);
    const { state, step } = await repairOf(rig);
    expect([state, step.state, step.error?.code]).toEqual(["done", "failed", "CRM_READ"]);
  });
});

describe("a lost answer to a repair", () => {
  const FAULTS = ["resetAfter", "resetBefore"] as const;
  const cases = FAULTS.flatMap((kind) => (["overwrite", "merge", "delete"] as const).map((what) => ({ kind, what })));

  it.each(cases)("$what, $kind: settled by reading, sent again only after both looks", async ({ kind, what }) => {
    const rig = await delivered();
    await arrange(rig, what);
    rig.simulator.failNext({ kind, match: { method: { overwrite: "PATCH", merge: "PUT", delete: "DELETE" }[what] } });
    expect(await rig.run()).toMatchObject({ drained: { uncertain: 1, failed: 0 } });
    await rig.clock.advance(61_000);
    await rig.run();
    if (kind === "resetBefore") {
      expect(rig.writes()).toHaveLength(1);
      await rig.clock.advance(241_000);
      await rig.run();
    }
    expect(rig.writes()).toHaveLength(kind === "resetAfter" ? 1 : 2);
    await expectRepaired(rig, what);
  });

  it("that comes every time ends the repair after its tries, not the submission", async () => {
    const rig = await delivered();
    await arrange(rig, "overwrite");
    rig.simulator.failNext({ kind: "resetBefore", match: { method: "PATCH" }, times: 100 });
    await rig.runOut(301_000, 20);
    const { state, step } = await repairOf(rig);
    expect([state, step.state, step.error?.code]).toEqual(["done", "failed", "UNCERTAIN_EXHAUSTED"]);
    expect(rig.writes()).toHaveLength(rig.settings.retry.maxAttempts);
  });
});

type What = "overwrite" | "merge" | "delete";
type Queued = Awaited<ReturnType<typeof delivered>>;

async function arrange(rig: Queued, what: What): Promise<void> {
  const { deals, persons, notes } = rig.simulator.records;
  if (what === "overwrite") {
    rig.simulator.editDeal(deals[0]!.id, { title: "Renamed" });
    await rig.queue("deal", { values: { title: "Deal 1" }, repair: { do: what, target: idOf(deals) } });
  } else if (what === "merge") {
    const target = String(rig.simulator.addPerson({ name: "Lead 1" }).id);
    await rig.queue("person", { repair: { do: what, target, into: idOf(persons) } });
  } else {
    const extra = rig.simulator.addNote({ content: notes[0]!.content, deal_id: deals[0]!.id });
    await rig.queue("note", { repair: { do: what, target: String(extra.id) } });
  }
}

async function expectRepaired(rig: WatchedRig, what: What): Promise<void> {
  const { deals, persons, notes } = rig.simulator.records;
  const there = (rows: readonly { is_deleted: boolean }[]) => rows.filter((row) => !row.is_deleted);
  expect(deals).toMatchObject([{ title: "Deal 1" }]);
  expect([there(persons).length, there(notes).length]).toEqual([1, 1]);
  const { state, step } = await repairOf(rig);
  expect([state, step.state, step.action]).toEqual(["done", "done", what === "overwrite" ? "update" : what]);
}

describe.each(["overwrite", "merge", "delete"] as const)(
  "a process that dies at any instant of a repair: %s",
  (what) => {
    // What comes before and after a send is the same for all of them.
    const instants = FAILPOINTS.filter((name) => what === "merge" || name.startsWith("send."));
    it.each(instants)("carries it out, once (%s)", async (instant) => {
      for (let nth = 1; ; nth += 1) {
        const rig = await delivered();
        await arrange(rig, what);
        const fate = fateAt(instant, nth);
        await runToTheEnd(rig, fate, new Map());
        const { deals, persons, notes } = rig.simulator.records;
        const there = (rows: readonly { is_deleted: boolean }[]) => rows.filter((row) => !row.is_deleted).length;
        expect([deals[0]!.title, there(persons), there(notes)], `${instant} no. ${nth}`).toEqual(["Deal 1", 1, 1]);
        expect(rig.writes().length, `${instant} no. ${nth}`).toBeLessThanOrEqual(1);
        expect((await repairOf(rig)).state).toBe("done");
        await rig.ledger.close();
        if (!fate.fired()) break;
      }
    });
  },
);
