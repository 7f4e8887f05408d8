/**
 * Versions of records come between runs that die at any instant, over a CRM that loses writes and answers and refuses some;
 * people put back what failed at any time.
 */
import { describe, expect, it } from "vitest";
import { FAILPOINTS } from "../../src/runner/failpoints.ts";
import { createRig, lead, type Rig, seeded } from "../support/drain-rig.ts";
import { type Fate, mortalRun, runToTheEnd } from "../support/mortal-run.ts";

const SEEDS = 12;
const RECORDS = 6;
const ROUNDS = 8;

/** Version `number` of a record: another value, one more note, and at times another address. */
function version(record: number, number: number) {
  const email = number % 3 === 2 ? `lead.${record}.${number}@example.com` : `lead.${record}@example.com`;
  return {
    ...lead(record, {
      person: { name: `Lead ${record}`, email },
      deal: { title: `Deal ${record}`, value: record * 1_000 + number },
      notes: Array.from({ length: number }, (_, index) => `Note ${index + 1} of lead ${record}`),
    }),
    revisions: "update" as const,
  };
}

/** Creates and updates are refused for good by chance, until that is over. */
function refuseByChance({ simulator }: Rig, dice: { next(): number }): { over: boolean } {
  const refusing = { over: false };
  const { handle } = simulator;
  (simulator as { handle: typeof handle }).handle = async (request) =>
    !refusing.over && request.method !== "GET" && dice.next() < 0.08
      ? { type: "response", status: 400, headers: {}, body: '{"success":false,"error":"no"}' }
      : handle(request);
  return refusing;
}

async function retryFailed({ ledger, clock }: Rig): Promise<void> {
  const ids = (await ledger.failed({})).map(({ id }) => id);
  const now = { wallMs: clock.wallMs(), monoMs: clock.monoMs(), bootId: clock.bootId };
  await ledger.requeue(ids, new Map(), now);
}

describe("versions that come while runs die", () => {
  it.each(Array.from({ length: SEEDS }, (_, seed) => seed + 1))(
    "end as one deal with the newest values (seed %i)",
    async (seed) => {
      const dice = seeded(seed);
      const rig = await createRig({ seed });
      const refusing = refuseByChance(rig, dice);
      const posts = new Map<string, number>();
      const newest = new Map<number, number>();
      const fate: Fate = (instant) => FAILPOINTS.some((name) => name === instant) && dice.next() < 0.04;
      for (let round = 0; round < ROUNDS; round += 1) {
        for (let record = 1; record <= RECORDS; record += 1) {
          if (dice.next() < 0.5) continue;
          const number = (newest.get(record) ?? 0) + 1;
          newest.set(record, number);
          await rig.take([version(record, number), version(record, Math.max(1, number - 1))]);
        }
        const method = dice.next() < 0.5 ? "POST" : "PATCH";
        if (dice.next() < 0.6)
          rig.simulator.failNext({ kind: dice.next() < 0.7 ? "resetAfter" : "resetBefore", match: { method } });
        if (dice.next() < 0.4) await retryFailed(rig);
        await mortalRun(rig, fate, posts);
        await rig.clock.advance(Math.floor(dice.next() * 90_000));
      }
      refusing.over = true;
      await runToTheEnd(rig, () => false, posts);
      await retryFailed(rig);
      await runToTheEnd(rig, () => false, posts);
      const { persons, deals, notes } = rig.simulator.records;
      const wanted = [...newest].sort(([a], [b]) => a - b);
      expect(deals.map(({ value }) => value).sort((a, b) => a! - b!)).toEqual(
        wanted.map(([record, number]) => record * 1_000 + number),
      );
      expect(persons).toHaveLength(wanted.length);
      const texts = notes.map(({ content }) => content.split("<br>")[0]!).sort();
      const told = wanted.flatMap(([record, number]) => version(record, number).content.notes!).sort();
      expect(texts).toEqual(told);
      expect(await rig.ledger.queue()).toMatchObject({
        pending: 0,
        waiting: 0,
        uncertain: 0,
        inProgress: 0,
        failed: 0,
        conflict: 0,
      });
      await rig.ledger.close();
    },
  );
});
