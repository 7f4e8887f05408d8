/** The conditions under which all tools deliver the same submissions, in real time and at the vendor's real limits. */
import type { FaultPlan } from "../../../src/simulator/fault-plan.ts";
import type { Scenario } from "./cell.ts";

/** As far away as the vendor is for most. */
const ROUND_TRIP_MS = { leastMs: 100, mostMs: 200 };
const PLENTY = 10_000_000;

/** Each makes a new plan: what a run leaves of it is its own. */
const faults = (): FaultPlan => ({
  resetAfter: { perCall: 0.01 },
  resetBefore: { perCall: 0.005 },
  error500After: { perCall: 0.01 },
  error500Before: { perCall: 0.005 },
  error503: { perCall: 0.01 },
  truncated: { perCall: 0.005 },
});

function scenario(name: string, submissions: number, more: Partial<Scenario["world"]>, night = false): Scenario {
  const world = {
    burst: 20,
    dailyTokens: PLENTY,
    othersPerSecond: 0,
    spentByOthers: 0,
    faults: {},
    roundTripMs: ROUND_TRIP_MS,
    seed: 7,
  };
  return { name, submissions, inFlight: 5, night, world: { ...world, ...more } };
}

export function scenariosFor(quick: boolean): Scenario[] {
  const part = quick ? 0.2 : 1;
  const count = (full: number) => Math.round(full * part);
  const all = [
    scenario("Lite: 20 requests in 2 s", count(100), {}),
    scenario("Growth: 40 requests in 2 s", count(200), { burst: 40 }),
    scenario("Lite, others use 30 % of the window", count(80), { othersPerSecond: 3 }),
    scenario("Lite, 4.5 % of the answers broken", count(80), { faults: faults() }),
    scenario(
      "Lite, the day's budget ends in the middle",
      count(80),
      { dailyTokens: count(1_000), spentByOthers: 9_000 },
      true,
    ),
  ];
  return quick ? [all[0]!, all[3]!] : all;
}

/** How fast the machine itself is: loopback, no limits, sixteen in flight. */
export function localScenario(quick: boolean): Scenario {
  const world = { burst: null, dailyTokens: null, roundTripMs: { leastMs: 0, mostMs: 0 } };
  return { ...scenario("No limits, loopback", quick ? 400 : 1_000, world), inFlight: 16 };
}
