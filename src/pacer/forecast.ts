/** When what waits will be in the CRM, by the day's budget and the pace. Pure. */
import type { BucketState, BucketUse } from "../domain/quota.ts";
import type { Lane } from "../domain/submission.ts";

const DAY_MS = 24 * 3_600_000;
/** Further ahead nobody plans. */
const DAYS_MAX = 400;

/** What a lane has to send, all of it together. */
export interface LaneWork {
  submissions: number;
  requests: number;
  tokens: number;
}

/** Tokens that each lane may spend now, and of a new day; null: no stop. Spending of one counts against the other too. */
export interface DayBudget {
  left: Record<Lane, number>;
  full: Record<Lane, number>;
  /** UTC ms; null: not known, so that the next budget is a day away. */
  resetsAtMs: number | null;
}

export interface Forecast {
  /** How many go before the next budget begins. */
  today: number;
  /** What may be spent today by the lanes that have work; null: no stop is known. */
  leftToday: number | null;
  /** Of all the work's tokens, 0 to 1 and beyond; null as above, or where nothing is left. */
  partOfLeft: number | null;
  /** UTC ms; null: never at this rate, or later than anybody plans. */
  doneAtMs: number | null;
  /** From now, and from each new budget on. */
  days: { fromMs: number; submissions: number; tokens: number }[];
}

export function forecast(
  work: Readonly<Record<Lane, LaneWork>>,
  budget: DayBudget | null,
  requestsPerSecond: number | null,
  nowMs: number,
): Forecast {
  const open = { operational: { ...work.operational }, background: { ...work.background } };
  const days: Forecast["days"] = [];
  let fromMs = nowMs;
  let untilMs = budget?.resetsAtMs != null && budget.resetsAtMs > nowMs ? budget.resetsAtMs : nowMs + DAY_MS;
  let doneAtMs: number | null = nowMs;
  while (isOpen(open) && days.length < DAYS_MAX) {
    const tokens = days.length === 0 ? budget?.left : budget?.full;
    const day = spendDay(open, tokens ?? null, requestsPerSecond, fromMs, budget === null ? null : untilMs);
    days.push({ fromMs, submissions: day.submissions, tokens: day.tokens });
    doneAtMs = day.endedAtMs;
    if (!isOpen(open)) break;
    doneAtMs = null;
    // What does not fit into a whole new day fits into none.
    if (days.length > 1 && day.submissions === 0) break;
    fromMs = untilMs;
    untilMs += DAY_MS;
  }
  const leftToday = budget === null ? null : leftOf(work, budget.left);
  const tokens = work.operational.tokens + work.background.tokens;
  return {
    today: days[0]?.submissions ?? 0,
    leftToday,
    partOfLeft: leftToday === null || leftToday <= 0 ? null : tokens / leftToday,
    doneAtMs,
    days: days.filter(({ submissions }, index) => submissions > 0 || index === 0),
  };
}

const isOpen = (open: Readonly<Record<Lane, LaneWork>>): boolean =>
  open.operational.submissions + open.background.submissions > 0;

function leftOf(work: Readonly<Record<Lane, LaneWork>>, left: Readonly<Record<Lane, number>>): number {
  return Math.max(0, work.operational.submissions > 0 ? left.operational : left.background);
}

/** Takes out of `open` what goes until `untilMs`, operational first. */
function spendDay(
  open: Record<Lane, LaneWork>,
  left: Readonly<Record<Lane, number>> | null,
  requestsPerSecond: number | null,
  fromMs: number,
  untilMs: number | null,
): { submissions: number; tokens: number; endedAtMs: number } {
  let [submissions, tokens, endedAtMs] = [0, 0, fromMs];
  for (const lane of ["operational", "background"] as const) {
    const one = open[lane];
    if (one.submissions === 0) continue;
    const [tokensEach, requestsEach] = [one.tokens / one.submissions, one.requests / one.submissions];
    const msEach = requestsPerSecond === null ? 0 : (requestsEach * 1000) / requestsPerSecond;
    const byTokens = left === null || tokensEach === 0 ? one.submissions : (left[lane] - tokens) / tokensEach;
    const byTime = untilMs === null || msEach === 0 ? one.submissions : (untilMs - endedAtMs) / msEach;
    // A hair below a whole one is that one: shares are sums of fractions.
    const goes = Math.max(0, Math.min(one.submissions, Math.floor(byTokens + 1e-6), Math.floor(byTime + 1e-6)));
    submissions += goes;
    tokens += goes * tokensEach;
    endedAtMs += goes * msEach;
    one.submissions -= goes;
    one.tokens -= goes * tokensEach;
    one.requests -= goes * requestsEach;
  }
  return { submissions, tokens: Math.round(tokens), endedAtMs: Math.round(endedAtMs) };
}

/** What a day's bucket leaves us, by its own rules; null: it stops nobody. */
export function dayBudget(state: BucketState, use: Pick<BucketUse, "used">): DayBudget | null {
  const { capacity, remaining, floorBackground } = state;
  if (capacity === null && remaining === null) return null;
  const most = capacity ?? Number.POSITIVE_INFINITY;
  const mostBackground = Math.min(most, state.capacityBackground ?? Number.POSITIVE_INFINITY);
  const theirs = remaining ?? Number.POSITIVE_INFINITY;
  const full = {
    operational: Number.isFinite(most) ? most : theirs,
    background: Number.isFinite(mostBackground) ? mostBackground : theirs,
  };
  return {
    left: {
      operational: Math.max(0, Math.min(most - use.used, theirs)),
      background: Math.max(0, Math.min(mostBackground - use.used, theirs - floorBackground)),
    },
    full,
    resetsAtMs: state.resetsAtMs,
  };
}
