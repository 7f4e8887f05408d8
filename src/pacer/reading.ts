/**
 * Takes what replies say about limits into the bucket rows. The server is right: its headers and refusals correct our own
 * count. Nothing here reads a clock or the ledger.
 */
import type { BucketState, BucketUse, Charge, LimitReading } from "../domain/quota.ts";
import type { LimitSettings } from "../domain/settings.ts";
import { type Instant, usableLimit, withCapacity } from "./bucket.ts";
import { applyDayReading } from "./day.ts";
import { applyWindowReading } from "./window.ts";

/** About the request whose reply is read. */
export interface ReplyContext {
  /** When its first byte left, monotonic ms of this boot. */
  sentMonoMs: number;
  /** By bucket: the most slots taken since it was sent, itself included (`TurnResult.use`). Absent: the present use serves. */
  usedAtMost?: Readonly<Record<string, number>>;
  /** By bucket: amount of our requests that are still under way, this one not. Absent: none. */
  inFlight?: Readonly<Record<string, number>>;
}

/** The row after one reading; `burstHold` and `dailyRefusalHold` say whether it calls for a hold. */
export function applyReading(
  state: BucketState,
  use: BucketUse,
  reading: LimitReading,
  settings: LimitSettings,
  now: Instant,
  context: ReplyContext,
): BucketState {
  if (state.kind === "day") {
    return applyDayReading(state, use, reading, settings, now.wallMs, context.inFlight?.[state.bucket] ?? 0);
  }
  if (state.kind === "window") {
    // What was taken after the reply came, the server had not counted: it must not be taken for part of its count.
    const ours = context.usedAtMost?.[state.bucket] ?? use.used;
    const inFlight = context.inFlight?.[state.bucket] ?? 0;
    return applyWindowReading(state, reading, settings, now, { sentMonoMs: context.sentMonoMs, ours, inFlight });
  }
  const limit = usableLimit(reading.limit) ?? state.limit;
  return withCapacity({ ...state, limit, readAtMs: now.wallMs }, settings, 0);
}

/**
 * The changed rows after a reply to a request with these charges. A window of which the reply says nothing still learns
 * that the request was not refused, which is how the pace grows where a CRM sends no headers: so this is to be called for
 * every reply that came, also for one without readings.
 */
export function applyReply(
  states: readonly BucketState[],
  use: readonly BucketUse[],
  charges: readonly Charge[],
  readings: readonly LimitReading[],
  settings: LimitSettings,
  now: Instant,
  context: ReplyContext,
): BucketState[] {
  const refused = readings.some((reading) => reading.exceeded);
  const changed: BucketState[] = [];
  for (const state of states) {
    const own = readings.filter((reading) => reading.bucket === state.bucket);
    const charged = charges.some((charge) => charge.bucket === state.bucket);
    // A request that another bucket refused was never counted against this one: its silence says nothing.
    if (own.length === 0 && (!charged || refused || state.kind !== "window")) continue;
    const known = use.find((row) => row.bucket === state.bucket) ?? unused(state.bucket);
    const all = own.length > 0 ? own : [{ bucket: state.bucket }];
    changed.push(all.reduce((row, reading) => applyReading(row, known, reading, settings, now, context), state));
  }
  return changed;
}

function unused(bucket: string): BucketUse {
  return { bucket, used: 0, usedByLane: { operational: 0, background: 0 }, nextFreeMonoMs: null };
}
