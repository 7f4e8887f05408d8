/** The process dies at each named instant, at each of its occurrences; the next runs bring everything home, each once. */
import { describe, expect, it } from "vitest";
import { FAILPOINTS } from "../../src/runner/failpoints.ts";
import { createRig, type Given, lead, type Rig } from "../support/drain-rig.ts";
import { fateAt, runToTheEnd } from "../support/mortal-run.ts";
import { judge } from "../support/oracle.ts";

const ada = { name: "Ada", email: "ada@example.com" };
const GIVEN: Given[] = [
  lead(1),
  lead(2, { person: ada }),
  lead(3, { person: { ...ada, phone: "+37255500001" } }),
  lead(4, { organization: { name: "Analytical Engines" } }),
  lead(5, { organization: { name: "analytical engines" } }),
  lead(6, { notes: ["The first of two.", "The second of two."] }),
  lead(7, { person: { name: "Known", email: "known@example.com", phone: "+37255500002" } }),
  lead(8, { deal: undefined }),
];

async function begin(): Promise<Rig> {
  const rig = await createRig();
  rig.simulator.seedPersons(1, () => ({ name: "Known", email: "known@example.com" }));
  await rig.take(GIVEN);
  return rig;
}

interface Trouble {
  name: string;
  /** Most POSTs that a step may need. */
  posts: number;
  arrange: (rig: Rig) => void;
}

const POST = (path: RegExp) => ({ method: "POST", path });
const HEALTHY = (): void => {};
const TROUBLES: Trouble[] = [
  { name: "a healthy CRM", posts: 1, arrange: HEALTHY },
  {
    name: "answers lost after the write",
    posts: 1,
    arrange: ({ simulator }) => {
      for (const path of [/persons$/, /organizations$/, /deals$/, /notes$/]) {
        simulator.failNext({ kind: "resetAfter", match: POST(path) });
      }
      simulator.failNext({ kind: "resetAfter", match: { method: "PATCH" } });
    },
  },
  {
    name: "writes lost on their way",
    posts: 2,
    arrange: ({ simulator }) => {
      for (const path of [/persons$/, /deals$/, /notes$/]) {
        simulator.failNext({ kind: "resetBefore", match: POST(path) });
      }
      simulator.failNext({ kind: "resetBefore", match: { method: "PATCH" } });
    },
  },
];

/** Everything once, the known person amended, and the ledger names the records that are really there. */
async function examine(rig: Rig, posts: ReadonlyMap<string, number>, postsMax: number, at: string): Promise<void> {
  expect(judge(rig.simulator, GIVEN), at).toEqual({ lost: [], doubled: [] });
  const { persons, organizations, deals, notes } = rig.simulator.records;
  expect([persons.length, organizations.length, deals.length, notes.length], at).toEqual([7, 1, 7, 9]);
  expect(
    persons[0]!.phones.map(({ value }) => value),
    at,
  ).toEqual(["+37255500002"]);
  expect(Math.max(...posts.values()), `${at}: most POSTs of one step`).toBeLessThanOrEqual(postsMax);
  expect(await rig.ledger.queue(), at).toMatchObject({ done: GIVEN.length, inProgress: 0, failed: 0 });
  for (const { key, content } of GIVEN) {
    const [found] = await rig.ledger.findByName(`website/${key}`, []);
    const story = await rig.ledger.story(found!.id);
    for (const step of story!.steps) {
      const tables = { person: persons, organization: organizations, deal: deals, note: notes };
      const record = (tables[step.entity] as readonly { id: number }[]).find(({ id }) => String(id) === step.crmId);
      expect(record, `${at}: ${key} ${step.name}`).toBeDefined();
      if (step.entity === "deal") expect(record, at).toMatchObject({ title: content.deal!.title });
    }
  }
}

describe.each(TROUBLES)("with $name", ({ posts: postsMax, arrange }) => {
  // Where the CRM is in trouble too, what follows a turn is covered by the instants before and after each send.
  const instants = FAILPOINTS.filter((name) => arrange === HEALTHY || name !== "turn.after");
  it.each(instants)("nothing is lost and nothing comes twice when it dies at any %s", async (instant) => {
    // What differs where the CRM is in trouble is in flight for several turns.
    const stride = instant === "turn.before" && arrange !== HEALTHY ? 3 : 1;
    let nth = 1;
    for (; ; nth += stride) {
      const rig = await begin();
      arrange(rig);
      const fate = fateAt(instant, nth);
      const posts = new Map<string, number>();
      const deaths = await runToTheEnd(rig, fate, posts);
      await examine(rig, posts, postsMax, `${instant} no. ${nth}`);
      expect(deaths).toBe(fate.fired() ? 1 : 0);
      await rig.ledger.close();
      if (!fate.fired()) break;
    }
    const fired = nth - stride;
    if (instant !== "probe.after" || postsMax > 1) expect(fired).toBeGreaterThan(0);
  });
});
