/** Delivered chains, damaged in every way: a check finds all of it and nothing else, and its repairs undo nothing that people did. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openSqliteLedger } from "../../src/ledger/sqlite/open.ts";
import { checkOn, named, repairOn } from "../support/check-rig.ts";
import { chainLead, chainsOf, DAMAGES, damage } from "../support/damage.ts";
import { damageGroups, deliverTwice, expectedDoubles, GROUP_DAMAGES, givenOfGroups } from "../support/damage-groups.ts";
import { createRig, type Rig, START_MS } from "../support/drain-rig.ts";
import { createVirtualClock } from "../support/virtual-clock.ts";

const HOUR_MS = 3_600_000;
let folder: string;
let file: string;
let rig: Rig;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "crmledger-check-"));
  file = join(folder, "ledger.db");
  const ledger = await openSqliteLedger({ path: file, create: true, nowMs: START_MS });
  rig = await createRig({ ledger, clock: createVirtualClock(START_MS), simulator: { limits: null, deletedGet: 200 } });
});
afterEach(async () => {
  await rig.ledger.close();
  rmSync(folder, { recursive: true, force: true });
});

async function deliver(count: number): Promise<ReturnType<typeof chainsOf>> {
  await rig.take(Array.from({ length: count }, (_, index) => chainLead(index + 1)));
  const report = await rig.run();
  expect(report.drained).toMatchObject({ done: count, failed: 0 });
  return chainsOf(file);
}

const open = (rows: Awaited<ReturnType<typeof checkOn>>["rows"]) =>
  rows.filter(({ state }) => state === "new" || state === "open");

describe("a check", () => {
  it("says nothing of chains that nobody touched, and takes no more calls than pages", async () => {
    await deliver(40);
    const { report, rows, requests } = await checkOn(rig);
    expect(rows.map(named)).toEqual([]);
    expect(report).toMatchObject({ checked: 40, matched: 40, notChecked: [] });
    // Persons, organizations, deals and notes: one page each; fields and account are known.
    expect(requests).toBeLessThanOrEqual(5);
  });

  const each = Number(process.env.DAMAGE_EACH ?? 2);
  it(`names each of ${Object.keys(DAMAGES).length} damages as what it is, and no other`, {
    timeout: 180_000,
  }, async () => {
    const chains = await deliver(Object.keys(DAMAGES).length * each + 10);
    await rig.clock.advance(HOUR_MS);
    const expected = damage(rig, file, chains, each);
    const { rows } = await checkOn(rig);
    expect(rows.map(named).sort()).toEqual([...expected].sort());
  });

  it(`names ${Object.keys(GROUP_DAMAGES).length} damages to chains that share records, are late or never came`, {
    timeout: 240_000,
  }, async () => {
    await rig.take(givenOfGroups(each));
    await rig.run();
    const chains = chainsOf(file);
    await rig.clock.advance(HOUR_MS);
    const { expected, notIngested } = await damageGroups(rig, file, chains, each);
    await rig.clock.advance(HOUR_MS);
    const { rows } = await checkOn(rig, { notIngested });
    expect(rows.map(named).sort()).toEqual([...expected].sort());
  });

  it("names each record that a late answer had made twice", { timeout: 240_000 }, async () => {
    await deliverTwice(rig, each);
    const chains = chainsOf(file);
    expect(chains).toHaveLength(4 * each);
    const expected = expectedDoubles(rig, chains);
    expect(expected).toHaveLength(4 * each);
    const { rows } = await checkOn(rig);
    expect(rows.map(named).sort()).toEqual(expected.sort());
  });

  it("repairs what is safe, and leaves what people did as they left it", { timeout: 180_000 }, async () => {
    const chains = await deliver(Object.keys(DAMAGES).length * each + 10);
    damage(rig, file, chains, each);
    await checkOn(rig);
    const before = rig.simulator.log.length;
    const { queued, refused } = await repairOn(rig);
    expect(queued).toBeGreaterThan(10);
    expect(refused).toEqual([]);
    await rig.run();
    const second = await checkOn(rig);
    expect(
      open(second.rows)
        .filter((row) => row.class === "break" && row.safe)
        .map(named),
    ).toEqual([]);
    // Only what was missing of half-done chains is written: nothing is updated, deleted or merged back.
    const ours = rig.simulator.log.slice(before).filter(({ via }) => via === "api");
    expect(ours.map(({ action, entity }) => `${action} ${entity}`).filter((act) => act !== "create note")).toEqual([]);
  });
});
