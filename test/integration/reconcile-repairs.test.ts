/** Repairs that are asked for by name: each does what it says, once, and the next check has nothing left to say. */
import { afterEach, describe, expect, it } from "vitest";
import type { DiscrepancyRow } from "../../src/ledger/checks.ts";
import { isSafe, type RepairWish } from "../../src/reconcile/repair.ts";
import { checkOn, named, repairOn } from "../support/check-rig.ts";
import { type Chain, chainLead, chainsOf } from "../support/damage.ts";
import type { Given } from "../support/drain-rig.ts";
import { type FileRig, fileRig } from "../support/ledger-file.ts";
import { fateAt, type Posts, runToTheEnd } from "../support/mortal-run.ts";

let rig: FileRig;
afterEach(() => rig.close());

async function delivered(...given: Given[]): Promise<Chain[]> {
  rig = await fileRig({ simulator: { limits: null, deletedGet: 200 } });
  rig.simulator.addField("person", "Job title");
  const count = given.length || 3;
  await rig.take(given.length > 0 ? given : Array.from({ length: 3 }, (_, index) => chainLead(index + 1)));
  expect(await rig.run()).toMatchObject({ drained: { done: count, failed: 0 } });
  await rig.clock.advance(3_600_000);
  return chainsOf(rig.file);
}

async function openRows(): Promise<DiscrepancyRow[]> {
  const { rows } = await checkOn(rig);
  return rows.filter(({ state }) => state === "new" || state === "open");
}

/** Checks, asks for the repair of all that was found by id, twice, and sends. What we did at the CRM. */
async function repaired(wish: RepairWish, expected: string[]): Promise<string[]> {
  const rows = await openRows();
  expect(rows.map(named).sort()).toEqual([...expected].sort());
  const ids = rows.map(({ id }) => id);
  const { queued, refused } = await repairOn(rig, wish, ids);
  expect({ queued, refused }).toEqual({ queued: ids.length, refused: [] });
  await repairOn(rig, wish, ids);
  const before = rig.simulator.log.length;
  await rig.runOut();
  return done(before);
}

const done = (from: number): string[] =>
  rig.simulator.log
    .slice(from)
    .filter(({ via }) => via === "api")
    .map(({ action, entity, id, body }) => `${action} ${entity}:${id} ${Object.keys(body).sort().join(",")}`);

const deals = () => rig.simulator.records.deals.filter(({ is_deleted }) => !is_deleted);

describe("recreate", () => {
  it("without ids writes nothing again that is only hidden from this token's user", async () => {
    const [first, second] = await delivered();
    rig.simulator.hide("deal", first!.deal);
    rig.simulator.erase("deal", second!.deal);
    await openRows();
    expect((await repairOn(rig, "recreate")).queued).toBe(1);
    const before = rig.simulator.log.length;
    await rig.runOut();
    expect(done(before).filter((entry) => entry.startsWith("create deal"))).toHaveLength(1);
    expect(deals().at(-1)).toMatchObject({ title: "Deal 2" });
  });

  it("writes a deal that is gone once more, with the person and organization of its chain", async () => {
    const [first] = await delivered();
    rig.simulator.erase("deal", first!.deal);
    const log = await repaired("recreate", [`deal-missing deal:${first!.deal}`]);
    const made = deals().at(-1)!;
    expect(log.filter((entry) => entry.startsWith("create"))).toEqual([
      expect.stringContaining(`create deal:${made.id}`),
    ]);
    expect(made).toMatchObject({ title: "Deal 1", person_id: first!.person, org_id: first!.organization });
    expect(deals()).toHaveLength(3);
    expect(await openRows()).toEqual([]);
  });

  it("adopts the new deal, not the deleted one, where the answer was lost", async () => {
    const [first] = await delivered();
    rig.simulator.deleteDeal(first!.deal);
    rig.simulator.failNext({ kind: "resetAfter", match: { method: "POST", path: /deals$/ } });
    await repaired("recreate", [`deal-deleted deal:${first!.deal}`]);
    expect(deals()).toHaveLength(3);
    const { steps } = await rig.story("wf_1");
    const deal = steps.find(({ name }) => name === "deal")!;
    expect(deal).toMatchObject({ state: "done", crmId: String(deals().at(-1)!.id) });
    expect(deal.crmId).not.toBe(String(first!.deal));
    expect(await openRows()).toEqual([]);
  });

  it.each(["person", "organization", "note"] as const)(
    "writes a missing %s once more, linked as it was",
    async (entity) => {
      const [first] = await delivered();
      rig.simulator.erase(entity, first![entity]);
      const log = await repaired("recreate", [`${entity}-missing ${entity}:${first![entity]}`]);
      expect(log.filter((entry) => entry.startsWith("create"))).toHaveLength(1);
      expect((await openRows()).map(named)).toEqual([]);
    },
  );

  it.each([1, 2, 3, 4, 5, 6, 7, 8])("writes one deal though the run dies at its turn %i", async (nth) => {
    const [first] = await delivered();
    rig.simulator.erase("deal", first!.deal);
    const rows = await openRows();
    await repairOn(rig, "recreate", [rows[0]!.id]);
    const posts: Posts = new Map();
    await runToTheEnd(rig, fateAt("turn>", nth), posts);
    expect(deals()).toHaveLength(3);
    expect((await openRows()).map(named)).toEqual([]);
  });
});

describe("overwrite", () => {
  it("sends of the changed fields only ours, and leaves what people changed elsewhere", async () => {
    const person = { name: "Ada", email: "ada@example.com", fields: { "Job title": "Analyst" } };
    const lead = chainLead(1);
    const [first] = await delivered({ ...lead, content: { ...lead.content, person } });
    const { field_code } = rig.simulator.fields("person").find(({ field_name }) => field_name === "Job title")!;
    rig.simulator.editPerson(first!.person, {
      custom_fields: { [field_code]: "Countess" },
      emails: [{ value: "other@example.com" }, { value: "ada@example.com", primary: true }],
      label_ids: [1],
    });
    const log = await repaired("overwrite", [`person-drift person:${first!.person}`]);
    expect(log).toEqual([`update person:${first!.person} custom_fields`]);
    const now = rig.simulator.records.persons[0]!;
    expect(now.custom_fields[field_code]).toBe("Analyst");
    expect(now.emails.map(({ value }) => value)).toEqual(["other@example.com", "ada@example.com"]);
    expect(await openRows()).toEqual([]);
  });

  it("brings back an address beside those of the people", async () => {
    const [first] = await delivered();
    rig.simulator.editPerson(first!.person, { emails: [{ value: "new@example.com", primary: true }] });
    await repaired("overwrite", [`person-drift person:${first!.person}`]);
    const emails = rig.simulator.records.persons
      .find(({ id }) => id === first!.person)!
      .emails.map(({ value }) => value);
    expect(emails).toEqual(["new@example.com", "lead.1@example.com"]);
    expect(await openRows()).toEqual([]);
  });

  it("sends name, title, amount, note and links again", async () => {
    const [a, b, c] = await delivered();
    const { simulator } = rig;
    simulator.editOrganization(a!.organization, { name: "Renamed" });
    simulator.editDeal(a!.deal, { title: "Another", value: 7 });
    simulator.editNote(b!.note, { content: "Called." });
    simulator.editDeal(c!.deal, { person_id: a!.person, org_id: b!.organization });
    const log = await repaired("overwrite", [
      `organization-drift organization:${a!.organization}`,
      `deal-drift deal:${a!.deal}`,
      `note-drift note:${b!.note}`,
      `link-wrong deal:${c!.deal}`,
    ]);
    expect(log.sort()).toEqual(
      [
        `update organization:${a!.organization} name`,
        `update deal:${a!.deal} currency,title,value`,
        `update note:${b!.note} content`,
        `update deal:${c!.deal} org_id,person_id`,
      ].sort(),
    );
    expect((await openRows()).map(named)).toEqual([]);
  });
});

describe("merge", () => {
  it("leaves one record each, chains on the survivor, and extra notes gone", async () => {
    const [a, b, c] = await delivered();
    const { simulator } = rig;
    simulator.integration.addPerson({ name: "Twin", emails: [{ value: a!.email }] });
    simulator.integration.addOrganization({ name: "Company 2" });
    const custom_fields = { [simulator.stampField("deal")!]: `website/${c!.key}` };
    const twin = simulator.integration.addDeal({ title: "Deal 3", person_id: c!.person, custom_fields });
    await repaired("merge", [
      `person-duplicate person:${a!.person}`,
      `organization-duplicate organization:${b!.organization}`,
      `deal-duplicate deal:${twin.id}`,
    ]);
    expect(deals()).toHaveLength(3);
    expect(simulator.records.persons.filter(({ is_deleted }) => !is_deleted)).toHaveLength(3);
    expect(simulator.records.organizations.filter(({ is_deleted }) => !is_deleted)).toHaveLength(3);
    expect((await openRows()).map(named)).toEqual([]);
  });

  it("of two persons of ours has the chains follow the survivor", async () => {
    const [a, b] = await delivered();
    rig.simulator.editPerson(b!.person, { emails: [{ value: b!.email, primary: true }, { value: a!.email }] });
    const kept = Math.min(a!.person, b!.person);
    const log = await repaired("merge", [`person-duplicate person:${kept}`]);
    const gone = Math.max(a!.person, b!.person);
    expect(log).toEqual([`merge person:${gone} merge_with_id`, `update person:${kept} merge_what_id`]);
    // The loser's chain follows: the next check may say so, and its safe repair does it.
    for (const row of await openRows()) expect(row).toMatchObject({ kind: "person-merged", safe: true });
    await repairOn(rig);
    for (const { key } of [a!, b!])
      expect((await rig.story(key)).steps.find(({ name }) => name === "person")!.crmId).toBe(String(kept));
    expect((await openRows()).map(named)).toEqual([]);
  });

  it.each([1, 2, 3, 4, 5, 6])("is done once though the run dies at its turn %i", async (nth) => {
    const [a] = await delivered();
    rig.simulator.integration.addPerson({ name: "Twin", emails: [{ value: a!.email }] });
    const rows = await openRows();
    await repairOn(rig, "merge", [rows[0]!.id]);
    await runToTheEnd(rig, fateAt("turn>", nth), new Map());
    expect(rig.simulator.log.filter(({ action }) => action === "merge")).toHaveLength(1);
    expect((await openRows()).map(named)).toEqual([]);
  });
});

describe("a repair that the CRM refuses", () => {
  it.each([400, 403])("leaves the submission done and the difference open, no longer safe (%i)", async (status) => {
    const [first] = await delivered();
    rig.simulator.editDeal(first!.deal, { value: 7 });
    const rows = await openRows();
    await repairOn(rig, "overwrite", [rows[0]!.id]);
    const { handle } = rig.simulator;
    const simulator = rig.simulator as { handle: typeof handle };
    simulator.handle = async (request) =>
      request.method === "PATCH"
        ? { type: "response", status, headers: {}, body: '{"success":false,"error":"no"}' }
        : handle(request);
    const report = await rig.run();
    simulator.handle = handle;
    expect(report.warnings.join()).toContain("was not carried out");
    expect(await rig.ledger.queue()).toMatchObject({ done: 3, failed: 0 });
    const [again] = await openRows();
    expect(again).toMatchObject({ id: rows[0]!.id, state: "open", repairs: 1 });
    expect(isSafe(again!)).toBe(false);
    await repairOn(rig, "overwrite", [again!.id]);
    await rig.runOut();
    expect(await openRows()).toEqual([]);
  });
});
