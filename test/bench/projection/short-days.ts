/** Days whose budget does not pay for all that comes, at a small size: volume and budget are shrunk alike. */
import { createRig, SETTINGS } from "../../support/drain-rig.ts";
import { Arrivals, KNOWN_PERSONS, runOn } from "./arrivals.ts";

export interface Short {
  /** Part of our share of the budget that the last day used. */
  usedPart: number;
  /** Of what was delivered on the last day. */
  p50Ms: number;
  p95Ms: number;
}

const DAY_MS = 86_400_000;
const DAYS = 3;
/** What a submission costs where many come together; the directory's refresh is shared. */
const TOKENS_EACH = 18;
/** As many come between two of these as at full size between two minutes, or more. */
const CRON_MS = 15 * 60_000;

/** By hour: nobody at night, most from eight to sixteen. */
const CURVE = [2, 1, 1, 1, 1, 2, 4, 10, 24, 32, 34, 30, 26, 30, 32, 30, 26, 20, 16, 14, 12, 8, 6, 4];
const MEAN = CURVE.reduce((sum, weight) => sum + weight, 0) / 24;
const curve = (ms: number): number => CURVE[new Date(ms).getUTCHours()]! / MEAN;

/** A budget that pays for fewer says nothing of a large one. */
const PAID_MIN = 60;

/** `needed`: how often our share of the budget would have to be there. */
export async function shortDays(needed: number, perDayMin: number): Promise<Short> {
  const perDay = Math.max(perDayMin, PAID_MIN * needed);
  const budget = Math.round((perDay * TOKENS_EACH) / needed / SETTINGS.limits.share);
  const rig = await createRig({
    simulator: { limits: { burst: 20, dailyTokens: budget }, roundTripMs: 150 },
    settings: { limits: { ...SETTINGS.limits } },
  });
  rig.simulator.seedPersons(KNOWN_PERSONS / 10);
  const midnight = Math.ceil(rig.clock.wallMs() / DAY_MS) * DAY_MS;
  await rig.clock.run(() => rig.clock.sleep(midnight - rig.clock.wallMs() + 1_000));
  const arrivals = new Arrivals(perDay / DAY_MS, curve, rig.clock.wallMs());
  await runOn(rig, arrivals, midnight + (DAYS - 1) * DAY_MS, CRON_MS);
  const before = { done: arrivals.delays(rig.simulator).length, tokens: rig.simulator.requests.tokens };
  await runOn(rig, arrivals, midnight + DAYS * DAY_MS, CRON_MS);
  const delays = arrivals.delays(rig.simulator).slice(before.done);
  await rig.ledger.close();
  const usedPart = (rig.simulator.requests.tokens - before.tokens) / (budget * SETTINGS.limits.share);
  delays.sort((a, b) => a - b);
  return { usedPart, p50Ms: delays[Math.floor(delays.length / 2)]!, p95Ms: delays[Math.floor(delays.length * 0.95)]! };
}
