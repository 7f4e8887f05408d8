import { describe, expect, it } from "vitest";
import { createRig, lead } from "../support/drain-rig.ts";

describe("a drain", () => {
  it("puts a submission into the CRM whole: person, deal and note, stamped", async () => {
    const rig = await createRig();
    await rig.take([lead(1, { organization: { name: "Analytical Engines" } })]);
    const report = await rig.run();
    expect(report).toMatchObject({
      drained: { done: 1, waiting: 0, uncertain: 0, failed: 0 },
      remaining: 0,
      stopped: "drained",
    });
    const { persons, deals, notes, organizations } = rig.simulator.records;
    expect(organizations.map((each) => each.name)).toEqual(["Analytical Engines"]);
    expect(persons).toHaveLength(1);
    expect(deals).toHaveLength(1);
    expect(notes).toHaveLength(1);
  });

  it("sends nothing twice when it runs again", async () => {
    const rig = await createRig();
    await rig.take([lead(1), lead(2)]);
    await rig.run();
    const before = rig.simulator.log.length;
    const again = await rig.run();
    expect(again.requests.total).toBe(0);
    expect(rig.simulator.log.length).toBe(before);
  });

  it("makes one person of many submissions at the same time", async () => {
    const rig = await createRig();
    await rig.take(
      Array.from({ length: 30 }, (_, n) => lead(n, { person: { name: "Ada", email: "ada@example.com" } })),
    );
    const report = await rig.run();
    expect(report.drained.done).toBe(30);
    expect(rig.simulator.records.persons).toHaveLength(1);
    expect(rig.simulator.records.deals).toHaveLength(30);
    expect(rig.simulator.records.notes).toHaveLength(30);
  });

  it("does a person's submissions of both lanes in one run", async () => {
    const rig = await createRig();
    const person = { name: "Ada", email: "ada@example.com" };
    await rig.take([lead(1, { person }), { ...lead(2, { person }), lane: "background" }]);
    expect(await rig.run()).toMatchObject({ drained: { done: 2 }, remaining: 0 });
    expect(rig.simulator.records.persons).toHaveLength(1);
  });

  it("ends chains before it begins others: a run that is cut short leaves whole leads, few halves", async () => {
    const rig = await createRig();
    await rig.take(Array.from({ length: 100 }, (_, n) => lead(n)));
    const report = await rig.run({ durationMaxMs: 10_000 });
    const { persons, notes } = rig.simulator.records;
    expect(report.stopped).toBe("maxDuration");
    expect(report.drained.done).toBeGreaterThan(10);
    expect(persons.length - notes.length).toBeLessThan(20);
  });
});
