/** While one create is in doubt, nobody makes the same record once more: not even the next submission of the same person. */
import { describe, expect, it } from "vitest";
import { createRig, type Given, lead, PLAN, type Rig } from "../support/drain-rig.ts";
import { IMMORTAL, runToTheEnd } from "../support/mortal-run.ts";
import { judge } from "../support/oracle.ts";

const person = { name: "Ada", email: "ada@example.com" };

async function known(given: readonly Given[]): Promise<Rig> {
  const rig = await createRig({ settings: { plans: { default: { ...PLAN, deals: { match: "key" } } } } });
  await rig.take(given);
  return rig;
}

describe("two submissions of one person", () => {
  it("that name one deal by its key make it once, although the answer to its create was lost", async () => {
    const deal = { title: "Difference Engine", key: "q-77" };
    const rig = await known([lead(1, { person, deal }), lead(2, { person, deal })]);
    rig.simulator.failNext({ kind: "resetAfter", match: { method: "POST", path: /\/deals$/ } });
    await runToTheEnd(rig, IMMORTAL, new Map());
    expect(rig.simulator.records.deals).toHaveLength(1);
    expect(rig.simulator.records.notes.map((note) => note.deal_id)).toEqual(
      Array(2).fill(rig.simulator.records.deals[0]!.id),
    );
  });

  it("that name one organization make it once, although the answer to its create was lost", async () => {
    const organization = { name: "Analytical Engines" };
    // The first one's organization is made before the person; it is the next ones that follow each other.
    const given = [lead(1, { person }), lead(2, { person, organization }), lead(3, { person, organization })];
    const rig = await known(given);
    rig.simulator.failNext({ kind: "resetAfter", match: { method: "POST", path: /\/organizations$/ } });
    await runToTheEnd(rig, IMMORTAL, new Map());
    expect(rig.simulator.records.organizations).toHaveLength(1);
    expect(judge(rig.simulator, given)).toEqual({ lost: [], doubled: [] });
  });
});
