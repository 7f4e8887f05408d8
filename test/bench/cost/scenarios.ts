/** Submissions as they come, each with what it must cost at least by the vendor's own table. */
import type { SubmissionContent } from "../../../src/domain/submission.ts";
import { type Given, lead, type Rig } from "../../support/drain-rig.ts";
import { type Measured, measure, openWorld, send, type World } from "./measure.ts";

const CREATE = 5;
const NOTE = 10;
const CHAIN = CREATE + CREATE + NOTE;
const DEAL_AND_NOTE = CREATE + NOTE;
/** A hundred ids for ten tokens. */
const CONFIRM = 0.1;
/** Read on its own, then written. */
const CHANGE = 1 + CREATE;
const PAGE = 10;
const PAGE_SIZE = 500;

export interface Scenario {
  name: string;
  /** Tokens a submission, what nobody can do without. */
  bound: number;
  run(): Promise<Measured>;
}

const many = <T>(count: number, make: (index: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i));

/** Of a person whom the CRM has (`openWorld({persons})`). */
function known(number: number, key: string, more: Partial<SubmissionContent["person"]> = {}): Given {
  const given = lead(number);
  const person = { name: `Lead ${number}`, email: `lead${number}@example.com`, ...more };
  return { key, content: { ...given.content, person } };
}

/** A ledger that has run before: set-up read, and the directory of persons there. */
async function warmed(world: World): Promise<Rig> {
  const rig = await openWorld(world);
  await send(
    rig,
    many(30, (index) => lead(900_000 + index, { organization: { name: `Before ${index}` } })),
  );
  return rig;
}

async function inOneRun(world: World, given: readonly Given[], isWarm = true): Promise<Measured> {
  const rig = isWarm ? await warmed(world) : await openWorld(world);
  try {
    return await measure(rig, given.length, () => send(rig, given));
  } finally {
    await rig.ledger.close();
  }
}

async function oneByOne(world: World, given: readonly Given[], everyMs: number, isWarm = true): Promise<Measured> {
  const rig = isWarm ? await warmed(world) : await openWorld(world);
  try {
    return await measure(rig, given.length, async () => {
      for (const each of given) {
        await send(rig, [each]);
        await rig.clock.run(() => rig.clock.sleep(everyMs));
      }
    });
  } finally {
    await rig.ledger.close();
  }
}

const MINUTE_MS = 60_000;
const byPhone = (index: number) =>
  lead(index, { person: { name: `Lead ${index}`, phone: `+3725${2_000_000 + index}` } });
const threeNotes = (index: number) => lead(index, { notes: ["One", "Two", "Three"] });
const ofCompany = (index: number, company: number) => lead(index, { organization: { name: `Company ${company}` } });

/** `scale` shrinks the long ones for a quick look. */
export function scenarios(scale: number): Scenario[] {
  const sized = (count: number): number => Math.max(1, Math.round(count / scale));
  const day = sized(1_440);
  return [
    {
      name: "new person, deal, note: 100 in a run",
      bound: CHAIN,
      run: () =>
        inOneRun(
          {},
          many(100, (i) => lead(i)),
        ),
    },
    {
      name: "the same with a new organization each",
      bound: CHAIN + CREATE,
      run: () =>
        inOneRun(
          {},
          many(100, (i) => ofCompany(i, i)),
        ),
    },
    {
      name: "the same, ten of each organization",
      bound: CHAIN + CREATE / 10,
      run: () =>
        inOneRun(
          {},
          many(100, (i) => ofCompany(i, Math.floor(i / 10))),
        ),
    },
    {
      name: "new persons known by a phone number alone",
      bound: CHAIN + PAGE / 100,
      run: () => inOneRun({}, many(100, byPhone)),
    },
    {
      name: "three notes each",
      bound: CHAIN + 2 * NOTE,
      run: () => inOneRun({}, many(100, threeNotes)),
    },
    {
      name: "three notes each, notes: { join: true }",
      bound: CHAIN,
      run: () => inOneRun({ joinNotes: true }, many(100, threeNotes)),
    },
    {
      name: "three submissions of each new person",
      bound: DEAL_AND_NOTE + CREATE / 3,
      run: () =>
        inOneRun(
          {},
          many(300, (i) => ({ ...lead(Math.floor(i / 3)), key: `wf_${i}` })),
        ),
    },
    {
      name: "known person, nothing to change",
      bound: DEAL_AND_NOTE + CONFIRM,
      run: () =>
        inOneRun(
          { persons: 1_000 },
          many(500, (i) => known(i + 1, `k${i}`)),
        ),
    },
    {
      name: "known person who changes",
      bound: DEAL_AND_NOTE + CONFIRM + CHANGE,
      run: () =>
        inOneRun(
          { persons: 1_000 },
          many(500, (i) => known(i + 1, `k${i}`, { phone: `+3725${1_000_000 + i}` })),
        ),
    },
    {
      name: "three of each known person who changes",
      bound: DEAL_AND_NOTE + (CONFIRM + CHANGE) / 3,
      run: () =>
        inOneRun(
          { persons: 1_000 },
          many(300, (i) => known(Math.floor(i / 3) + 1, `k${i}`, { phone: `+3725${1_000_000 + Math.floor(i / 3)}` })),
        ),
    },
    {
      name: "known person, note on the open deal that is there",
      bound: NOTE + CONFIRM + PAGE,
      run: onOpenDeals,
    },
    ...[1_000, 10_000].map((count) => ({
      name: `backfill of ${count.toLocaleString("en")}, half of them known among 5,000`,
      bound: (CHAIN + DEAL_AND_NOTE) / 2 + CONFIRM / 2 + (PAGE * (5_000 / PAGE_SIZE)) / sized(count),
      run: () =>
        inOneRun(
          { persons: 5_000 },
          many(sized(count), (i) => (i % 2 === 0 ? known((i % 5_000) + 1, `k${i}`) : lead(i))),
          false,
        ),
    })),
    ...[0, 1_000, 50_000].map((persons) => ({
      name: `first run of 100, the CRM has ${persons.toLocaleString("en")} persons`,
      bound: CHAIN + Math.min(20, (PAGE * Math.max(1, persons / PAGE_SIZE)) / 100),
      run: () =>
        inOneRun(
          { persons },
          many(100, (i) => lead(i)),
          false,
        ),
    })),
    {
      name: "first run of 1, the CRM has 50,000 persons",
      bound: CHAIN + 20,
      run: () => inOneRun({ persons: 50_000 }, [lead(1)], false),
    },
    {
      name: "a trickle: a new person a minute, a run each",
      bound: CHAIN + PAGE,
      run: () =>
        oneByOne(
          { persons: 5_000 },
          many(day, (i) => lead(i)),
          MINUTE_MS,
        ),
    },
    {
      name: "the same on a new ledger, the CRM has 50,000 persons",
      bound: CHAIN + Math.min(20, PAGE + (PAGE * (50_000 / PAGE_SIZE)) / day),
      run: () =>
        oneByOne(
          { persons: 50_000 },
          many(day, (i) => lead(i)),
          MINUTE_MS,
          false,
        ),
    },
    {
      name: "a new person a minute, with freshness: 1h",
      bound: CHAIN + PAGE / 60,
      run: () =>
        oneByOne(
          { persons: 5_000, freshnessMs: 60 * MINUTE_MS },
          many(day, (i) => lead(i)),
          MINUTE_MS,
        ),
    },
    {
      name: "a new person of a new organization a minute",
      bound: CHAIN + CREATE + 2 * PAGE,
      run: () =>
        oneByOne(
          { persons: 5_000 },
          many(day, (i) => ofCompany(i, i)),
          MINUTE_MS,
        ),
    },
    {
      name: "a trickle of known persons",
      bound: DEAL_AND_NOTE + 1,
      run: () =>
        oneByOne(
          { persons: 5_000 },
          many(day, (i) => known(i + 1, `k${i}`)),
          MINUTE_MS,
        ),
    },
    {
      name: "a trickle of known persons who change",
      bound: DEAL_AND_NOTE + 1 + CHANGE,
      run: () =>
        oneByOne(
          { persons: 5_000 },
          many(day, (i) => known(i + 1, `k${i}`, { phone: `+3725${1_000_000 + i}` })),
          MINUTE_MS,
        ),
    },
  ];
}

async function onOpenDeals(): Promise<Measured> {
  const rig = await warmed({ persons: 1_000, deals: "openDealOfPerson" });
  const given = (prefix: string): Given[] => many(100, (i) => known(i + 1, `${prefix}${i}`));
  await send(rig, given("first"));
  const measured = await measure(rig, 100, () => send(rig, given("second")));
  await rig.ledger.close();
  return measured;
}
