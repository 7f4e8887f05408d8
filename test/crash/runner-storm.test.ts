/** Deaths by chance, around every verb of the ledger and at every named instant, while the CRM has a bad day. */
import { describe, expect, it } from "vitest";
import { FAULT_PRESETS } from "../../src/simulator/fault-plan.ts";
import { createRig, type Given, lead, type Rig, seeded } from "../support/drain-rig.ts";
import { type Fate, runTogether, runToTheEnd } from "../support/mortal-run.ts";
import { judge } from "../support/oracle.ts";

const SEEDS = Array.from({ length: 10 }, (_, index) => index + 1);
const DEATHS_MAX = 6;

function given(): Given[] {
  return Array.from({ length: 24 }, (_, n) =>
    lead(n, {
      person: { name: `Person ${n % 15}`, email: `person.${n % 15}@example.com` },
      ...(n % 3 === 0 && { organization: { name: `Organization ${n % 4}` } }),
      ...(n % 5 === 0 && { notes: ["One note.", "Another note."] }),
    }),
  );
}

function fateBy(seed: number): Fate {
  const random = seeded(seed * 7_919);
  let deaths = 0;
  return () => {
    if (deaths === DEATHS_MAX || random.next() > 0.01) return false;
    deaths += 1;
    return true;
  };
}

async function examine(seed: number, work: (rig: Rig, fate: Fate) => Promise<number>): Promise<void> {
  const rig = await createRig({ seed, simulator: { faults: FAULT_PRESETS.noisy.faults } });
  const all = given();
  await rig.take(all);
  expect(await work(rig, fateBy(seed))).toBeGreaterThan(0);
  expect(judge(rig.simulator, all)).toEqual({ lost: [], doubled: [] });
  const names = rig.simulator.records.organizations.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  expect(await rig.ledger.queue()).toMatchObject({ done: all.length, failed: 0 });
  expect(await rig.ledger.check()).toEqual([]);
  await rig.ledger.close();
}

describe("each submission is in the CRM once", () => {
  it.each(SEEDS)("however often the process died, seed %i", async (seed) => {
    await examine(seed, (rig, fate) => runToTheEnd(rig, fate, new Map(), 60));
  });

  it.each(SEEDS.slice(0, 5))("however often three processes side by side died, seed %i", async (seed) => {
    await examine(seed, (rig, fate) => runTogether(rig, [fate, fate, fate]));
  });
});
