/** The busy part of a day at full size: what a submission costs and how long it takes where the budget is not what it waits for. */
import { createRig, SETTINGS } from "../../support/drain-rig.ts";
import { Arrivals, CRON_MS, KNOWN_PERSONS, runOn } from "./arrivals.ts";

export interface Cost {
  tokensEach: number;
  p50Ms: number;
  p95Ms: number;
}

const MINUTE_MS = 60_000;
/** Two thirds of a day's submissions come in eight hours. */
const BUSY_FACTOR = 2;
const ROUND_TRIP_MS = { leastMs: 100, mostMs: 200 };

export async function busyTime(perDay: number, burst: number, minutes: number): Promise<Cost> {
  const rig = await createRig({
    simulator: { limits: { burst, dailyTokens: null }, roundTripMs: ROUND_TRIP_MS },
    settings: { limits: { ...SETTINGS.limits } },
  });
  rig.simulator.seedPersons(KNOWN_PERSONS);
  const arrivals = new Arrivals((perDay * BUSY_FACTOR) / 1_440 / MINUTE_MS, () => 1, rig.clock.wallMs());
  // The ledger is not new: its directory of persons is there.
  await runOn(rig, arrivals, rig.clock.wallMs() + 5 * MINUTE_MS, CRON_MS);
  const before = { tokens: rig.simulator.requests.tokens, done: arrivals.delays(rig.simulator).length };
  await runOn(rig, arrivals, rig.clock.wallMs() + minutes * MINUTE_MS, CRON_MS);
  const delays = arrivals.delays(rig.simulator).slice(before.done);
  const tokensEach = (rig.simulator.requests.tokens - before.tokens) / delays.length;
  await rig.ledger.close();
  delays.sort((a, b) => a - b);
  return {
    tokensEach,
    p50Ms: delays[Math.floor(delays.length / 2)]!,
    p95Ms: delays[Math.floor(delays.length * 0.95)]!,
  };
}
