/** The seam's proof: the whole runner on a CRM that works quite unlike Pipedrive, without a change to it. */
import { describe, expect, it } from "vitest";
import { createBatchCrm } from "../support/batch-adapter.ts";
import type { BatchVendorOptions, Verdict } from "../support/batch-vendor.ts";
import { createRig, type Given, lead, START_MS } from "../support/drain-rig.ts";
import { queueRepair } from "../support/queue-repair.ts";
import { createVirtualClock } from "../support/virtual-clock.ts";

const SUBMISSIONS = 300;

const leads = Array.from({ length: SUBMISSIONS }, (_, n) => lead(n, { organization: { name: `Org ${n}` } }));

/** Drains 300 submissions, each with organization, person, deal and note. */
async function drained(options: Partial<BatchVendorOptions>, given: readonly Given[] = leads) {
  const clock = createVirtualClock(START_MS);
  const crm = createBatchCrm({ nowMs: () => clock.wallMs(), ...options });
  const rig = await createRig({
    clock,
    adapter: crm.adapter,
    transport: async (request) => {
      await clock.sleep(20);
      return crm.transport(request);
    },
  });
  await rig.take(given);
  const report = await rig.run({ waitMaxMs: 400_000 });
  const made = (["organization", "person", "deal", "note"] as const).map((entity) => crm.vendor.list(entity).length);
  return { report, made, crm, rig };
}

/** Every tenth person gets this verdict. */
function everyTenthPerson(verdict: Verdict): BatchVendorOptions["judge"] {
  let persons = 0;
  return ({ do: verb, entity }) => (verb === "create" && entity === "person" && persons++ % 10 === 0 ? verdict : "ok");
}

describe("the runner on a CRM that takes whole chains in batches", () => {
  it("writes 1,200 records in a few full requests, each chain whole", async () => {
    const { report, made, crm } = await drained({});
    expect(report).toMatchObject({ drained: { done: SUBMISSIONS }, remaining: 0 });
    expect(made).toEqual([300, 300, 300, 300]);
    expect(crm.counts.largest).toBe(100);
    expect(crm.counts.writeRequests).toBeLessThan(30);
    const stampOf = new Map(crm.vendor.list("person").map((person) => [person.id, person.stamp]));
    for (const deal of crm.vendor.list("deal")) expect(stampOf.get(deal.personId ?? "")).toBe(deal.stamp);
  });

  it("makes nothing twice when the answer to a batch is lost", async () => {
    let writes = 0;
    const { report, made } = await drained({
      spoil: (reply) => {
        const wrote = reply.body.includes('"createdAtMs"') && !reply.body.includes('"records"');
        return wrote && ++writes === 2 ? { type: "failure", sent: "maybe", code: "RESET", message: "" } : reply;
      },
    });
    expect(writes).toBeGreaterThan(2);
    expect(report).toMatchObject({ drained: { done: SUBMISSIONS }, remaining: 0 });
    expect(made).toEqual([300, 300, 300, 300]);
  });

  it("makes nothing twice when a reply leaves some out", async () => {
    const { report, made } = await drained({ judge: everyTenthPerson("omit") });
    expect(report.drained.done).toBe(SUBMISSIONS);
    expect(made).toEqual([300, 300, 300, 300]);
  });

  it("asks for what the CRM finishes later", async () => {
    const { report, made } = await drained({ judge: everyTenthPerson("accept") });
    expect(report.drained.done).toBe(SUBMISSIONS);
    expect(made).toEqual([300, 300, 300, 300]);
  });

  it("fails what is refused, and only that", async () => {
    const { report, made } = await drained({ judge: everyTenthPerson("refuse") });
    expect(report.drained).toMatchObject({ done: 270, failed: 30 });
    expect(made).toEqual([300, 270, 270, 270]);
  });

  it("makes two persons of two e-mail addresses that share a phone number, each with its own deals", async () => {
    const caller = (n: number, email: string) => lead(n, { person: { email, phone: "+37251234567" } });
    const given = [caller(1, "ada@example.com"), caller(2, "bob@example.com"), caller(3, "ada@example.com")];
    const { report, crm } = await drained({}, given);
    expect(report).toMatchObject({ drained: { done: 3 }, remaining: 0 });
    const persons = crm.vendor.list("person");
    expect(persons).toHaveLength(2);
    const dealsOf = persons.map(({ id }) => crm.vendor.list("deal").filter((deal) => deal.personId === id).length);
    expect(dealsOf.sort()).toEqual([1, 2]);
  });

  it("carries out repairs: a deal written again, a person merged, a note deleted", async () => {
    const { crm, rig } = await drained({}, leads.slice(0, 3));
    const [deals, persons, notes] = (["deal", "person", "note"] as const).map((entity) => crm.vendor.list(entity));
    const [deal, kept, gone, note] = [deals![0]!.id, persons![0]!.id, persons![1]!.id, notes![2]!.id];
    crm.vendor.records.set(deal, { ...deals![0]!, title: "Renamed" });
    await queueRepair(rig, "wf_0", "deal", { values: { title: "Deal 0" }, repair: { do: "overwrite", target: deal } });
    await queueRepair(rig, "wf_1", "person", { repair: { do: "merge", target: gone, into: kept } });
    await queueRepair(rig, "wf_2", "note", { repair: { do: "delete", target: note } });
    expect(await rig.run()).toMatchObject({ drained: { done: 3, failed: 0 }, warnings: [] });
    expect(crm.vendor.records.get(deal)).toMatchObject({ title: "Deal 0" });
    expect(crm.vendor.list("person").map(({ id }) => id)).not.toContain(gone);
    expect(crm.vendor.list("note")).toHaveLength(2);
  });
});
