/**
 * Whole runs under a storm of faults, from seeds: nothing lost, nothing twice, and every run comes to an end. `STORM_FROM`
 * and `STORM_SEEDS` replay one or look further.
 */
import { describe, expect, it } from "vitest";
import { FAULT_PRESETS } from "../../src/simulator/fault-plan.ts";
import { createRig, type Given, lead, type Rig } from "../support/drain-rig.ts";
import { judge } from "../support/oracle.ts";

const from = Number(process.env.STORM_FROM ?? 1);
const seeds = Number(process.env.STORM_SEEDS ?? 12);
/** Cron's rounds of two minutes until nothing waits; more would be an outage that never ends. */
const ROUNDS_MAX = 60;
/** Many more than any run here needs: an endless loop must fail, not hang. */
const TURNS_MAX = 20_000;

/** Forty submissions of 25 persons and a few organizations that many of them name at the same time. */
function submissions(): Given[] {
  return Array.from({ length: 40 }, (_, n) =>
    lead(n, {
      person: { name: `Person ${n % 25}`, email: `person${n % 25}@example.com` },
      ...(n % 3 === 0 ? { organization: { name: `Organization ${n % 4}` } } : {}),
    }),
  );
}

async function drainToTheEnd(rig: Rig): Promise<number> {
  for (let round = 1; round <= ROUNDS_MAX; round += 1) {
    let turns = 0;
    const failpoint = (name: string): void => {
      turns += name === "turn.before" ? 1 : 0;
      if (turns > TURNS_MAX) throw new Error("the run does not end");
    };
    const report = await rig.run({}, { failpoint });
    if (report.remaining === 0) return round;
    await rig.clock.advance(120_000);
  }
  return ROUNDS_MAX + 1;
}

describe("under a storm of faults", () => {
  it.each(Array.from({ length: seeds }, (_, n) => from + n))(
    "seed %i: nothing is lost, nothing is twice",
    async (seed) => {
      const rig = await createRig({ seed, simulator: { faults: FAULT_PRESETS.storm.faults } });
      const given = submissions();
      await rig.take(given);
      expect(await drainToTheEnd(rig)).toBeLessThanOrEqual(ROUNDS_MAX);
      const failed = new Set((await rig.ledger.failed({})).map((row) => row.key));
      const delivered = given.filter((one) => !failed.has(one.key));
      expect(judge(rig.simulator, delivered)).toEqual({ lost: [], doubled: [] });
      expect(delivered.length).toBeGreaterThan(given.length / 2);
    },
  );
});
