/** A clock that is set: one that was far ahead when something was put off and is right again, and one that jumps ahead while a write is in doubt. */
import { expect, it } from "vitest";
import { lead } from "../support/drain-rig.ts";
import { judge } from "../support/oracle.ts";
import { watchedRig } from "../support/watched-rig.ts";

const YEAR_MS = 365 * 86_400_000;

it("a source on hold for its map is tried again, and not in a year", async () => {
  const rig = await watchedRig();
  rig.settings.plans.default!.unknownNames = "hold";
  rig.clock.jumpWall(YEAR_MS);
  await rig.take([lead(1, { deal: { title: "Deal 1", pipeline: "Later" } })]);
  expect((await rig.run({ waitMaxMs: 0 })).heldSources).toEqual(["website"]);
  rig.clock.jumpWall(-YEAR_MS);
  await rig.clock.advance(3_600_000);
  rig.simulator.addPipeline("Later", ["New"]);
  await rig.runOut();
  expect(rig.simulator.records.deals).toHaveLength(1);
});

it.each(["error500Before", "resetAfter"] as const)(
  "a lost answer is looked for again, and not in a year (%s)",
  async (kind) => {
    const rig = await watchedRig();
    rig.clock.jumpWall(YEAR_MS);
    await rig.take([lead(1)]);
    rig.simulator.failNext({ kind, match: { method: "POST", path: /deals$/ } });
    expect((await rig.run({ waitMaxMs: 0 })).drained.uncertain).toBe(1);
    rig.clock.jumpWall(-YEAR_MS);
    await rig.clock.advance(600_000);
    await rig.runOut();
    expect(rig.simulator.records.deals).toHaveLength(1);
  },
);

it.each([false, true])(
  "a wall clock that jumps ahead (with a reboot: %s) makes no look the last one: what arrives within the settle time is found",
  async (reboots) => {
    const rig = await watchedRig();
    // Up for longer than the last settle time.
    await rig.clock.advance(3_600_000);
    await rig.take([lead(1)]);
    rig.simulator.failNext({ kind: "lateApply", match: { method: "POST", path: /\/deals$/ }, ms: 100_000 });
    await rig.run();
    if (reboots) rig.clock.reboot();
    rig.clock.jumpWall(3_600_000);
    for (let round = 0; round < 6; round += 1) {
      await rig.run();
      await rig.clock.advance(60_000);
    }
    await rig.run();
    expect(judge(rig.simulator, [lead(1)])).toEqual({ lost: [], doubled: [] });
  },
);
