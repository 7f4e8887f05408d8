/**
 * A server that counts requests by arrival over a rolling window, a network with jitter, other clients on the same token,
 * and a ledger's sliding log that gives a slot back one window after its response ended: all on a virtual clock. What the
 * client may send is decided by the real pacer's rows only.
 */
import type { BucketSpec, BucketState, BucketUse, LimitReading } from "../../src/domain/quota.ts";
import type { LimitSettings } from "../../src/domain/settings.ts";
import { initialBucket } from "../../src/pacer/bucket.ts";
import { applyReply } from "../../src/pacer/reading.ts";

export const BURST: BucketSpec = {
  name: "burst",
  kind: "window",
  scope: "credential",
  windowMs: 2_000,
  defaultLimit: 20,
};

export const LIMITS: LimitSettings = {
  burst: null,
  dailyTokens: null,
  planDailyTokens: null,
  share: 0.8,
  operationalReserve: 0.2,
  concurrency: null,
  backfill: 1_000,
};

export interface ModelOptions {
  limit: number;
  seconds: number;
  /** Part of the window that others use, by time. They are refused like anyone else. */
  others: (tMs: number) => number;
  /** One-way delays in ms. */
  delayMin: number;
  delayMax: number;
  headers: boolean;
  random: () => number;
  settings?: LimitSettings;
}

export interface ModelResult {
  /** Arrival times of ours that were served, and of ours that were refused. */
  served: number[];
  refused: number[];
  othersRefused: number;
  /** The most that the server counted of us in any rolling window. */
  mostOfOurs: number;
  state: BucketState;
}

interface Slot {
  endedMs: number | null;
  /** The most slots that were taken at once while it was under way. */
  usedAtMost: number;
}

const TICK_MS = 5;

export function runModel(options: ModelOptions): ModelResult {
  const settings = options.settings ?? LIMITS;
  const { random, limit } = options;
  const windowMs = BURST.windowMs;
  let state = initialBucket(BURST, settings, 0);
  let slots: Slot[] = [];
  let counted: number[] = [];
  const result: ModelResult = { served: [], refused: [], othersRefused: 0, mostOfOurs: 0, state };
  const events: { atMs: number; run: () => void }[] = [];
  const at = (atMs: number, run: () => void) => {
    let index = events.length;
    while (index > 0 && events[index - 1]!.atMs > atMs) index -= 1;
    events.splice(index, 0, { atMs, run });
  };
  const delay = () => options.delayMin + random() * (options.delayMax - options.delayMin);

  const arrive = (nowMs: number): { ok: boolean; remaining: number } => {
    counted = counted.filter((then) => then > nowMs - windowMs);
    if (counted.length >= limit) return { ok: false, remaining: 0 };
    counted.push(nowMs);
    return { ok: true, remaining: limit - counted.length };
  };

  const use = (nowMs: number): BucketUse => {
    slots = slots.filter((slot) => slot.endedMs === null || slot.endedMs + windowMs > nowMs);
    const used = slots.length;
    return { bucket: "burst", used, usedByLane: { operational: used, background: 0 }, nextFreeMonoMs: null };
  };

  const send = (nowMs: number) => {
    const slot: Slot = { endedMs: null, usedAtMost: 0 };
    slots.push(slot);
    for (const open of slots) open.usedAtMost = Math.max(open.usedAtMost, slots.length);
    const arrivesMs = nowMs + delay();
    at(arrivesMs, () => {
      const { ok, remaining } = arrive(arrivesMs);
      (ok ? result.served : result.refused).push(arrivesMs);
      const endsMs = arrivesMs + delay();
      at(endsMs, () => {
        slot.endedMs = endsMs;
        const now = { wallMs: Math.round(endsMs), monoMs: endsMs, bootId: "boot" };
        const told: LimitReading = options.headers ? { bucket: "burst", limit, remaining } : { bucket: "burst" };
        const readings = ok ? (options.headers ? [told] : []) : [{ ...told, exceeded: true }];
        const charges = [{ bucket: "burst", amount: 1 }];
        const inFlight = { burst: slots.filter((other) => other.endedMs === null).length };
        const context = { sentMonoMs: nowMs, usedAtMost: { burst: slot.usedAtMost }, inFlight };
        [state] = applyReply([state], [use(endsMs)], charges, readings, settings, now, context) as [BucketState];
      });
    });
  };

  let othersDebt = 0;
  // Others were there before us.
  for (let nowMs = -2 * windowMs; nowMs < options.seconds * 1000; nowMs += TICK_MS) {
    while (events.length > 0 && events[0]!.atMs <= nowMs) events.shift()!.run();
    othersDebt += (2 * random() * options.others(nowMs) * limit * TICK_MS) / windowMs;
    for (; othersDebt >= 1; othersDebt -= 1) if (!arrive(nowMs).ok) result.othersRefused += 1;
    if (nowMs < 0) continue;
    if (state.pausedUntilMonoMs > nowMs) continue;
    while (use(nowMs).used < Math.floor(state.capacity ?? Number.POSITIVE_INFINITY)) send(nowMs);
  }
  return { ...result, mostOfOurs: mostWithin([...result.served, ...result.refused], windowMs), state };
}

/** The largest number of instants in any half-open rolling window. */
export function mostWithin(instants: number[], windowMs: number): number {
  const sorted = [...instants].sort((a, b) => a - b);
  let first = 0;
  let most = 0;
  for (const [index, instant] of sorted.entries()) {
    while (sorted[first]! <= instant - windowMs) first += 1;
    most = Math.max(most, index - first + 1);
  }
  return most;
}
