/** A ledger that was lost: what it wrote is taken over from the CRM, and nothing is written twice. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { PlanSettings } from "../../src/domain/settings.ts";
import { isSafe } from "../../src/reconcile/repair.ts";
import { checkOn, named, repairOn } from "../support/check-rig.ts";
import { type Given, lead, PLAN, SETTINGS, START_MS } from "../support/drain-rig.ts";
import { type FileRig, fileRig } from "../support/ledger-file.ts";

let rig: FileRig;
const HOUR_MS = 3_600_000;

/** `phone`: its notes carry no reference. */
const plans = (): Record<string, PlanSettings> => ({
  default: PLAN,
  website: PLAN,
  phone: { ...PLAN, notes: { reference: false, format: "text" } },
});

beforeEach(async () => {
  rig = await fileRig({ settings: { ...SETTINGS, plans: plans() }, simulator: { limits: null } });
});
afterEach(() => rig.close());

/** Every fifth is another submission of the one before; three share an organization; some notes come in parts. */
function chain(number: number): Given {
  const person = number % 5 === 0 ? number - 1 : number;
  const source = number % 3 === 0 ? "phone" : "website";
  const notes = [
    `Note of ${number}`,
    ...(number % 7 === 0 ? ["x".repeat(120_000)] : []),
    ...(number % 4 === 0 ? ["More"] : []),
  ];
  return {
    ...lead(number, {
      person: {
        name: `Lead ${person}`,
        email: `lead.${person}@example.com`,
        ...(number % 5 === 0 && { phone: `+3725${1_000_000 + number}` }),
      },
      ...(number % 2 === 0 && { organization: { name: `Company ${Math.floor(number / 6)}` } }),
      ...(number % 8 === 1 && { deal: undefined }),
      notes: number % 11 === 0 ? [] : notes,
    }),
    source,
    submittedAtMs: START_MS - HOUR_MS + number * 1_000,
  };
}
const CHAINS = Array.from({ length: 60 }, (_, index) => chain(index + 1));

async function deliver(given: readonly Given[]): Promise<void> {
  await rig.take(given);
  const report = await rig.run();
  expect(report).toMatchObject({ remaining: 0, drained: { done: given.length, failed: 0 } });
}

/** What we did at the CRM since. */
const writesSince = (at: number): string[] =>
  rig.simulator.log
    .slice(at)
    .filter(({ via }) => via === "api")
    .map(({ action, entity, stamp, body }) => `${action} ${entity} of ${stamp} ${JSON.stringify(body)}`);

async function openBreaks(): Promise<string[]> {
  const { rows } = await checkOn(rig);
  return rows.filter((row) => row.state === "new" || row.state === "open").map(named);
}

describe("a lost ledger", () => {
  it("is made good by ingest, reconcile --repair and sync, and not one record is written", {
    timeout: 180_000,
  }, async () => {
    await deliver(CHAINS);
    const before = rig.simulator.log.length;
    await rig.clock.advance(2 * HOUR_MS);
    await rig.goOnWith(null);
    await rig.take(CHAINS);
    const { rows } = await checkOn(rig);
    expect(new Set(rows.map(({ kind }) => kind))).toEqual(new Set(["not-in-ledger", "overdue"]));
    expect(rows.filter(({ kind }) => kind === "not-in-ledger").every(isSafe)).toBe(true);
    expect((await repairOn(rig)).refused).toEqual([]);
    await rig.runOut();
    expect(writesSince(before)).toEqual([]);
    expect(await rig.ledger.queue()).toMatchObject({ done: 60, failed: 0, pending: 0, waiting: 0, uncertain: 0 });
    const second = await checkOn(rig);
    expect(second.rows.filter(({ state }) => state === "new" || state === "open").map(named)).toEqual([]);
    expect(second.report).toMatchObject({ checked: 60, matched: 60 });
  });

  it("is made good also where reconcile --repair comes before the records", { timeout: 180_000 }, async () => {
    await deliver(CHAINS);
    const before = rig.simulator.log.length;
    await rig.clock.advance(2 * HOUR_MS);
    await rig.goOnWith(null);
    await checkOn(rig);
    expect((await repairOn(rig)).refused).toEqual([]);
    await rig.take(CHAINS);
    await rig.runOut();
    expect(writesSince(before)).toEqual([]);
    expect(await rig.ledger.queue()).toMatchObject({ done: 60, failed: 0, pending: 0, waiting: 0, uncertain: 0 });
    expect(await openBreaks()).toEqual([]);
  });

  it.each(["before", "after"])(
    "brings back no deal that people deleted; records taken in %s the repair",
    async (when) => {
      await deliver(CHAINS.slice(0, 10));
      const before = rig.simulator.log.length;
      const gone = rig.simulator.records.deals.slice(0, 3).map(({ id }) => id);
      for (const id of gone) rig.simulator.deleteDeal(id);
      await rig.clock.advance(2 * HOUR_MS);
      await rig.goOnWith(null);
      if (when === "before") await rig.take(CHAINS.slice(0, 10));
      await checkOn(rig);
      expect((await repairOn(rig)).refused).toEqual([]);
      if (when === "after") await rig.take(CHAINS.slice(0, 10));
      await rig.runOut();
      expect(writesSince(before)).toEqual([]);
      const { rows } = await checkOn(rig);
      const open = rows.filter(({ state }) => state === "new" || state === "open").map(named);
      expect(open.sort()).toEqual(gone.map((id) => `deal-deleted deal:${id}`).sort());
    },
  );

  it("is noticed by a sync before anything is written", async () => {
    await deliver(CHAINS);
    const before = rig.simulator.log.length;
    await rig.clock.advance(2 * HOUR_MS);
    await rig.goOnWith(null);
    await rig.take(CHAINS);
    const report = await rig.run();
    expect(report).toMatchObject({ stopped: "hold", hold: { kind: "staleLedger" }, remaining: 60 });
    expect(writesSince(before)).toEqual([]);
  });

  const versions = ["One", "Two", "Three"].map((_, index, texts): Given => {
    const { content } = lead(1, { notes: texts.slice(0, index + 1) });
    return { key: "wf_1", submittedAtMs: START_MS - HOUR_MS, content, revisions: "update" };
  });

  it.each(["before", "after"])("knows the notes of each version of a record, taken in %s the repair", async (when) => {
    for (const version of versions) await deliver([version]);
    const before = rig.simulator.log.length;
    await rig.clock.advance(2 * HOUR_MS);
    await rig.goOnWith(null);
    const takeAll = async (): Promise<void> => {
      for (const version of versions) {
        await rig.take([version]);
        if (when === "after") await rig.runOut();
      }
    };
    if (when === "before") await takeAll();
    await checkOn(rig);
    await repairOn(rig);
    if (when === "after") await takeAll();
    await rig.runOut();
    expect(writesSince(before)).toEqual([]);
    expect(rig.simulator.records.notes).toHaveLength(3);
    expect((await openBreaks()).filter((name) => !name.startsWith("overdue"))).toEqual([]);
  });
});
