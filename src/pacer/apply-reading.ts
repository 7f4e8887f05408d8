/**
 * Takes what replies say about limits into the bucket rows. The server is right: its headers and refusals correct our own
 * count. Nothing here reads a clock or the ledger.
 */
import type { Hold } from "../domain/hold.ts";
import type { BucketState, BucketUse, Charge, LimitReading } from "../domain/quota.ts";
import type { LimitSettings } from "../domain/settings.ts";
import { type Instant, usableLimit, withCapacity } from "./bucket.ts";
import { applyDayReading, dailyRefusalHold } from "./day.ts";
import { applyWindowReading, burstHold } from "./window.ts";

/** About the request whose reply is read. */
export interface Reading {
  /** When its first byte left, monotonic ms of this boot. */
  sentMonoMs: number;
  /** By bucket: slots taken when it was sent, itself included (`TurnResult.use`). Absent: the present use serves. */
  usedAtSend?: Readonly<Record<string, number>>;
  /** By bucket: amount of our requests that are still under way, this one not. Absent: none. */
  inFlight?: Readonly<Record<string, number>>;
}

/** The row after a reply, and the hold that the reply calls for; null for none. */
export interface Learned {
  state: BucketState;
  hold: Hold | null;
}

/**
 * The row after one reading. A reading with nothing but its bucket's name says that the request was not refused, which is
 * how the pace grows where a CRM sends no headers. `use` null: nothing was counted yet.
 */
export function applyReading(
  state: BucketState,
  use: BucketUse | null,
  reading: LimitReading,
  settings: LimitSettings,
  now: Instant,
  sent: Reading,
): Learned {
  const known = use ?? unused(state.bucket);
  if (state.kind === "day") {
    const next = applyDayReading(state, known, reading, settings, now.wallMs, sent.inFlight?.[state.bucket] ?? 0);
    return { state: next, hold: reading.exceeded ? dailyRefusalHold(next, now.wallMs) : null };
  }
  if (state.kind === "window") {
    const ours = Math.max(known.used, sent.usedAtSend?.[state.bucket] ?? 0);
    const next = applyWindowReading(state, ours, reading, settings, now, sent.sentMonoMs);
    return { state: next, hold: reading.exceeded ? burstHold(state, next, now) : null };
  }
  const limit = usableLimit(reading.limit) ?? state.limit;
  return { state: withCapacity({ ...state, limit, readAtMs: now.wallMs }, settings, 0), hold: null };
}

/**
 * The readings to apply after a reply: those that it carried, and for each other window that the request was charged to an
 * empty one. A request that was refused was never counted, so its silence about a bucket says nothing.
 */
export function withSilent(
  readings: readonly LimitReading[],
  charges: readonly Charge[],
  windows: readonly string[],
): LimitReading[] {
  if (readings.some((reading) => reading.exceeded)) return [...readings];
  const silent = charges
    .map((charge) => charge.bucket)
    .filter((bucket) => windows.includes(bucket) && !readings.some((reading) => reading.bucket === bucket));
  return [...readings, ...silent.map((bucket) => ({ bucket }))];
}

function unused(bucket: string): BucketUse {
  return { bucket, used: 0, usedByLane: { operational: 0, background: 0 }, nextFreeMonoMs: null };
}
