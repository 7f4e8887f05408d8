/** Quiet hours: windows of local time in which nothing new is begun. Days are a zone's own, so changes of its clock are in them. */
import { createRequire } from "node:module";
import type { DateTime as Moment } from "luxon";
import type { QuietHours, QuietSettings, QuietWindow } from "../domain/settings.ts";
import type { Lane } from "../domain/submission.ts";

interface Span {
  fromMs: number;
  toMs: number;
}

const DAY_MINUTES = 1_440;
/** Windows that follow each other are one wait; the config refuses those that never end. */
const JOINED_MAX = 64;
/** Nothing is late or not for what it waited earlier than that. */
const LOOK_BACK_MS = 92 * 86_400_000;

/** Spans of all windows that touch the time from `fromMs` to `toMs`, by their begin; they may overlap. */
function spansOf(quiet: QuietHours, fromMs: number, toMs: number): Span[] {
  // Loaded by who has quiet hours: it takes longer than the whole start of a command.
  const { DateTime } = createRequire(import.meta.url)("luxon") as typeof import("luxon");
  const zone = quiet.timezone;
  // A time that comes twice, when the clock is set back, begins with the first and ends with the second.
  const at = (day: Moment, minute: number, which: "min" | "max"): number => {
    const date = minute >= DAY_MINUTES ? day.plus({ days: 1 }) : day;
    const { year, month, day: ofMonth } = date;
    const hour = Math.floor((minute % DAY_MINUTES) / 60);
    const time = DateTime.fromObject({ year, month, day: ofMonth, hour, minute: minute % 60 }, { zone });
    return Math[which](...time.getPossibleOffsets().map((one) => one.toMillis()));
  };
  const spans: Span[] = [];
  const last = DateTime.fromMillis(toMs, { zone });
  // One that began the day before may last until now.
  for (let day = DateTime.fromMillis(fromMs, { zone }).minus({ days: 1 }).startOf("day"); day <= last; ) {
    for (const window of quiet.windows) {
      if (!window.days.includes(day.weekday)) continue;
      spans.push({ fromMs: at(day, window.fromMinute, "min"), toMs: at(day, endMinute(window), "max") });
    }
    day = day.plus({ days: 1 });
  }
  return spans.filter((span) => span.toMs > fromMs && span.fromMs <= toMs).sort((a, b) => a.fromMs - b.fromMs);
}

/** Minutes from the begin of the window's first day: past midnight where it ends on the next one. */
function endMinute({ fromMinute, toMinute }: QuietWindow): number {
  return toMinute > fromMinute ? toMinute : toMinute + DAY_MINUTES;
}

/** When the quiet hours that are now end, UTC ms; null: it is none of them. */
export function quietUntil(quiet: QuietHours, nowMs: number): number | null {
  let untilMs = nowMs;
  for (let joined = 0; joined < JOINED_MAX; joined += 1) {
    const span = spansOf(quiet, untilMs, untilMs).find(({ fromMs, toMs }) => fromMs <= untilMs && untilMs < toMs);
    if (span === undefined) break;
    untilMs = span.toMs;
  }
  return untilMs === nowMs ? null : untilMs;
}

/** How much of a time is quiet by any of these. */
export function quietMsBetween(all: readonly QuietHours[], fromMs: number, toMs: number): number {
  const since = Math.max(fromMs, toMs - LOOK_BACK_MS);
  const spans = all.flatMap((quiet) => spansOf(quiet, since, toMs)).sort((a, b) => a.fromMs - b.fromMs);
  let sum = 0;
  let countedTo = since;
  for (const span of spans) {
    const from = Math.max(span.fromMs, countedTo);
    const to = Math.min(span.toMs, toMs);
    if (to <= from) continue;
    sum += to - from;
    countedTo = to;
  }
  return sum;
}

/** What is quiet now, and until when (UTC ms). */
export interface QuietNow {
  sources: ReadonlyMap<string, number>;
  lanes: ReadonlyMap<Lane, number>;
}

export function quietNow(settings: QuietSettings | undefined, nowMs: number): QuietNow {
  return { sources: untils(settings?.sources, nowMs), lanes: untils(settings?.lanes, nowMs) };
}

function untils<K extends string>(hours: Partial<Record<K, QuietHours>> | undefined, nowMs: number): Map<K, number> {
  const found = new Map<K, number>();
  for (const [name, quiet] of Object.entries(hours ?? {}) as [K, QuietHours][]) {
    const untilMs = quietUntil(quiet, nowMs);
    if (untilMs !== null) found.set(name, untilMs);
  }
  return found;
}
