/** Rolling windows: the burst limits of a credential. */
import type { Hold } from "../domain/hold.ts";
import type { BucketState, LimitReading } from "../domain/quota.ts";
import type { LimitSettings } from "../domain/settings.ts";
import {
  configuredLimit,
  type Instant,
  lower,
  PAUSE_IN_RUN_MAX_MS,
  pausedMs,
  usableLimit,
  withCapacity,
} from "./bucket.ts";
import { plausibleWait } from "./retry-after.ts";

const FACTOR_MIN = 0.1;
/** Three refused windows in a row halve 1 down to this; to go on would ask for a block of the whole account. */
const FACTOR_HOLD = 0.125;
const HOLD_MS = 60_000;
/** What a reply that tells of room lifts the rate to at once, so that refused windows count only in a row. */
const FACTOR_ROOM = 0.3;
/** A CRM whose window is seconds long and that asks for more than this means something else, or nothing. */
const WISH_MAX_MS = 60 * 60_000;
/** Part of the window that is left free beside others, so that they can grow and be seen to. */
const SLACK = 0.05;
/** A full window keeps others out, and what they would use can't be seen: they are believed to want this much more. */
const HIDDEN = 0.15;
/** Part of what is under way that the server had not counted yet, so that others may use that much more than it seems. */
const UNSEEN = 0.5;
/** Part of what others no longer use that is taken back each window; where nobody is seen any more, all within three of them. */
const SINK = 0.5;
const SINK_GONE = 0.75;
/** Windows of good replies until a halved rate is whole again, with and without headers that tell what is left. */
const RECOVERY_WINDOWS_INFORMED = 2;
const RECOVERY_WINDOWS_BLIND = 8;

/** What is known of a request whose reply is read. */
export interface WindowReply {
  sentMonoMs: number;
  /** The most slots taken at once since it was sent, itself included. */
  ours: number;
  /** Our requests that are still under way. */
  inFlight: number;
}

/** The row after a reply to a request that was charged to this window. */
export function applyWindowReading(
  state: BucketState,
  reading: LimitReading,
  settings: LimitSettings,
  now: Instant,
  reply: WindowReply,
): BucketState {
  const configured = configuredLimit({ name: state.bucket, kind: "window" }, settings);
  const read = usableLimit(reading.limit);
  const limit = read === null ? state.limit : lower(configured, read);
  const told = { ...state, limit, readAtMs: now.wallMs };
  if (reading.exceeded) return withCapacity(refused(told, reading, now, reply.sentMonoMs), settings, 1);
  const roundTripMs = Math.max(0, now.monoMs - reply.sentMonoMs);
  const seen = withOthers(told, reply.ours, reading, now.wallMs, roundTripMs);
  return withCapacity(grown(seen, reading, settings), settings, slack(limit) + Math.ceil(reply.inFlight * UNSEEN));
}

/**
 * A 429: the credential rests for a window at least, then goes on at half the rate. Requests of one burst are refused
 * together, so those that were sent before the pause began only lengthen it.
 */
function refused(state: BucketState, reading: LimitReading, now: Instant, sentMonoMs: number): BucketState {
  const wishes = [reading.retryAfterMs, reading.resetMs].map((ms) => plausibleWait(ms, WISH_MAX_MS) ?? 0);
  const wishedMs = Math.max(...wishes);
  // Counted from the last refusal: a server may count refused requests too.
  const untilMonoMs = now.monoMs + Math.max(state.windowMs, wishedMs);
  const sameBoot = state.pausedBootId === now.bootId;
  const sameBurst = sameBoot && sentMonoMs < state.pausedUntilMonoMs;
  return {
    ...state,
    pausedUntilMonoMs: Math.max(sameBoot ? state.pausedUntilMonoMs : 0, untilMonoMs),
    pausedBootId: now.bootId,
    rateFactor: sameBurst ? state.rateFactor : Math.max(FACTOR_MIN, state.rateFactor / 2),
  };
}

/**
 * What other clients of the credential use, from the server's count less ours. Our log holds every request at least as long
 * as the server does, so the difference is never too high, but often too low by what is under way: the highest of a window
 * counts (`periodStartMs` says since when it stands), and it sinks by part of the difference a window.
 */
function withOthers(
  state: BucketState,
  ours: number,
  reading: LimitReading,
  nowMs: number,
  roundTripMs: number,
): BucketState {
  const total = usableLimit(reading.limit) ?? state.limit;
  const slow = roundTripMs > state.windowMs / 2;
  // A slow reply tells of a window that our present count no longer knows.
  if (reading.remaining === undefined || !(reading.remaining >= 0) || total === null || slow) return state;
  const seen = Math.max(0, Math.floor(total - reading.remaining - ours));
  const crowded = seen > 0 && reading.remaining < slack(total);
  const estimate = seen + (crowded ? Math.ceil(total * HIDDEN) : 0);
  if (estimate >= state.usedByOthers) return { ...state, usedByOthers: estimate, periodStartMs: nowMs };
  const heldMs = nowMs - (state.periodStartMs ?? 0);
  if (heldMs >= 0 && heldMs < state.windowMs) return state;
  const sink = estimate === 0 ? SINK_GONE : SINK;
  return {
    ...state,
    usedByOthers: Math.floor(state.usedByOthers + (estimate - state.usedByOthers) * sink),
    periodStartMs: nowMs,
  };
}

function slack(limit: number | null): number {
  return Math.max(1, Math.ceil((limit ?? 0) * SLACK));
}

/** The rate grows with each good reply: doubling at the start of a run, in small steps after a refusal. */
function grown(state: BucketState, reading: LimitReading, settings: LimitSettings): BucketState {
  if (state.rateFactor >= 1) return state;
  if (state.pausedUntilMonoMs === 0) return { ...state, rateFactor: Math.min(1, state.rateFactor * 2) };
  const whole = Math.max(1, Math.floor((state.limit ?? 1) * settings.share));
  const told = reading.remaining !== undefined && reading.remaining >= slack(state.limit);
  const step = 1 / ((told ? RECOVERY_WINDOWS_INFORMED : RECOVERY_WINDOWS_BLIND) * whole);
  return { ...state, rateFactor: Math.min(1, Math.max(state.rateFactor + step, told ? FACTOR_ROOM : 0)) };
}

/**
 * The hold that a refusal calls for, or null where the pause is enough: after three refused windows in a row, or where the
 * CRM wants a longer pause than a run should sleep. To be asked with the row before and after each reading.
 */
export function burstHold(before: BucketState, after: BucketState, now: Instant): Hold | null {
  const restMs = pausedMs(after, now);
  if (restMs <= pausedMs(before, now)) return null;
  if (restMs > PAUSE_IN_RUN_MAX_MS) return hold(now, restMs, "the CRM asks this token to wait");
  // The gentle start is as slow as that too: a run's first refusal is no row of them.
  if (before.pausedUntilMonoMs === 0 || after.rateFactor > FACTOR_HOLD) return null;
  return hold(now, HOLD_MS, "the CRM keeps refusing this token's requests as too fast, also at a lower rate");
}

function hold(now: Instant, forMs: number, why: string): Hold {
  return {
    kind: "burst",
    scope: "credential",
    untilMs: now.wallMs + forMs,
    probe: true,
    message: `${why}: nothing is sent for ${Math.round(forMs / 1000)} s. Another program may be using the same token.`,
  };
}
