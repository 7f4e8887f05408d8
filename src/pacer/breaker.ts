/**
 * A circuit breaker as pure functions over a saved row: after too many failures in a row of outcomes, a group of
 * operations is left alone for a while and then tried with one probe. State is the ledger's, so it survives runs.
 */
import type { OperationGroup } from "../domain/operation.ts";
import type { BreakerSettings } from "../domain/settings.ts";

/** Shaped as the ledger's row. `recent` is oldest first, true for a failure. */
export interface Breaker {
  group: OperationGroup;
  state: "closed" | "open" | "halfOpen";
  openedAtMs: number | null;
  recent: boolean[];
}

/** Below this number of outcomes a failure rate says nothing. */
const OUTCOMES_MIN = 10;

export function closedBreaker(group: OperationGroup): Breaker {
  return { group, state: "closed", openedAtMs: null, recent: [] };
}

/**
 * Takes in one outcome. Closed: opens once at least 10 outcomes (or a whole window, if that is smaller) are known and
 * `failureRate` of the last `window` failed. Open or half open: a success closes it with an empty memory, a failure starts
 * the cooldown again.
 */
export function recordOutcome(breaker: Breaker, failed: boolean, settings: BreakerSettings, nowMs: number): Breaker {
  if (breaker.state !== "closed") {
    if (!failed) return closedBreaker(breaker.group);
    return { ...breaker, state: "open", openedAtMs: nowMs };
  }
  const window = Math.max(1, settings.window);
  const recent = [...breaker.recent, failed].slice(-window);
  const failures = recent.filter(Boolean).length;
  const known = recent.length >= Math.min(OUTCOMES_MIN, window);
  if (known && failed && failures / recent.length >= settings.failureRate) {
    return { ...breaker, state: "open", openedAtMs: nowMs, recent };
  }
  return { ...breaker, recent };
}

export interface Permission {
  /** `probe`: this one request finds out; nothing else may go until its outcome is recorded. */
  verdict: "yes" | "probe" | "no";
  /** The breaker as it is to be kept when the permission is used. */
  breaker: Breaker;
  /** For `no`: when to ask again. UTC ms. */
  retryAtMs: number | null;
}

/**
 * Whether a request of the group may go. A probe whose outcome never came (its process died) is given again after
 * another cooldown, so a breaker can't stay half open for ever.
 */
export function mayTry(breaker: Breaker, settings: BreakerSettings, nowMs: number): Permission {
  if (breaker.state === "closed") return { verdict: "yes", breaker, retryAtMs: null };
  const openedAtMs = breaker.openedAtMs ?? 0;
  // A wall clock that was set back must not lengthen the cooldown.
  const elapsedMs = nowMs < openedAtMs ? settings.cooldownMs : nowMs - openedAtMs;
  if (elapsedMs < settings.cooldownMs) {
    return { verdict: "no", breaker, retryAtMs: openedAtMs + settings.cooldownMs };
  }
  return { verdict: "probe", breaker: { ...breaker, state: "halfOpen", openedAtMs: nowMs }, retryAtMs: null };
}
