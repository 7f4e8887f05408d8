/** A copy of the ledger that was put back: what was delivered since is taken over from the CRM, and nothing is written twice. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isSafe } from "../../src/reconcile/repair.ts";
import { checkOn, repairOn } from "../support/check-rig.ts";
import { chainLead } from "../support/damage.ts";
import { type Given, PLAN, SETTINGS } from "../support/drain-rig.ts";
import { type FileRig, fileRig } from "../support/ledger-file.ts";
import { judge } from "../support/oracle.ts";

let rig: FileRig;
const HOUR_MS = 3_600_000;

beforeEach(async () => {
  rig = await fileRig({
    settings: { ...SETTINGS, plans: { default: PLAN, website: PLAN } },
    simulator: { limits: null },
  });
});
afterEach(() => rig.close());

const CHAINS = Array.from({ length: 24 }, (_, index) => chainLead(index + 1));
/** Two more submissions of persons whom the copy knows. */
const LATER: Given[] = [2, 3].map((number) => ({ ...chainLead(number), key: `wf_later_${number}` }));
const NEW = chainLead(99);

async function deliver(given: readonly Given[]): Promise<void> {
  await rig.take(given);
  expect(await rig.run()).toMatchObject({ remaining: 0, drained: { done: given.length, failed: 0 } });
}

/** Half is delivered, the copy made; of the rest some records are in the copy's queue already. */
async function copied(): Promise<string> {
  await deliver(CHAINS.slice(0, 12));
  await rig.take(CHAINS.slice(12, 18));
  const copy = await rig.copy();
  await rig.clock.advance(60_000);
  expect(await rig.run()).toMatchObject({ drained: { done: 6 } });
  await deliver([...CHAINS.slice(18), ...LATER]);
  return copy;
}

/** Nothing is sent; the repair ends it, and then the new one and it alone is written. */
async function madeGood(): Promise<void> {
  const before = rig.simulator.log.length;
  await rig.take([NEW]);
  const held = await rig.run();
  expect(held).toMatchObject({ stopped: "hold", hold: { kind: "staleLedger", scope: "account" }, remaining: 7 });
  expect(rig.simulator.log.slice(before)).toEqual([]);

  const { rows } = await checkOn(rig);
  expect(rows.filter(({ kind, entity }) => kind === "not-in-ledger" && entity === "deal")).toHaveLength(14);
  expect((await repairOn(rig)).refused).toEqual([]);
  // As the command does once a whole check has adopted what there was.
  expect(await rig.ledger.closeHolds({ kind: "staleLedger" }, rig.clock.wallMs())).toBe(1);
  await rig.runOut();
  const written = rig.simulator.log.slice(before).map(({ action, entity, stamp }) => `${action} ${entity} ${stamp}`);
  expect(written.sort()).toEqual(
    ["organization", "person", "deal", "note"].map((entity) => `create ${entity} website/wf_99`).sort(),
  );

  // The files that came since the copy are taken in again.
  await rig.take([...CHAINS, ...LATER]);
  await rig.runOut();
  expect(rig.simulator.log).toHaveLength(before + 4);
  expect(judge(rig.simulator, [...CHAINS, ...LATER, NEW])).toEqual({ lost: [], doubled: [] });
  const second = await checkOn(rig);
  expect(second.rows.filter((row) => isSafe(row) && (row.state === "new" || row.state === "open"))).toEqual([]);
  expect(second.report).toMatchObject({ checked: 27, matched: 27 });
}

describe("an older ledger that was put back", () => {
  it("in its place is noticed at once, by the run counter beside it", async () => {
    const copy = await copied();
    await rig.putBack(copy);
    await madeGood();
  });

  it("on another machine is noticed after an idle hour, by stamps at the CRM", async () => {
    const copy = await copied();
    await rig.clock.advance(2 * HOUR_MS);
    await rig.goOnWith(copy);
    await madeGood();
  });
});
