/** What people deleted, on CRMs that say so in different ways, and after the CRM has forgotten it. */
import { afterEach, describe, expect, it } from "vitest";
import { checkOn, named } from "../support/check-rig.ts";
import { chainLead, chainsOf, DAMAGES, damage } from "../support/damage.ts";
import { type FileRig, fileRig } from "../support/ledger-file.ts";

const DAY_MS = 24 * 3_600_000;
let rig: FileRig;
afterEach(() => rig.close());

async function delivered(count: number, deletedGet: 200 | 404 | 410): Promise<ReturnType<typeof chainsOf>> {
  rig = await fileRig({ simulator: { limits: null, deletedGet } });
  await rig.take(Array.from({ length: count }, (_, index) => chainLead(index + 1)));
  expect(await rig.run()).toMatchObject({ drained: { done: count, failed: 0 } });
  return chainsOf(rig.file);
}

const found = async (): Promise<string[]> => {
  const { rows } = await checkOn(rig);
  return rows.filter(({ state }) => state === "new" || state === "open").map(named);
};

/** Where a look by id does not tell them apart, a record that somebody deleted may count as missing. No deal does. */
const asMissing = (name: string): string => name.replace(/^(person|organization|note)-deleted/, "$1-missing");

describe.each([404, 410] as const)("a CRM that answers %i to a look at a deleted record", (deletedGet) => {
  it("has every damage named as what it is, or as missing where it was deleted", { timeout: 180_000 }, async () => {
    const chains = await delivered(Object.keys(DAMAGES).length, deletedGet);
    await rig.clock.advance(3_600_000);
    const expected = damage(rig, rig.file, chains, 1);
    const names = await found();
    expect(names.map(asMissing).sort()).toEqual(expected.map(asMissing).sort());
    for (const name of expected.filter((each) => each.includes("-missing"))) expect(names).toContain(name);
    for (const name of expected.filter((each) => each.startsWith("deal-deleted"))) expect(names).toContain(name);
  });
});

describe.each([200, 404, 410] as const)("what was deleted (%i)", (deletedGet) => {
  const deleteAll = ([first, second, third, fourth]: ReturnType<typeof chainsOf>): void => {
    rig.simulator.deleteDeal(first!.deal);
    rig.simulator.deletePerson(second!.person);
    rig.simulator.deleteOrganization(third!.organization);
    rig.simulator.deleteNote(fourth!.note);
  };
  const ids = ([first, second, third, fourth]: ReturnType<typeof chainsOf>): string[] => [
    `deal:${first!.deal}`,
    `person:${second!.person}`,
    `organization:${third!.organization}`,
    `note:${fourth!.note}`,
  ];

  it("stays deleted where a check saw it, also when the CRM has forgotten it", async () => {
    const chains = await delivered(5, deletedGet);
    deleteAll(chains);
    const before = await found();
    expect(before).toHaveLength(4);
    expect(before).toContain(`deal-deleted deal:${chains[0]!.deal}`);
    await rig.clock.advance(40 * DAY_MS);
    expect((await found()).sort()).toEqual(before.sort());
  });

  it("is missing where nobody looked for a month: nothing shows any more that somebody deleted it", async () => {
    const chains = await delivered(5, deletedGet);
    deleteAll(chains);
    await rig.clock.advance(40 * DAY_MS);
    const expected = ids(chains).map((id) => `${id.split(":")[0]}-missing ${id}`);
    expect((await found()).sort()).toEqual(expected.sort());
  });
});

it("a deleted deal is known as one to the last day of its month, in a crowd of missing ones", async () => {
  const chains = await delivered(50, 404);
  for (const { deal } of chains.slice(0, 45)) rig.simulator.erase("deal", deal);
  rig.simulator.deleteDeal(chains[45]!.deal);
  await rig.clock.advance(29 * DAY_MS);
  const names = await found();
  expect(names.filter((name) => name.startsWith("deal-missing"))).toHaveLength(45);
  expect(names.filter((name) => !name.startsWith("deal-missing"))).toEqual([`deal-deleted deal:${chains[45]!.deal}`]);
});
