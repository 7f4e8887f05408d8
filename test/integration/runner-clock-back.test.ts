/** A clock that was far ahead when something was put off, and is right again: a machine that began before it was told the time. */
import { expect, it } from "vitest";
import { lead } from "../support/drain-rig.ts";
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
