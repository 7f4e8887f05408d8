import type { Sample } from "../domain/sample.ts";
import type { Lane } from "../domain/submission.ts";
import { delayOf, shownLane, slotsOf } from "./history-slots.ts";
import { count, span } from "./human.ts";
import type { Style } from "./style.ts";

const HOUR_MS = 3_600_000;

/** `lastDay` of `status --json`: what happened in the last 24 hours, by the samples that runs left. */
export interface LastDayDocument {
  delivered: number;
  failed: number;
  requests: number;
  rateLimited: number;
  tokens: number;
  /** The most that waited. */
  waitingMost: number;
  /** Of the `of` deliveries in `lane`, the operational one where anything was. By classes, so about. Nulls where nothing was. */
  delaySeconds: { p50: number | null; p95: number | null; lane: Lane; of: number };
  /** The most that waited in each hour, the present one last; null where no run told. */
  waitingByHour: (number | null)[];
}

/** Null where no run told anything. */
export function lastDayOf(samples: readonly Sample[], nowMs: number): LastDayDocument | null {
  const slots = slotsOf(samples, nowMs, 24 * HOUR_MS, HOUR_MS);
  if (slots.every(({ last }) => last === null)) return null;
  const lane = shownLane(slots);
  const { p50, p95, n } = delayOf(slots, lane);
  const sum = (name: keyof (typeof slots)[number]["rise"]): number =>
    slots.reduce((total, { rise }) => total + rise[name], 0);
  const waitingByHour = slots.map(({ waiting }) => waiting);
  return {
    ...{ delivered: sum("delivered"), failed: sum("failed"), requests: sum("requests") },
    ...{ rateLimited: sum("rateLimited"), tokens: sum("tokens") },
    waitingMost: Math.max(...waitingByHour.map((value) => value ?? 0)),
    delaySeconds: { p50: rounded(p50), p95: rounded(p95), lane, of: n },
    waitingByHour,
  };
}

const rounded = (value: number | null): number | null => (value === null ? null : Math.round(value));

/** As one line, with a small picture of what waited where the terminal can show it. */
export function lastDayText(day: LastDayDocument, style: Style): string {
  const { p50, p95, lane, of } = day.delaySeconds;
  const which = of === day.delivered ? "" : `${count(of)} ${lane}: `;
  const delay =
    p50 === null || p95 === null
      ? ""
      : ` (${which}half within about ${span(p50 * 1000)}, 95 of 100 within ${span(p95 * 1000)})`;
  const failed = day.failed === 0 ? "" : `, ${style.yellow(`${count(day.failed)} failed`)}`;
  const limited = day.rateLimited === 0 ? "" : `, ${count(day.rateLimited)} of ${count(day.requests)} requests got 429`;
  const picture =
    style.unicode && day.waitingMost > 0 ? ` ${style.cyan(bars(day.waitingByHour, day.waitingMost))}` : "";
  const left = day.waitingMost === 0 ? "no run left any waiting" : `at most ${count(day.waitingMost)} waited`;
  return `${count(day.delivered)} delivered${delay}${failed}${limited}; ${left}${picture}`;
}

const BARS = "▁▂▃▄▅▆▇█";

function bars(values: readonly (number | null)[], most: number): string {
  return values
    .map((value) =>
      value === null ? "·" : BARS[Math.min(BARS.length - 1, Math.ceil((value / most) * (BARS.length - 1)))],
    )
    .join("");
}
