/**
 * Buckets as rows: what we may use of each limit. The pacer computes the rows; the ledger counts against them inside the
 * transaction that gives the slots, so that every process on the ledger draws from one quota.
 */
import type { BucketSpec, BucketState } from "../domain/quota.ts";
import type { LimitSettings } from "../domain/settings.ts";

/** An instant in both clocks; shaped as the ledger's `Now`. */
export interface Instant {
  wallMs: number;
  monoMs: number;
  bootId: string;
}

/**
 * Part of the capacity that a run starts with. Others may be using most of the window, and only the first replies tell;
 * each good reply doubles it.
 */
const START_FACTOR = 1 / 16;
/** A longer pause ends the run as a hold instead of being slept through in memory. */
export const PAUSE_IN_RUN_MAX_MS = 60_000;
const DAY_MS = 24 * 60 * 60_000;
/** No request costs more tokens than this: with less left, some can't be sent, and perhaps not even the cheapest. */
const DEAREST_TOKENS = 50;
/** 0.29 x 100 is 28.999999999999996: not to be taken for 28. */
const ROUNDING = 1e-9;

/**
 * A bucket that no reply has told about yet. `readAtMs` is 0, so it never displaces a row that a reply was read into.
 * Limits: `settings.burst` for the bucket `burst`, the budget of config or plan for a day, else the vendor's default.
 */
export function initialBucket(spec: BucketSpec, settings: LimitSettings, nowMs: number): BucketState {
  const state: BucketState = {
    bucket: spec.name,
    kind: spec.kind,
    windowMs: spec.windowMs,
    capacity: null,
    capacityBackground: null,
    remaining: null,
    floorBackground: 0,
    pausedUntilMonoMs: 0,
    pausedBootId: null,
    limit: configuredLimit(spec, settings) ?? spec.defaultLimit,
    usedByOthers: 0,
    periodStartMs: spec.kind === "window" ? nowMs : null,
    resetsAtMs: null,
    readAtMs: 0,
    rateFactor: spec.kind === "window" ? START_FACTOR : 1,
  };
  return withCapacity(state, settings, 0);
}

/**
 * A kept row at the start of a run: today's settings apply, what others used before this window is forgotten until a reply tells,
 * a pause of an earlier boot or of the past is over, and a day that has ended begins anew. Keeps `readAtMs`, so it never displaces what
 * another process read meanwhile; but for a pause so long that it was written down as a hold: that one is lifted for the one
 * request with which a run under a hold asks.
 */
export function resumeBucket(spec: BucketSpec, state: BucketState, settings: LimitSettings, now: Instant): BucketState {
  const next = { ...state, kind: spec.kind, windowMs: spec.windowMs };
  if (spec.kind === "day") return resumeDay(spec, next, settings, now.wallMs);
  const restMs = pausedMs(state, now);
  const paused = restMs > 0 && restMs <= PAUSE_IN_RUN_MAX_MS;
  const ageMs = now.wallMs - state.readAtMs;
  // What a reply told within this very window holds: another process is at work, or the first contact has just been made.
  const fresh = spec.kind === "window" && restMs === 0 && ageMs >= 0 && ageMs < spec.windowMs;
  const resumed: BucketState = {
    ...next,
    readAtMs: restMs > PAUSE_IN_RUN_MAX_MS ? now.wallMs : state.readAtMs,
    limit: configuredLimit(spec, settings) ?? (state.readAtMs > 0 ? state.limit : null) ?? spec.defaultLimit,
    usedByOthers: paused || fresh ? state.usedByOthers : 0,
    pausedUntilMonoMs: paused ? state.pausedUntilMonoMs : 0,
    pausedBootId: paused ? state.pausedBootId : null,
    rateFactor: fresh ? state.rateFactor : gentle(spec, state),
  };
  return withCapacity(resumed, settings, 0);
}

function gentle(spec: BucketSpec, state: BucketState): number {
  return spec.kind === "window" ? Math.min(state.rateFactor, START_FACTOR) : 1;
}

/**
 * Only a request can find out whether a day that was spent has begun anew (or tokens were bought): what is left counts as
 * unknown until it tells. Where others are to be left something and the day's end is known, that end is waited for.
 */
function resumeDay(spec: BucketSpec, state: BucketState, settings: LimitSettings, nowMs: number): BucketState {
  const learned = state.readAtMs > 0 ? learnedLimit(state) : null;
  const limit =
    settings.dailyTokens === null
      ? (learned ?? configuredLimit(spec, settings) ?? spec.defaultLimit)
      : lower(settings.dailyTokens, learned);
  const sized = withCapacity(rollDay({ ...state, limit }, nowMs), settings, 0);
  if (sized.remaining === null) return sized;
  const spent =
    sized.resetsAtMs === null
      ? sized.remaining <= Math.max(sized.floorBackground, DEAREST_TOKENS)
      : sized.remaining <= 0;
  return spent ? { ...sized, remaining: null } : sized;
}

/**
 * The kept limit may be a smaller number that the config gave then. What is left and what others used are by the CRM's own
 * count, so the account has at least that; the next reply tells.
 */
function learnedLimit({ limit, remaining, usedByOthers }: BucketState): number | null {
  return limit === null || remaining === null ? limit : Math.max(limit, remaining + usedByOthers);
}

/** How long no slot may be given yet. A pause of another boot can't be compared and counts as over. */
export function pausedMs(state: BucketState, now: Instant): number {
  if (state.pausedBootId !== now.bootId) return 0;
  return Math.max(0, state.pausedUntilMonoMs - now.monoMs);
}

/** A learned day that has ended: spending counts from its end, and what the CRM has left is unknown until it tells. */
export function rollDay(state: BucketState, nowMs: number): BucketState {
  if (state.resetsAtMs === null || state.resetsAtMs > nowMs) return state;
  const days = Math.floor((nowMs - state.resetsAtMs) / DAY_MS);
  const periodStartMs = state.resetsAtMs + days * DAY_MS;
  return { ...state, periodStartMs, resetsAtMs: periodStartMs + DAY_MS, remaining: null, usedByOthers: 0 };
}

/** What the config says of a bucket's limit; null: learn it. */
export function configuredLimit(
  spec: Pick<BucketSpec, "name" | "kind">,
  settings: Pick<LimitSettings, "burst" | "dailyTokens" | "planDailyTokens">,
): number | null {
  if (spec.kind === "day") return settings.dailyTokens ?? settings.planDailyTokens;
  return spec.name === "burst" ? settings.burst : null;
}

/**
 * Fills in what we may use: our share of the limit, no more than others leave (less `margin` where there are others), and
 * of that the part that a refusal has left us. Always at least one: a bucket that gives nothing could never learn.
 */
export function withCapacity(state: BucketState, settings: LimitSettings, margin: number): BucketState {
  if (state.limit === null) return { ...state, capacity: null, capacityBackground: null, floorBackground: 0 };
  const share = Math.max(1, Math.floor(state.limit * settings.share + ROUNDING));
  if (state.kind === "day") {
    return {
      ...state,
      capacity: share,
      capacityBackground: Math.floor(share * (1 - settings.operationalReserve)),
      floorBackground: Math.ceil(state.limit * (1 - settings.share)),
    };
  }
  const alone = state.usedByOthers === 0 && state.rateFactor >= 1;
  const left = alone ? state.limit : state.limit - state.usedByOthers - margin;
  const capacity = Math.max(1, Math.floor(Math.min(share, left) * state.rateFactor));
  return { ...state, capacity, capacityBackground: null };
}

/** The smaller of two limits, either of which may be unknown. */
export function lower(a: number | null, b: number | null): number | null {
  if (a === null) return b;
  return b === null ? a : Math.min(a, b);
}

/** A limit that can be one: whole, positive and finite. */
export function usableLimit(limit: number | undefined): number | null {
  return limit !== undefined && Number.isFinite(limit) && limit >= 1 ? Math.floor(limit) : null;
}
