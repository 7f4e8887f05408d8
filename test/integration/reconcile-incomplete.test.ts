/** Half-done chains: which of them a repair may go on with, and what people's deletions in their middle mean. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { checkOn, named, repairOn } from "../support/check-rig.ts";
import { createRig, lead, type Rig } from "../support/drain-rig.ts";

let rig: Rig;

beforeEach(async () => {
  rig = await createRig({ simulator: { limits: null, deletedGet: 200 } });
});
afterEach(() => rig.ledger.close());

/** Person and deal are written, the note is refused for good. */
async function halfDone(): Promise<{ person: number; deal: number }> {
  const { handle } = rig.simulator;
  const troubled = rig.simulator as { handle: typeof handle };
  troubled.handle = async (request) =>
    request.method === "POST" && request.url.includes("/notes")
      ? { type: "response", status: 400, headers: {}, body: '{"success":false,"error":"no"}' }
      : handle(request);
  const failing = await createRig({ ...rig, transport: (request) => troubled.handle(request) });
  await failing.take([lead(1)]);
  expect((await failing.run()).drained.failed).toBe(1);
  troubled.handle = handle;
  const { persons, deals } = rig.simulator.records;
  return { person: persons[0]!.id, deal: deals[0]!.id };
}

const safeBreaks = ({ rows }: Awaited<ReturnType<typeof checkOn>>): string[] =>
  rows.filter((row) => row.class === "break" && row.safe && ["new", "open"].includes(row.state)).map(named);

describe("a half-done chain", () => {
  it("is written to its end", async () => {
    await halfDone();
    expect(safeBreaks(await checkOn(rig))).toEqual(["chain-incomplete website/wf_1"]);
    await repairOn(rig);
    expect((await rig.run()).drained.done).toBe(1);
    expect((await checkOn(rig)).report.matched).toBe(1);
  });

  it("is left to a person where its deal was deleted: going on would fail again", async () => {
    const { deal } = await halfDone();
    rig.simulator.deleteDeal(deal);
    const { rows } = await checkOn(rig);
    expect(rows.map(named).sort()).toEqual(["chain-incomplete website/wf_1", `deal-deleted deal:${deal}`]);
    const incomplete = rows.find(({ kind }) => kind === "chain-incomplete");
    expect(incomplete).toMatchObject({ repair: null, safe: false });
    expect(incomplete!.message).toContain(`deal ${deal} is not there any more`);
    expect(await repairOn(rig)).toMatchObject({ queued: 0, refused: [] });
    // Asked for by its id the deal is made again, and the note with it.
    const lost = rows.find(({ kind }) => kind === "deal-deleted")!;
    expect((await repairOn(rig, "recreate", [lost.id])).queued).toBe(1);
    expect((await rig.run()).drained.done).toBe(1);
    expect((await checkOn(rig)).report).toMatchObject({ checked: 1, matched: 1 });
  });

  it("goes on at the survivor where its person was merged", async () => {
    const { person } = await halfDone();
    const into = rig.simulator.addPerson({ name: "Survivor", emails: [{ value: "survivor@example.com" }] }).id;
    rig.simulator.mergePersons(person, into);
    expect(safeBreaks(await checkOn(rig))).toEqual(["chain-incomplete website/wf_1"]);
    await repairOn(rig);
    expect((await rig.run()).drained.done).toBe(1);
    expect(rig.simulator.records.notes[0]).toMatchObject({ person_id: into });
    expect(safeBreaks(await checkOn(rig))).toEqual([]);
  });
});
