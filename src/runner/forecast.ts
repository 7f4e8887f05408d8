/** When the planned work will be in the CRM, by what the ledger knows of limits. Sends nothing and writes nothing. */
import type { BucketState } from "../domain/quota.ts";
import { LANES, type Lane } from "../domain/submission.ts";
import { initialBucket, resumeBucket } from "../pacer/bucket.ts";
import { ratePerSecond } from "../pacer/concurrency.ts";
import { dayBudget, type Forecast, forecast, type LaneWork } from "../pacer/forecast.ts";
import { instant } from "./instant.ts";
import { type PreviewDeps, ROUND_TRIP_MS } from "./preview.ts";
import type { DrainPlan } from "./runner.ts";

export interface DrainForecast extends Forecast {
  submissions: number;
  requests: number;
  tokensMin: number;
  tokensMax: number;
  /** How many submissions were planned to know that; what they cost is what the others are taken to cost. */
  plannedFrom: number;
}

/** `waiting`: all that is to be sent, of which `plan` has the first ones. Null where the plan has none. */
export async function forecastDrain(
  { ledger, adapter, settings, clock, credential }: PreviewDeps,
  plan: Pick<DrainPlan, "submissions" | "requests" | "tokensMin" | "tokensMax">,
  waiting: Readonly<Record<Lane, number>>,
): Promise<DrainForecast | null> {
  if (plan.submissions === 0) return null;
  const account = await ledger.account();
  const now = instant(clock);
  const saved = account === null ? null : await ledger.buckets(account.id, credential, now);
  const bucketOf = (kind: BucketState["kind"]): BucketState | null => {
    const spec = adapter.capabilities.buckets.find((one) => one.kind === kind);
    if (spec === undefined) return null;
    const known = saved?.states.find(({ bucket }) => bucket === spec.name);
    return known ? resumeBucket(spec, known, settings.limits, now) : initialBucket(spec, settings.limits, now.wallMs);
  };
  const day = bucketOf("day");
  const used = saved?.use.find(({ bucket }) => bucket === day?.bucket)?.used ?? 0;
  const submissions = LANES.reduce((sum, lane) => sum + waiting[lane], 0);
  const scale = (value: number): number => Math.round((value * submissions) / plan.submissions);
  const whole = {
    submissions,
    requests: scale(plan.requests),
    tokensMin: scale(plan.tokensMin),
    tokensMax: scale(plan.tokensMax),
  };
  const workOf = (lane: Lane): LaneWork => {
    const part = submissions === 0 ? 0 : waiting[lane] / submissions;
    return { submissions: waiting[lane], requests: whole.requests * part, tokens: whole.tokensMax * part };
  };
  const work = { operational: workOf("operational"), background: workOf("background") };
  const budget = day === null ? null : dayBudget(day, { used });
  const pace = paceOf(bucketOf("window"), settings.limits.share);
  return { ...whole, plannedFrom: plan.submissions, ...forecast(work, budget, pace, now.wallMs) };
}

/** Requests a second with the window to ourselves, but for our share: others are not known ahead. */
function paceOf(state: BucketState | null, share: number): number | null {
  if (state === null || state.limit === null) return null;
  const capacity = Math.max(1, Math.floor(state.limit * share));
  return ratePerSecond({ capacity, windowMs: state.windowMs }, ROUND_TRIP_MS);
}
