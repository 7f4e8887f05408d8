/** A check that is stopped in its middle says nothing wrong, and the next one goes on behind it. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { checkOn, discrepanciesOf, named } from "../support/check-rig.ts";
import { chainLead, chainsOf } from "../support/damage.ts";
import { type FileRig, fileRig } from "../support/ledger-file.ts";
import type { Call } from "../support/watched-rig.ts";

const HOUR_MS = 3_600_000;
/** Pages of the person directory are 500 each. */
const STRANGERS = 1_700;
let rig: FileRig;
let expected: string[];
/** While it lasts, everything is refused. */
let storm = false;

beforeEach(async () => {
  storm = false;
  rig = await fileRig({ simulator: { limits: { dailyTokens: null, block: null } } });
  rig.simulator.seedPersons(STRANGERS);
  await rig.take(Array.from({ length: 14 }, (_, index) => chainLead(index + 1)));
  await rig.runOut();
  const chains = chainsOf(rig.file);
  rig.simulator.deleteDeal(chains[0]!.deal);
  rig.simulator.erase("deal", chains[1]!.deal);
  rig.simulator.erase("person", chains[2]!.person);
  rig.simulator.erase("note", chains[3]!.note);
  rig.simulator.editPerson(chains[4]!.person, { name: "Somebody Else" });
  expected = [
    `deal-deleted deal:${chains[0]!.deal}`,
    `deal-missing deal:${chains[1]!.deal}`,
    `note-missing note:${chains[3]!.note}`,
    `person-drift person:${chains[4]!.person}`,
    `person-missing person:${chains[2]!.person}`,
  ];
  await rig.clock.advance(HOUR_MS);
  rig.calls.length = 0;
});
afterEach(() => rig.close());

const answered = (): string[] =>
  rig.calls.filter(({ status }) => status === 200).map(({ path, query }) => `${path}?${query.toString()}`);
const pages = (): string[] => answered().filter((call) => /(persons|organizations|deals|notes)\?/.test(call));
const state = async () => (await discrepanciesOf(rig, {})).map(named);

/** Stops the first check at its `nth` request by `stop`; after `mend` the second one must end it. */
async function stoppedAt(
  nth: number,
  stop: (call: Call) => void,
  mend: () => Promise<void> | void,
  signal?: AbortSignal,
) {
  let left = nth;
  rig.onSend = (call) => {
    left -= 1;
    if (left === 0) stop(call);
    if (storm) rig.simulator.failNext({ kind: "rateLimit429" });
  };
  let error: unknown = null;
  try {
    await checkOn(rig, { signal });
  } catch (caught) {
    error = caught;
  }
  rig.onSend = () => {};
  if (error !== null) expect(await state()).toEqual([]);
  await mend();
  const { report, rows } = await checkOn(rig);
  expect(rows.map(named).sort()).toEqual(expected);
  expect(report).toMatchObject({ checked: 14, matched: 9 });
  const read = pages();
  expect(read.length - new Set(read).size).toBeLessThanOrEqual(1);
  return error;
}

/** Account, directory, deals and notes, the deleted ones, single records. */
const STEPS = [1, 4, 8, 11, 14];
const SOME = [4, 11];

describe("a check is stopped by", () => {
  it.each(STEPS)("a signal at request %i", async (nth) => {
    const controller = new AbortController();
    const error = await stoppedAt(
      nth,
      () => controller.abort(),
      () => {},
      controller.signal,
    );
    expect(error).toMatchObject({ code: "held" });
  });

  it.each(STEPS)("revoked credentials at request %i", async (nth) => {
    const error = await stoppedAt(
      nth,
      () => rig.simulator.revokeToken(),
      () => rig.simulator.restoreToken(),
    );
    expect(error).toMatchObject({ code: "credentialsRefused" });
  });

  it.each(SOME)("a storm of 429s at request %i", async (nth) => {
    const error = await stoppedAt(
      nth,
      () => {
        storm = true;
      },
      async () => {
        storm = false;
        await rig.clock.advance(HOUR_MS);
      },
    );
    expect(error).toMatchObject({ code: "held" });
  });

  it.each(SOME)("the end of the day's budget at request %i", async (nth) => {
    const error = await stoppedAt(
      nth,
      () => rig.simulator.setLimits({ dailyTokens: rig.simulator.spentToday() }),
      async () => {
        rig.simulator.setLimits({ dailyTokens: 100_000 });
        await rig.clock.advance(24.5 * HOUR_MS);
      },
    );
    expect(error).toMatchObject({ code: "held" });
  });

  it.each(SOME)("servers that fail at request %i", async (nth) => {
    await stoppedAt(
      nth,
      () => rig.simulator.failNext({ kind: "error503", times: 3, match: { method: "GET" } }),
      () => rig.clock.advance(HOUR_MS).then(() => {}),
    );
  });
});

it("a check of another scope begins anew", async () => {
  const controller = new AbortController();
  let left = 4;
  rig.onSend = () => {
    left -= 1;
    if (left === 0) controller.abort();
  };
  await expect(checkOn(rig, { signal: controller.signal })).rejects.toMatchObject({ code: "held" });
  rig.onSend = () => {};
  rig.calls.length = 0;
  await checkOn(rig, { scope: { source: "website", sinceMs: 0 } });
  expect(pages().filter((page) => page.includes("/persons?") && !page.includes("cursor"))).toHaveLength(1);
});

it("begins anew where another one has looked since: what that one saw is not its own any more", async () => {
  const controller = new AbortController();
  rig.onSend = ({ path }) => {
    if (path.endsWith("/notes")) controller.abort();
  };
  await expect(checkOn(rig, { signal: controller.signal })).rejects.toMatchObject({ code: "held" });
  rig.onSend = () => {};
  await checkOn(rig, { scope: { sinceMs: rig.clock.wallMs() - 24 * HOUR_MS } });
  const { report, rows } = await checkOn(rig);
  expect(rows.map(named).sort()).toEqual(expected);
  expect(report).toMatchObject({ checked: 14, matched: 9 });
});

it("a check that was stopped too long ago begins anew", async () => {
  const controller = new AbortController();
  rig.onSend = ({ query }) => {
    if (query.has("cursor")) controller.abort();
  };
  await expect(checkOn(rig, { signal: controller.signal })).rejects.toMatchObject({ code: "held" });
  rig.onSend = () => {};
  await rig.clock.advance(27 * HOUR_MS);
  rig.calls.length = 0;
  const { rows } = await checkOn(rig);
  expect(pages().filter((page) => page.includes("/persons?"))).toHaveLength(4);
  expect(rows.map(named).sort()).toEqual(expected);
});
