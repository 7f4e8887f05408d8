import type { BucketState } from "../domain/quota.ts";
import type { LimitSettings } from "../domain/settings.ts";

const CONCURRENCY_MIN = 4;
const CONCURRENCY_MAX = 64;
/** Requests in flight beyond rate x round trip, so that one slow reply does not leave the window idle. */
const HEADROOM = 1.25;

/**
 * How many requests to keep in flight: rate x round trip (Little's law) with headroom, 4 to 64; a configured number wins, and no
 * known limit gives the most.
 * More would only wait for slots, fewer could not fill the window.
 */
export function concurrencyFor(
  settings: Pick<LimitSettings, "concurrency">,
  ratePerSecond: number | null,
  roundTripMs: number,
): number {
  if (settings.concurrency !== null) return Math.max(1, Math.floor(settings.concurrency));
  if (ratePerSecond === null) return CONCURRENCY_MAX;
  const wanted = Math.ceil((ratePerSecond * roundTripMs * HEADROOM) / 1000);
  if (Number.isNaN(wanted)) return CONCURRENCY_MIN;
  return Math.min(CONCURRENCY_MAX, Math.max(CONCURRENCY_MIN, wanted));
}

/**
 * Requests a second that a window bucket lets through: a slot comes back one window after its response ended, so each slot
 * turns once in window + round trip. Null where the bucket has no limit.
 */
export function ratePerSecond(state: Pick<BucketState, "capacity" | "windowMs">, roundTripMs: number): number | null {
  if (state.capacity === null) return null;
  return (state.capacity * 1000) / (state.windowMs + Math.max(0, roundTripMs));
}

/** Seconds that `requests` take at a bucket's pace: the first window's worth goes at once. For plans, not for pacing. */
export function secondsFor(
  requests: number,
  state: Pick<BucketState, "capacity" | "windowMs">,
  roundTripMs: number,
): number {
  const rate = ratePerSecond(state, roundTripMs);
  if (requests <= 0) return 0;
  const queued = rate === null ? 0 : Math.max(0, requests - state.capacity!) / rate;
  return queued + roundTripMs / 1000;
}
