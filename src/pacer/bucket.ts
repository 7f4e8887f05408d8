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

const DAY_MS = 24 * 60 * 60_000;
/** 0.29 x 100 is 28.999999999999996: not to be taken for 28. */
const ROUNDING = 1e-9;

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
  const left = state.usedByOthers > 0 ? state.limit - state.usedByOthers - margin : state.limit;
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
