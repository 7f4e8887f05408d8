/** A check of some submissions judges those and no others, at the price of those. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { CheckScope } from "../../src/ledger/checks.ts";
import { checkOn, named } from "../support/check-rig.ts";
import { type Chain, chainLead, chainsOf } from "../support/damage.ts";
import { type Given, START_MS } from "../support/drain-rig.ts";
import { type FileRig, fileRig } from "../support/ledger-file.ts";

const DAY_MS = 24 * 3_600_000;
const NOW_MS = START_MS + 60_000;
const COUNT = 24;
let rig: FileRig;
let chains: Map<string, Chain>;

/** Half of them a month old, each third from a shop. */
const given = (number: number): Given => ({
  ...chainLead(number),
  source: number % 3 === 0 ? "shop" : "website",
  submittedAtMs: number % 2 === 0 ? START_MS - 30 * DAY_MS : START_MS - 3_600_000,
});

beforeEach(async () => {
  rig = await fileRig({ simulator: { limits: null, deletedGet: 200 } });
  // The directory of a company that lived before: a walk of it costs pages.
  rig.simulator.seedPersons(2_500);
  await rig.take(Array.from({ length: COUNT }, (_, index) => given(index + 1)));
  expect(await rig.run()).toMatchObject({ drained: { done: COUNT, failed: 0 } });
  chains = new Map(chainsOf(rig.file).map((chain) => [chain.key, chain]));
  await rig.clock.advance(NOW_MS - rig.clock.wallMs() + 3_600_000);
});
afterEach(() => rig.close());

const chain = (number: number): Chain => chains.get(`wf_${number}`)!;

/** The same to four recent and four old ones, two of each from the shop; what is found of those that `isIn` says. */
function damaged(isIn: (number: number) => boolean): string[] {
  const { simulator } = rig;
  const found: string[] = [];
  const say = (number: number, what: string) => isIn(number) && found.push(what);
  for (const shift of [0, 1]) {
    const [a, b, c, d] = [2, 4, 3, 9].map((number) =>
      shift === 0 ? number : ({ 2: 1, 4: 5, 3: 6, 9: 12 } as const)[number as 2],
    );
    simulator.deleteDeal(chain(a!).deal);
    say(a!, `deal-deleted deal:${chain(a!).deal}`);
    simulator.editPerson(chain(b!).person, { name: "Somebody Else" });
    say(b!, `person-drift person:${chain(b!).person}`);
    simulator.erase("note", chain(c!).note);
    say(c!, `note-missing note:${chain(c!).note}`);
    simulator.integration.addPerson({ name: "Twin", emails: [{ value: chain(d!).email }] });
    say(d!, `person-duplicate person:${chain(d!).person}`);
  }
  return found.sort();
}

const SCOPES: [string, Partial<CheckScope>, (number: number) => boolean][] = [
  ["a source", { source: "shop" }, (number) => number % 3 === 0],
  ["the last day", { sinceMs: START_MS - DAY_MS }, (number) => number % 2 === 1],
  ["before the last day", { untilMs: START_MS - DAY_MS }, (number) => number % 2 === 0],
  ["a source on the last day", { source: "shop", sinceMs: START_MS - DAY_MS }, (number) => number % 6 === 3],
  ["one old week", { sinceMs: START_MS - 31 * DAY_MS, untilMs: START_MS - 29 * DAY_MS }, (number) => number % 2 === 0],
];

describe.each(SCOPES)("a check of %s", (_name, scope, isIn) => {
  it("names what differs of those submissions only", async () => {
    const expected = damaged(isIn);
    const { rows, report } = await checkOn(rig, { scope });
    expect(rows.map(named).sort()).toEqual(expected);
    const inScope = Array.from({ length: COUNT }, (_, index) => index + 1).filter(isIn).length;
    expect(report).toMatchObject({ checked: inScope, matched: inScope - expected.length });
  });

  it("closes none that it did not judge, and leaves them to the next whole check", async () => {
    const all = damaged(() => true);
    await checkOn(rig);
    const { rows } = await checkOn(rig, { scope });
    expect(rows.every(({ state }) => state === "open")).toBe(true);
    const whole = await checkOn(rig);
    expect(whole.rows.map(named).sort()).toEqual(all);
  });
});

it("a check of few is cheaper than a walk through everything", async () => {
  const whole = await checkOn(rig);
  const few = await checkOn(rig, { scope: { source: "shop", sinceMs: START_MS - DAY_MS } });
  expect(few.tokens).toBeLessThan(whole.tokens / 2);
});
