import type { BucketSpec, BucketState } from "../domain/quota.ts";
import type { LimitSettings } from "../domain/settings.ts";
import { configuredLimit, lower, rollDay, withCapacity } from "./bucket.ts";
import { RETRY_AFTER_MAX_MS } from "./retry-after.ts";

/**
 * Part of the capacity that a run starts with. Others may be using most of the window, and only the first replies tell;
 * each good reply doubles it.
 */
const START_FACTOR = 0.25;
/**
 * The row of a bucket at the start of a run: new, or the `known` one under today's settings. Limits: `settings.burst` for
 * the bucket `burst`, the budget of config, header or plan for a day, else the vendor's default until a reply tells.
 *
 * A new row has `readAtMs` 0 and a known one keeps its own, so neither displaces what another process read meanwhile. What
 * others used in an earlier run is forgotten, a pause that still runs is kept, and a day that has ended begins anew.
 */
export function initialBucket(
  spec: BucketSpec,
  settings: LimitSettings,
  nowMs: number,
  known: BucketState | null = null,
): BucketState {
  const state = known ?? newBucket(spec, nowMs);
  const named = { ...state, kind: spec.kind, windowMs: spec.windowMs };
  if (spec.kind === "day") return withDay(spec, named, settings, nowMs);
  const ageMs = nowMs - state.readAtMs;
  // No pause is longer than this; without the boot's clock its end can't be told more exactly.
  const pauseOver = ageMs > RETRY_AFTER_MAX_MS;
  const resumed: BucketState = {
    ...named,
    limit: configuredLimit(spec, settings) ?? spec.defaultLimit,
    usedByOthers: 0,
    pausedUntilMonoMs: pauseOver ? 0 : state.pausedUntilMonoMs,
    pausedBootId: pauseOver ? null : state.pausedBootId,
    rateFactor: spec.kind === "window" ? Math.min(state.rateFactor, START_FACTOR) : 1,
  };
  return withCapacity(resumed, settings, 0);
}

function newBucket(spec: BucketSpec, nowMs: number): BucketState {
  return {
    bucket: spec.name,
    kind: spec.kind,
    windowMs: spec.windowMs,
    capacity: null,
    capacityBackground: null,
    remaining: null,
    floorBackground: 0,
    pausedUntilMonoMs: 0,
    pausedBootId: null,
    limit: null,
    usedByOthers: 0,
    periodStartMs: spec.kind === "window" ? nowMs : null,
    resetsAtMs: null,
    readAtMs: 0,
    rateFactor: 1,
  };
}

/** Where no reset was ever seen, only a request can find out whether a day that was spent has begun anew. */
function withDay(spec: BucketSpec, state: BucketState, settings: LimitSettings, nowMs: number): BucketState {
  const learned = state.readAtMs > 0 ? state.limit : null;
  const limit =
    settings.dailyTokens === null
      ? (learned ?? configuredLimit(spec, settings) ?? spec.defaultLimit)
      : lower(settings.dailyTokens, learned);
  const sized = withCapacity(rollDay({ ...state, limit }, nowMs), settings, 0);
  const spent = sized.remaining !== null && sized.remaining <= sized.floorBackground;
  return spent && sized.resetsAtMs === null ? { ...sized, remaining: null } : sized;
}
