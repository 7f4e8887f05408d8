import type { PastHold, Sample } from "../domain/sample.ts";
import { chartSvg, type Point, type Tick } from "./chart.ts";
import type { Range, Slot } from "./history-slots.ts";
import { count } from "./human.ts";

/** Samples oldest first, holds that were open in this time, and when the page is written. */
export interface StatusHistory {
  samples: readonly Sample[];
  holds: readonly PastHold[];
  nowMs: number;
}

/** What a chart is drawn from. */
export interface Scene {
  range: Range;
  slots: readonly Slot[];
  /** Of the table. */
  rows: readonly Slot[];
  history: StatusHistory;
}

export const at = ({ range, history }: Scene, atMs: number): number =>
  Math.min(1, Math.max(0, 1 - (history.nowMs - atMs) / range.spanMs));

/** A value for the whole of each slot. */
export function steps(scene: Scene, top: number, figure: (slot: Slot) => number | null): Point[] {
  return scene.slots.flatMap((slot): Point[] => {
    const value = figure(slot);
    const y = value === null ? null : Math.min(1, value / top);
    return [
      [at(scene, slot.fromMs), y],
      [at(scene, slot.toMs), y],
    ];
  });
}

function gapsOf(scene: Scene): [number, number][] {
  const gaps: [number, number][] = [];
  for (const slot of scene.slots) {
    if (slot.last !== null) continue;
    const [from, to] = [at(scene, slot.fromMs), at(scene, slot.toMs)];
    const before = gaps.at(-1);
    if (before !== undefined && Math.abs(before[1] - from) < 1e-9) before[1] = to;
    else gaps.push([from, to]);
  }
  return gaps;
}

const HOUR_MS = 3_600_000;

/** Whole hours or midnights of this machine's zone. */
function timeTicks(scene: Scene): Tick[] {
  const { range, history } = scene;
  const ticks: Tick[] = [];
  const day = new Date(history.nowMs - range.spanMs);
  day.setHours(0, 0, 0, 0);
  for (let guard = 0; guard < 300 && day.getTime() <= history.nowMs; guard += 1) {
    const atMs = day.getTime();
    const label = tickLabel(day, range);
    if (atMs >= history.nowMs - range.spanMs && label !== null) ticks.push({ at: at(scene, atMs), ...label });
    if (range.id === "day") day.setTime(atMs + HOUR_MS);
    else day.setDate(day.getDate() + 1);
  }
  return ticks;
}

const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

function tickLabel(date: Date, { id }: Range): Omit<Tick, "at"> | null {
  if (id === "day") {
    const hour = date.getHours();
    return hour % 3 === 0 ? { label: `${two(hour)}:00`, minor: hour % 6 !== 0 } : null;
  }
  if (id === "week") return { label: `${DAYS[date.getDay()]} ${date.getDate()}`, minor: date.getDate() % 2 === 1 };
  const isMonday = date.getDay() === 1;
  return isMonday ? { label: `${two(date.getMonth() + 1)}-${two(date.getDate())}` } : null;
}

const two = (value: number): string => String(value).padStart(2, "0");

/** `23 14:00` of this machine's zone: the row's beginning. */
export function rowTime(slot: Slot): string {
  const date = new Date(slot.fromMs);
  return `${two(date.getMonth() + 1)}-${two(date.getDate())} ${two(date.getHours())}:${two(date.getMinutes())}`;
}

export const known = (value: number | null, text: (value: number) => string = count): string =>
  value === null ? "unknown" : text(value);
export const most = (slots: readonly Slot[], figure: (slot: Slot) => number | null): number =>
  slots.reduce((max, slot) => Math.max(max, figure(slot) ?? 0), 0);
export const total = (slots: readonly Slot[], figure: (slot: Slot) => number): number =>
  slots.reduce((sum, slot) => sum + figure(slot), 0);
/** The newest value that is known, and of when it is. */
export function latest(
  slots: readonly Slot[],
  figure: (slot: Slot) => number | null,
): { value: number | null; when: "now" | "at the end of the last run" } {
  const slot = slots.findLast((one) => figure(one) !== null);
  const when = slot === undefined || slot === slots.at(-1) ? "now" : "at the end of the last run";
  return { value: slot === undefined ? null : figure(slot), when };
}

export const countTicks = (top: number, ticks: readonly number[]): Tick[] =>
  ticks.map((value) => ({ at: value / top, label: short(value) }));

/** 1,500,000 as `1.5M`: beside a chart. */
function short(value: number): string {
  if (value >= 1_000_000) return `${Number((value / 1_000_000).toFixed(1))}M`;
  if (value >= 10_000) return `${Number((value / 1000).toFixed(1))}k`;
  return count(value);
}

export function draw(scene: Scene, label: string, yTicks: Tick[], layers: string[], height?: number): string {
  return chartSvg({
    ...{ label, xTicks: timeTicks(scene), yTicks, layers, gaps: gapsOf(scene) },
    ...(height !== undefined && { height }),
  });
}

export const none = (scene: Scene): boolean => scene.slots.every((slot) => slot.last === null);
