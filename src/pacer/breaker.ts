/**
 * A circuit breaker as pure functions over a saved row: after too high a rate of failures a group of operations is left
 * alone for a while and then tried with one probe. State is the ledger's, so it survives runs.
 */
import type { OperationGroup } from "../domain/operation.ts";
import type { BreakerSettings } from "../domain/settings.ts";

/** Shaped as the ledger's row. `recent` is oldest first, true for a failure. */
export interface Breaker {
  group: OperationGroup;
  state: "closed" | "open" | "halfOpen";
  openedAtMs: number | null;
  recent: boolean[];
  /** Openings without a success between; absent: none. */
  openings?: number;
}

/** Below this number of outcomes a failure rate says nothing. */
const OUTCOMES_MIN = 10;
/** An outage that lasts is asked about ever more rarely, up to this many times the cooldown. */
const COOLDOWN_FACTOR_MAX = 32;

export function closedBreaker(group: OperationGroup): Breaker {
  return { group, state: "closed", openedAtMs: null, recent: [] };
}

/**
 * Takes in one outcome. Closed: opens once at least 10 outcomes (or a whole window, if that is smaller) are known and
 * `failureRate` of the last `window` failed. Open or half open: a success closes it with an empty memory, a failure opens
 * it again, for twice as long as before.
 */
export function recordOutcome(breaker: Breaker, failed: boolean, settings: BreakerSettings, nowMs: number): Breaker {
  if (breaker.state !== "closed") return failed ? opened(breaker, nowMs) : closedBreaker(breaker.group);
  const window = Math.max(1, settings.window);
  const recent = [...breaker.recent, failed].slice(-window);
  const failures = recent.filter(Boolean).length;
  const known = recent.length >= Math.min(OUTCOMES_MIN, window);
  const next = { ...breaker, recent };
  return known && failed && failures / recent.length >= settings.failureRate ? opened(next, nowMs) : next;
}

function opened(breaker: Breaker, nowMs: number): Breaker {
  return { ...breaker, state: "open", openedAtMs: nowMs, openings: (breaker.openings ?? 0) + 1 };
}

/** How long a breaker that was opened now stays open before one probe may leave. */
export function cooldownMs({ openings = 1 }: Pick<Breaker, "openings">, settings: BreakerSettings): number {
  return settings.cooldownMs * Math.min(COOLDOWN_FACTOR_MAX, 2 ** Math.max(0, openings - 1));
}
