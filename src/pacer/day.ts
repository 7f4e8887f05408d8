/** The day's budget of the account, in the vendor's unit. */
import type { Hold } from "../domain/hold.ts";
import type { BucketState, BucketUse, LimitReading } from "../domain/quota.ts";
import type { LimitSettings } from "../domain/settings.ts";
import type { Lane } from "../domain/submission.ts";
import { type Instant, lower, usableLimit, withCapacity } from "./bucket.ts";

const DAY_MS = 24 * 60 * 60_000;
/** What is left goes up by more than this part of the limit only when the day began anew (or tokens were bought). */
const RESET_JUMP = 0.05;
/** A hold from our own rolling count is not lifted for crumbs. */
const OWN_HOLD_MIN_MS = 15 * 60_000;
/** What a submission costs at the most: a new person, organization, deal and note, without look-ups. */
export const CHAIN_TOKENS = 25;
/** Where the ledger doesn't say when the oldest spending is a day old. */
const OWN_HOLD_LOOK_MS = 60 * 60_000;

/** The row after a reply that told about the day. */
export function applyDayReading(
  state: BucketState,
  use: BucketUse,
  reading: LimitReading,
  settings: LimitSettings,
  nowMs: number,
  inFlight: number,
): BucketState {
  const told = usableLimit(reading.limit);
  const limit = told === null ? state.limit : lower(settings.dailyTokens, told);
  const left = leftOf(reading, inFlight);
  const begun = withReset(state, left, limit, inFlight, nowMs);
  const remaining = left ?? begun.remaining;
  const total = told ?? state.limit;
  const next: BucketState = {
    ...begun,
    limit,
    remaining,
    readAtMs: nowMs,
    usedByOthers:
      left !== null && total !== null
        ? Math.max(0, total - left - (begun === state ? use.used : 0))
        : begun.usedByOthers,
  };
  const sized = withCapacity(next, settings, 0);
  // The account's own limit decides what is left to others, also where the config gives us a smaller budget.
  return told === null ? sized : { ...sized, floorBackground: Math.ceil(told * (1 - settings.share)) };
}

/** What the CRM has left for us: its count less what is under way. */
function leftOf(reading: LimitReading, inFlight: number): number | null {
  if (reading.remaining === undefined || !Number.isFinite(reading.remaining)) return null;
  return Math.max(0, Math.floor(reading.remaining) - inFlight);
}

/**
 * Sees a new day by the jump of what is left. Its instant lies between the last reading and this one; where a day learned
 * before ended in that time, that is the better guess.
 */
function withReset(
  state: BucketState,
  left: number | null,
  limit: number | null,
  inFlight: number,
  nowMs: number,
): BucketState {
  if (left === null || state.remaining === null) return state;
  const jump = left - state.remaining;
  const least = Math.max((limit ?? left) * RESET_JUMP, 4 * inFlight, 1);
  if (jump < least) return state;
  const learned = state.resetsAtMs;
  const startMs = learned !== null && learned > state.readAtMs && learned <= nowMs ? learned : nowMs;
  return { ...state, periodStartMs: startMs, resetsAtMs: startMs + DAY_MS };
}

type DayStop = "share" | "reserve" | "floor" | "empty";

/** Which limit keeps a lane from spending `tokens` more now; null: none does. */
export function dayStop(state: BucketState, use: BucketUse, lane: Lane, tokens: number): DayStop | null {
  if (state.remaining !== null && state.remaining < tokens) return "empty";
  if (state.capacity !== null && use.used + tokens > state.capacity) return "share";
  if (lane === "operational") return null;
  if (state.remaining !== null && state.remaining - tokens < state.floorBackground) return "floor";
  return state.capacityBackground !== null && use.used + tokens > state.capacityBackground ? "reserve" : null;
}

/**
 * The hold for a lane whose charge of `tokens` the ledger refused by our own count. Operational work stops the account,
 * background work only its lane. It ends with the count: when the day begins anew, or, over a rolling 24 hours, when some
 * of our spending is that old.
 */
export function dayHold(state: BucketState, use: BucketUse, lane: Lane, now: Instant, tokens = 1): Hold {
  const stop = dayStop(state, use, lane, tokens) ?? (lane === "background" ? "reserve" : "share");
  const theirs = stop === "empty" || stop === "floor";
  const untilMs = theirs ? state.resetsAtMs : ownCountEndsMs(state, use, now);
  return {
    kind: "dailyQuota",
    scope: lane === "background" ? "lane:background" : "account",
    untilMs,
    probe: theirs && untilMs === null,
    message: `${reasonOf(stop, state, use.used)} ${effectOf(lane)}`,
  };
}

/** The hold for a source that has spent its part of the day: it ends with our count too, and keeps nobody else back. */
export function sourceShareHold(state: BucketState, source: string, share: number, now: Instant): Hold {
  const isLearned = state.resetsAtMs !== null && state.resetsAtMs > now.wallMs;
  const most = Math.floor((state.capacity ?? 0) * share);
  const few = `A new person, deal and note cost up to ${CHAIN_TOKENS}: raise sources.${source}.dailyShare, or submissions of ${source} take days, or never arrive.`;
  return {
    kind: "dailyQuota",
    scope: `source:${source}`,
    untilMs: isLearned ? state.resetsAtMs : now.wallMs + OWN_HOLD_LOOK_MS,
    probe: false,
    message: `source ${source} has spent its part of this day's tokens (${figure(most)}). Its submissions wait; others go on.${most < CHAIN_TOKENS ? ` ${few}` : ""}`,
  };
}

function ownCountEndsMs(state: BucketState, use: BucketUse, now: Instant): number {
  if (state.resetsAtMs !== null && state.resetsAtMs > now.wallMs) return state.resetsAtMs;
  if (use.nextFreeMonoMs === null) return now.wallMs + OWN_HOLD_LOOK_MS;
  return now.wallMs + Math.max(OWN_HOLD_MIN_MS, Math.ceil(use.nextFreeMonoMs - now.monoMs));
}

function reasonOf(stop: DayStop, state: BucketState, used: number): string {
  const limit = state.limit === null ? "an unknown number of" : figure(state.limit);
  const spent = `crmledger has spent ${figure(used)} of the account's ${limit} tokens of this day`;
  if (stop === "empty") return "The account's tokens of this day are used up.";
  if (stop === "share") return `${spent}: its whole share (${figure(state.capacity ?? 0)}).`;
  if (stop === "reserve") {
    return `${spent}; the rest of its share (${figure(state.capacity ?? 0)}) is kept for operational submissions.`;
  }
  const left = figure(state.remaining ?? 0);
  return `The account has ${left} of ${limit} tokens left for this day, which are left to other programs.`;
}

function effectOf(lane: Lane): string {
  return lane === "background"
    ? "Background submissions wait; operational ones go on."
    : "Everything waits in the ledger; nothing is lost.";
}

/**
 * The hold after the CRM refused a request because the day's budget is spent: until the day begins anew, or, where that
 * was never learned, until the one request that each run sends finds it lifted.
 */
export function dailyRefusalHold(state: BucketState | null, nowMs: number): Hold {
  const resetsAtMs = state?.resetsAtMs ?? null;
  const limit = state?.limit ? ` (${figure(state.limit)} tokens)` : "";
  return {
    kind: "dailyQuota",
    scope: "account",
    untilMs: resetsAtMs !== null && resetsAtMs > nowMs ? resetsAtMs : null,
    probe: true,
    message: `The CRM says that the account's budget of this day${limit} is spent. Everything waits in the ledger; nothing is lost.`,
  };
}

function figure(tokens: number): string {
  return Math.floor(tokens).toLocaleString("en-US");
}
