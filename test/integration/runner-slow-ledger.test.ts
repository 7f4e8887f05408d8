/**
 * A ledger that takes its time (a slow disk, a thread of its own): replies come while a turn is under way. What they teach, and what
 * was asked for meanwhile, is in the next one.
 */
import { describe, expect, it } from "vitest";
import type { Ledger } from "../../src/ledger/ledger.ts";
import { createRig, lead, type Rig, type RigOptions, seeded } from "../support/drain-rig.ts";
import { judge } from "../support/oracle.ts";

const VERBS = ["turn", "claim", "leaseKeys", "releaseKeys", "mirrorSave"] as const;

/** Each of the verbs waits before its transaction and after it, for up to `mostMs` each. */
function slowed({ ledger, clock }: Rig, seed: number, mostMs: number): Ledger {
  const random = seeded(seed);
  const wait = () => clock.sleep(Math.floor(random.next() * mostMs));
  const slow =
    (verb: (typeof VERBS)[number]) =>
    async (...values: never[]): Promise<unknown> => {
      await wait();
      const result = await (ledger[verb] as (...values: never[]) => Promise<unknown>)(...values);
      await wait();
      return result;
    };
  return { ...ledger, ...Object.fromEntries(VERBS.map((verb) => [verb, slow(verb)])) };
}

const LEADS = Array.from({ length: 90 }, (_, n) =>
  lead(n, {
    person: { name: `Lead ${n % 70}`, email: `lead${n % 70}@example.com` },
    ...(n % 7 === 0 && { organization: { name: `Engines ${n % 3}` } }),
  }),
);

async function drained(seed: number, mostMs: number, simulator: RigOptions["simulator"]) {
  const rig = await createRig({ seed, simulator: { roundTripMs: { leastMs: 5, mostMs: 60 }, ...simulator } });
  rig.simulator.seedPersons(20);
  await rig.take(LEADS);
  const report = await rig.run({}, { ledger: slowed(rig, seed, mostMs) });
  return { rig, report };
}

describe("a ledger that takes its time", () => {
  it.each([1, 2, 3, 4])("makes no 429 and nothing twice, and everything ends (%s)", async (seed) => {
    const { rig, report } = await drained(seed, seed * 20, { limits: { burst: 40, dailyTokens: null } });
    expect(report).toMatchObject({ drained: { done: 90, failed: 0 }, remaining: 0, requests: { rateLimited: 0 } });
    expect(rig.simulator.requests.limited).toMatchObject({ burst: 0, search: 0 });
    expect(judge(rig.simulator, LEADS)).toEqual({ lost: [], doubled: [] });
  });

  it.each([5, 6])("hears of every 429 that others bring about, and of each answer that is lost (%s)", async (seed) => {
    const { rig, report } = await drained(seed, 40, {
      limits: { burst: 40, dailyTokens: null },
      others: { requestsPerSecond: 8, tokensPerSecond: 0 },
      faults: { resetAfter: { perCall: 0.02 }, error500Before: { perCall: 0.02 } },
    });
    let { remaining } = report;
    for (let runs = 0; remaining > 0 && runs < 10; runs += 1) {
      await rig.clock.advance(120_000);
      ({ remaining } = await rig.run({}, { ledger: slowed(rig, seed + runs, 40) }));
    }
    expect(remaining).toBe(0);
    expect(rig.simulator.requests.blocked).toBe(0);
    expect(judge(rig.simulator, LEADS)).toEqual({ lost: [], doubled: [] });
  });
});
