import type { PastHold, Sample } from "../domain/sample.ts";
import { area, bars, line, type Point, scaleOf, spans } from "./chart.ts";
import {
  at,
  countTicks,
  draw,
  known,
  latest,
  most,
  none,
  rowTime,
  type Scene,
  type StatusHistory,
  steps,
  total,
} from "./history-frame.ts";
import { delayOf, type Range, type Slot, shownLane, slotsOf } from "./history-slots.ts";
import { count, counted, span } from "./human.ts";

/** A chart with what it shows as one sentence and as a table. Texts are not escaped yet, `svg` is. */
export interface Chart {
  id: string;
  title: string;
  summary: string;
  /** Null: there is nothing to draw. */
  svg: string | null;
  legend: readonly { name: string; className: string }[];
  columns: readonly string[];
  rows: readonly (readonly string[])[];
}

/** All charts of a range. */
export function chartsOf(history: StatusHistory, range: Range): Chart[] {
  const { samples, nowMs } = history;
  const scene: Scene = {
    ...{ range, history },
    slots: slotsOf(samples, nowMs, range.spanMs, range.slotMs),
    rows: slotsOf(samples, nowMs, range.spanMs, range.rowMs),
  };
  return [backlog, delay, requests, tokens, failed, holds].map((chart) => chart(scene));
}

const seconds = (value: number | null): string => (value === null ? "–" : span(value * 1000));

function backlog(scene: Scene): Chart {
  const { slots, rows, range } = scene;
  const title = "Waiting for the CRM";
  const { top, ticks } = scaleOf(most(slots, (slot) => slot.waiting));
  const points = steps(scene, top, (slot) => slot.waiting);
  const { value, when } = latest(slots, (slot) => slot.last && waitingAtEnd(slot.last));
  const summary = `${known(value)} ${when}, at most ${count(most(slots, (slot) => slot.waiting))} in ${range.label}`;
  return {
    ...{ id: "backlog", title, summary, legend: [] },
    svg: none(scene)
      ? null
      : draw(scene, `${title}: ${summary}`, countTicks(top, ticks), [area(points, "ours"), line(points, "ours")]),
    columns: ["From", "Waiting, at most", "Oldest, at most", "Delivered"],
    rows: rows.map((slot) => [
      rowTime(slot),
      known(slot.waiting),
      known(slot.oldestSeconds, (value) => (value === 0 ? "–" : span(value * 1000))),
      slot.last === null ? "unknown" : count(slot.rise.delivered),
    ]),
  };
}

const waitingAtEnd = ({ queue }: Sample): number => queue.pending + queue.waiting + queue.inProgress + queue.uncertain;

/** Marks of a scale on which ten times as long is as far everywhere. */
const DELAY_MARKS: readonly (readonly [seconds: number, label: string])[] = [
  ...([
    [1, "1 s"],
    [10, "10 s"],
    [60, "1 min"],
    [600, "10 min"],
    [3_600, "1 h"],
    [21_600, "6 h"],
  ] as const),
  ...([
    [86_400, "1 d"],
    [604_800, "7 d"],
    [2_592_000, "30 d"],
    [31_536_000, "1 y"],
    [315_360_000, "10 y"],
  ] as const),
];

function delay(scene: Scene): Chart {
  const { slots, rows, range } = scene;
  const lane = shownLane(slots);
  const title = `Delay until delivered, ${lane} lane`;
  const all = delayOf(slots, lane);
  const found = slots.map((slot) => ({ slot, ...delayOf([slot], lane) }));
  const longest = Math.max(1, ...found.map(({ p95 }) => p95 ?? 0));
  const shortest = Math.max(1, Math.min(longest, ...found.map(({ p50 }) => p50 ?? longest)));
  const low = DELAY_MARKS.findLast(([value]) => value <= shortest)?.[0] ?? 1;
  const high = DELAY_MARKS.find(([value]) => value > Math.max(longest, low))?.[0] ?? longest;
  const height = (value: number): number =>
    Math.min(1, Math.max(0, Math.log(Math.max(value, low) / low) / Math.log(high / low)));
  const middle = ({ fromMs, toMs }: Slot): number => at(scene, (fromMs + toMs) / 2);
  const points = (of: "p50" | "p95"): Point[] =>
    found.map((one) => [middle(one.slot), one[of] === null ? null : height(one[of])]);
  const marks = DELAY_MARKS.filter(([value]) => value >= low && value <= high);
  const summary =
    all.n === 0
      ? `nothing was delivered in ${range.label}`
      : `of ${counted(all.n, "delivery", "deliveries")} in ${range.label} half took up to ${seconds(all.p50)}, 95 of 100 up to ${seconds(all.p95)}`;
  return {
    ...{ id: "delay", title, summary },
    legend: [
      { name: "half of them (p50)", className: "ours" },
      { name: "95 of 100 (p95)", className: "others dashed" },
    ],
    svg:
      all.n === 0
        ? null
        : draw(
            scene,
            `${title}: ${summary}`,
            marks.map(([value, label]) => ({ at: height(value), label })),
            [line(points("p95"), "others dashed"), line(points("p50"), "ours")],
          ),
    columns: ["From", "Delivered", "Half, up to", "95 of 100, up to"],
    rows: rows.map((slot) => {
      const { n, p50, p95 } = delayOf([slot], lane);
      return [rowTime(slot), slot.last === null ? "unknown" : count(n), seconds(p50), seconds(p95)];
    }),
  };
}

function requests(scene: Scene): Chart {
  const { slots, rows, range } = scene;
  const title = "Requests";
  const max = most(slots, (slot) => slot.rise.requests);
  const { top, ticks } = scaleOf(max);
  const width = range.slotMs / range.spanMs;
  const good = slots.map(({ fromMs, rise }) => {
    return [at(scene, fromMs), 0, (rise.requests - rise.rateLimited) / top] as const;
  });
  const limited = slots.map(({ fromMs, rise }) => {
    return [at(scene, fromMs), (rise.requests - rise.rateLimited) / top, rise.requests / top] as const;
  });
  const sent = total(slots, ({ rise }) => rise.requests);
  const refused = total(slots, ({ rise }) => rise.rateLimited);
  const again = total(slots, ({ rise }) => rise.retried);
  const summary = `${count(sent)} in ${range.label}, ${count(refused)} of them refused with 429; ${count(again)} had to be asked again`;
  return {
    ...{ id: "requests", title, summary },
    legend: [
      { name: "answered", className: "ours" },
      { name: "refused with 429", className: "bad" },
    ],
    svg:
      none(scene) || sent === 0
        ? null
        : draw(scene, `${title}: ${summary}`, countTicks(top, ticks), [
            bars(good, width, "ours"),
            bars(limited, width, "bad"),
          ]),
    columns: ["From", "Requests", "429", "Asked again"],
    rows: rows.map((slot) => {
      const { rise } = slot;
      const figures = [rise.requests, rise.rateLimited, rise.retried];
      return [rowTime(slot), ...figures.map((value) => (slot.last === null ? "unknown" : count(value)))];
    }),
  };
}

function tokens(scene: Scene): Chart {
  const { slots, rows } = scene;
  const title = "Tokens of the day's budget";
  const ours = (slot: Slot): number | null => slot.last?.daily?.usedByUs ?? null;
  const others = (slot: Slot): number | null => slot.last?.daily?.usedByOthers ?? null;
  const limitOf = (slot: Slot): number | null => slot.last?.daily?.limit ?? null;
  const both = (slot: Slot): number | null => (ours(slot) === null ? null : ours(slot)! + (others(slot) ?? 0));
  const { top, ticks } = scaleOf(Math.max(most(slots, both), most(slots, limitOf)));
  const lower = steps(scene, top, ours);
  const upper = steps(scene, top, both);
  const limit = latest(slots, limitOf).value;
  const spent = latest(slots, ours);
  const isKnown = slots.some((slot) => ours(slot) !== null);
  const summary = !isKnown
    ? "nothing is known of the budget yet"
    : `${known(spent.value)} by us and ${known(latest(slots, others).value)} by others ${spent.when}, of ${limit === null ? "an unknown limit" : count(limit)}`;
  return {
    ...{ id: "tokens", title, summary },
    legend: [
      { name: "ours", className: "ours" },
      { name: "others'", className: "others" },
      { name: "the limit", className: "limit dashed" },
    ],
    svg: isKnown
      ? draw(scene, `${title}: ${summary}`, countTicks(top, ticks), [
          area(upper, "others", lower),
          area(lower, "ours"),
          line(upper, "others"),
          line(lower, "ours"),
          line(steps(scene, top, limitOf), "limit dashed"),
        ])
      : null,
    columns: ["From", "Ours", "Others'", "Limit", "Spent by us then"],
    rows: rows.map((slot) => [
      rowTime(slot),
      known(ours(slot)),
      known(others(slot)),
      known(limitOf(slot)),
      slot.last === null ? "unknown" : count(slot.rise.tokens),
    ]),
  };
}

function failed(scene: Scene): Chart {
  const { slots, rows, range } = scene;
  const title = "Failed";
  const { top, ticks } = scaleOf(most(slots, (slot) => slot.failed));
  const points = steps(scene, top, (slot) => slot.failed);
  const { value, when } = latest(slots, (slot) => slot.last?.queue.failed ?? null);
  const summary = `${known(value)} on the list ${when}; ${count(total(slots, ({ rise }) => rise.failed))} failed in ${range.label}`;
  return {
    ...{ id: "failed", title, summary, legend: [] },
    svg: none(scene)
      ? null
      : draw(scene, `${title}: ${summary}`, countTicks(top, ticks), [area(points, "bad"), line(points, "bad")]),
    columns: ["From", "On the list, at most", "Failed then"],
    rows: rows.map((slot) => [
      rowTime(slot),
      known(slot.failed),
      slot.last === null ? "unknown" : count(slot.rise.failed),
    ]),
  };
}

const HOLD_ROWS_MAX = 8;

function holds(scene: Scene): Chart {
  const { range, history } = scene;
  const title = "Holds";
  const fromMs = history.nowMs - range.spanMs;
  const shown = history.holds.filter(({ closedAtMs }) => closedAtMs === null || closedAtMs >= fromMs);
  const name = ({ kind, scope }: PastHold): string => (scope === "account" ? kind : `${kind} (${scope})`);
  const names = [...new Set(shown.map(name))].slice(0, HOLD_ROWS_MAX);
  const rowsOf = names.length;
  const lying = shown
    .map(
      (hold) =>
        [at(scene, hold.openedAtMs), at(scene, hold.closedAtMs ?? history.nowMs), names.indexOf(name(hold))] as const,
    )
    .filter(([, , row]) => row !== -1);
  const open = shown.filter(({ closedAtMs }) => closedAtMs === null).length;
  const summary =
    shown.length === 0
      ? `none in ${range.label}`
      : `${counted(shown.length, "hold")} in ${range.label}, ${count(open)} open now`;
  const labels = names.map((text, row) => ({ at: 1 - (row + 0.45) / rowsOf, label: text }));
  return {
    ...{ id: "holds", title, summary, legend: [] },
    svg:
      rowsOf === 0
        ? null
        : draw(scene, `${title}: ${summary}`, labels, [spans(lying, rowsOf, "bad")], Math.max(60, rowsOf * 44)),
    columns: ["Hold", "From", "To", "For"],
    rows: shown
      .slice(-50)
      .reverse()
      .map((hold) => [
        name(hold),
        rowTime({ fromMs: hold.openedAtMs } as Slot),
        hold.closedAtMs === null ? "still open" : rowTime({ fromMs: hold.closedAtMs } as Slot),
        span((hold.closedAtMs ?? history.nowMs) - hold.openedAtMs),
      ]),
  };
}
