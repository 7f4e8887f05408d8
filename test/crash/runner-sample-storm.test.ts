/** Processes that die by chance while the rest of a cause waits for its sample. */
import { describe, expect, it } from "vitest";
import { createRig, type Given, lead, PLAN, type Rig, SETTINGS, seeded } from "../support/drain-rig.ts";
import { type Fate, IMMORTAL, runTogether, runToTheEnd } from "../support/mortal-run.ts";
import { judge } from "../support/oracle.ts";

const SEEDS = [1, 2, 3, 4, 5, 6];
const DEATHS_MAX = 8;
const CAUSE = "BAD_VALUE:deal.source:webinar";
/** More than one transaction's worth would take long here: the ledger's own suite has that. */
const COUNT = 24;

function fateBy(seed: number): Fate {
  const random = seeded(seed * 104_729);
  let deaths = 0;
  return () => {
    if (deaths === DEATHS_MAX || random.next() > 0.04) return false;
    deaths += 1;
    return true;
  };
}

/** All failed for one missing option, and one of them was put back. */
async function waiting(seed: number, isMended: boolean): Promise<{ rig: Rig; given: Given[] }> {
  const settings = { plans: { default: { ...PLAN, onBadValue: "reject" as const } }, retry: SETTINGS.retry };
  const rig = await createRig({ seed, settings });
  const { field_code } = rig.simulator.addField("deal", "Source", "enum", ["Trade fair"]);
  const given = Array.from({ length: COUNT }, (_, n) =>
    lead(n, { deal: { title: `Deal ${n}`, fields: { Source: "Webinar" } } }),
  );
  await rig.take(given);
  expect((await rig.run()).drained.failed).toBe(COUNT);
  if (isMended) rig.simulator.addOption("deal", field_code, "Webinar");
  // The kept fields are a day old by now.
  await rig.clock.advance(25 * 3_600_000);
  const { ledger, clock } = rig;
  const ids = (await ledger.failed({})).map(({ id }) => id);
  const now = { wallMs: clock.wallMs(), monoMs: clock.monoMs(), bootId: clock.bootId };
  expect(await ledger.sendSample({ cause: CAUSE, ids, content: null, by: null }, now)).toMatchObject({
    waiting: COUNT - 1,
  });
  return { rig, given };
}

async function examine(
  seed: number,
  isMended: boolean,
  work: (rig: Rig, fate: Fate) => Promise<number>,
): Promise<void> {
  const { rig, given } = await waiting(seed, isMended);
  await work(rig, fateBy(seed));
  // Whoever died last may have left the rest to the next one.
  for (let runs = 0; runs < 3; runs += 1) await runToTheEnd(rig, IMMORTAL, new Map(), 60);
  expect(await rig.ledger.samples()).toEqual([]);
  expect((await rig.ledger.failed({})).filter(({ sampleId }) => sampleId != null)).toEqual([]);
  if (isMended) {
    expect(judge(rig.simulator, given)).toEqual({ lost: [], doubled: [] });
    expect(await rig.ledger.queue()).toMatchObject({ done: COUNT, failed: 0, pending: 0 });
  } else {
    expect(rig.simulator.log).toEqual([]);
    expect(await rig.ledger.queue()).toMatchObject({ done: 0, failed: COUNT, pending: 0 });
  }
  await rig.ledger.close();
}

describe.each([
  ["went through: each of the rest is in the CRM once", true],
  ["failed again: nothing of the rest was sent", false],
] as const)("a sample that %s", (_name, isMended) => {
  it.each(SEEDS)("however often the process died, seed %i", async (seed) => {
    await examine(seed, isMended, (rig, fate) => runToTheEnd(rig, fate, new Map(), 60));
  });

  it.each(SEEDS.slice(0, 4))("however often three processes side by side died, seed %i", async (seed) => {
    await examine(seed, isMended, (rig, fate) => runTogether(rig, [fate, fate, fate]));
  });
});
