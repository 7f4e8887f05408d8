/**
 * The process dies at each named instant, at each of its occurrences: while the first version of a record is sent and the
 * newer one comes in between, and while the newer one is sent. Each time the CRM ends up with one of each, as revised.
 */
import { describe, expect, it } from "vitest";
import { FAILPOINTS } from "../../src/runner/failpoints.ts";
import { createRig, type Given, lead, type Rig } from "../support/drain-rig.ts";
import { type Fate, fateAt, IMMORTAL, mortalRun, runToTheEnd } from "../support/mortal-run.ts";

const FIRST: Given = lead(1, {
  organization: { name: "Analytical Engines" },
  deal: { title: "Deal 1", value: 100 },
  notes: ["Call me."],
});
const REVISED: Given = {
  ...lead(1, {
    person: { name: "Lead 1", email: "new@example.com" },
    organization: { name: "Difference Engines" },
    deal: { title: "Deal 1", value: 250 },
    notes: ["Call me.", "On Monday."],
  }),
  revisions: "update",
};

interface Trouble {
  name: string;
  trouble: boolean;
  arrange: (rig: Rig) => void;
}

const TROUBLES: Trouble[] = [
  { name: "a healthy CRM", trouble: false, arrange: () => {} },
  {
    name: "answers lost after the write",
    trouble: true,
    arrange: ({ simulator }) => {
      for (const method of ["POST", "PATCH"]) simulator.failNext({ kind: "resetAfter", match: { method }, times: 2 });
    },
  },
];

/** One of each, as the newer version has it; whatever the first had written before is still one record. */
async function examine(rig: Rig, posts: ReadonlyMap<string, number>, at: string): Promise<void> {
  const { persons, deals, organizations, notes } = rig.simulator.records;
  const linked = organizations.find(({ name }) => name === "Difference Engines")?.id;
  expect([persons.length, deals.length], at).toEqual([1, 1]);
  expect(persons, at).toMatchObject([{ org_id: linked }]);
  expect(deals, at).toMatchObject([{ value: 250, org_id: linked, person_id: persons[0]!.id }]);
  expect(new Set(organizations.map(({ name }) => name)).size, at).toBe(organizations.length);
  expect(persons[0]!.emails.map(({ value }) => value)).toContain("new@example.com");
  expect(notes.map(({ content }) => content.split("<br>")[0]).sort(), at).toEqual(["Call me.", "On Monday."]);
  expect(Math.max(...posts.values()), `${at}: most POSTs of one step`).toBe(1);
  expect(await rig.ledger.queue(), at).toMatchObject({
    pending: 0,
    waiting: 0,
    uncertain: 0,
    inProgress: 0,
    failed: 0,
  });
}

async function play(arrange: Trouble["arrange"], first: Fate, second: Fate, at: string): Promise<void> {
  const rig = await createRig();
  await rig.take([FIRST]);
  arrange(rig);
  const posts = new Map<string, number>();
  await mortalRun(rig, first, posts);
  await rig.clock.advance(1_000);
  await rig.take([REVISED]);
  await runToTheEnd(rig, second, posts);
  await examine(rig, posts, at);
  await rig.ledger.close();
}

describe.each(TROUBLES)("with $name", ({ trouble, arrange }) => {
  it.each(["the first", "the newer one"] as const)("whenever it dies with %s in hand", async (which) => {
    let deaths = 0;
    for (const instant of FAILPOINTS) {
      // What differs where the CRM is in trouble too is in flight for several turns.
      const stride = instant.startsWith("turn") && trouble ? 4 : 1;
      for (let nth = 1; ; nth += stride) {
        const fate = fateAt(instant, nth);
        const at = `${which}, ${instant} no. ${nth}`;
        await play(arrange, which === "the first" ? fate : IMMORTAL, which === "the first" ? IMMORTAL : fate, at);
        if (!fate.fired()) break;
        deaths += 1;
      }
    }
    expect(deaths).toBeGreaterThan(15);
  });
});
