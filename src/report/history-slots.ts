import {
  addDelays,
  type DelayCounts,
  delayQuantile,
  delaysBetween,
  risen,
  type Sample,
  type Sums,
} from "../domain/sample.ts";
import type { Lane } from "../domain/submission.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** How far back a chart looks: its points, and the coarser rows of its table. */
export interface Range {
  id: "day" | "week" | "month";
  label: string;
  spanMs: number;
  slotMs: number;
  rowMs: number;
}

export const RANGES: readonly Range[] = [
  { id: "day", label: "24 hours", spanMs: DAY_MS, slotMs: 10 * MINUTE_MS, rowMs: HOUR_MS },
  { id: "week", label: "7 days", spanMs: 7 * DAY_MS, slotMs: HOUR_MS, rowMs: 6 * HOUR_MS },
  { id: "month", label: "30 days", spanMs: 30 * DAY_MS, slotMs: 4 * HOUR_MS, rowMs: DAY_MS },
];

/** How things stood in a part of the time. `last` is null where no run told: what was there then is not known. */
export interface Slot {
  fromMs: number;
  toMs: number;
  /** The newest of its samples, or the one before it where runs are only a little further apart than slots. */
  last: Sample | null;
  waiting: number | null;
  failed: number | null;
  oldestSeconds: number | null;
  /** What happened in it; what happened since a run long before is told by the first run after it. */
  rise: Sums;
  delays: Record<Lane, DelayCounts>;
}

const NOTHING: Sums = { requests: 0, rateLimited: 0, retried: 0, tokens: 0, delivered: 0, failed: 0 };

/** Samples oldest first, the last one before the range among them. The newest slot ends now. */
export function slotsOf(samples: readonly Sample[], nowMs: number, spanMs: number, slotMs: number): Slot[] {
  const slots = emptySlots(nowMs, spanMs, slotMs);
  const fromMs = slots[0]!.fromMs;
  const reachMs = Math.max(2 * slotMs, 3 * usualDistance(samples));
  for (const [index, sample] of samples.entries()) {
    const next = samples[index + 1];
    if (sample.atMs >= fromMs && sample.atMs <= nowMs) {
      tell(slots[slotAt(sample.atMs)]!, samples[index - 1] ?? null, sample);
    }
    const untilMs = Math.min(next?.atMs ?? nowMs, nowMs);
    if (untilMs - sample.atMs <= reachMs) carry(sample, untilMs);
  }
  return slots;

  function slotAt(atMs: number): number {
    return Math.min(slots.length - 1, Math.floor((atMs - fromMs) / slotMs));
  }
  /** Between two runs that are no further apart than usual things stood as the first one left them. */
  function carry(sample: Sample, untilMs: number): void {
    for (let index = Math.max(0, slotAt(sample.atMs) + 1); index <= slotAt(untilMs); index += 1)
      stand(slots[index]!, sample, false);
  }
}

function emptySlots(nowMs: number, spanMs: number, slotMs: number): Slot[] {
  return Array.from({ length: Math.round(spanMs / slotMs) }, (_, index) => {
    const fromMs = nowMs - spanMs + index * slotMs;
    const known = { last: null, waiting: null, failed: null, oldestSeconds: null };
    return { fromMs, toMs: fromMs + slotMs, ...known, rise: NOTHING, delays: { operational: {}, background: {} } };
  });
}

function tell(slot: Slot, before: Sample | null, sample: Sample): void {
  stand(slot, sample, true);
  const rise = risen(before?.sums ?? null, sample.sums);
  slot.rise = {
    requests: slot.rise.requests + rise.requests,
    rateLimited: slot.rise.rateLimited + rise.rateLimited,
    retried: slot.rise.retried + rise.retried,
    tokens: slot.rise.tokens + rise.tokens,
    delivered: slot.rise.delivered + rise.delivered,
    failed: slot.rise.failed + rise.failed,
  };
  const lane = (name: Lane): DelayCounts =>
    addDelays(slot.delays[name], delaysBetween(before?.delays[name] ?? {}, sample.delays[name]));
  slot.delays = { operational: lane("operational"), background: lane("background") };
}

/** `worst`: of all samples that this one stands for; else how things stood at its own instant. */
function stand(slot: Slot, sample: Sample, worst: boolean): void {
  slot.last = sample;
  const { waiting, failed, oldestSeconds } = worst ? sample.worst : endOf(sample);
  slot.waiting = Math.max(slot.waiting ?? 0, waiting);
  slot.failed = Math.max(slot.failed ?? 0, failed);
  slot.oldestSeconds = Math.max(slot.oldestSeconds ?? 0, oldestSeconds);
}

function endOf({ queue, oldestSeconds }: Sample): { waiting: number; failed: number; oldestSeconds: number } {
  const waiting = queue.pending + queue.waiting + queue.inProgress + queue.uncertain;
  return { waiting, failed: queue.failed, oldestSeconds: oldestSeconds ?? 0 };
}

/** The middle one of the distances between samples. */
function usualDistance(samples: readonly Sample[]): number {
  const distances = samples.slice(1).map((sample, index) => sample.atMs - samples[index]!.atMs);
  distances.sort((one, other) => one - other);
  return distances[Math.floor(distances.length / 2)] ?? 0;
}

/** The lane whose delays are of interest: that in which somebody waits, unless nothing was delivered in it. */
export function shownLane(slots: readonly Slot[]): Lane {
  const has = (lane: Lane): boolean => slots.some((slot) => Object.keys(slot.delays[lane]).length > 0);
  return !has("operational") && has("background") ? "background" : "operational";
}

/** The delays of several slots together, in seconds. */
export function delayOf(slots: readonly Slot[], lane: Lane): { p50: number | null; p95: number | null; n: number } {
  const all = slots.reduce<DelayCounts>((sum, slot) => addDelays(sum, slot.delays[lane]), {});
  const n = Object.values(all).reduce((sum, one) => sum + one, 0);
  return { p50: delayQuantile(all, 0.5), p95: delayQuantile(all, 0.95), n };
}
