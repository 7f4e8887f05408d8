import { escapeHtml } from "./html-text.ts";

/**
 * Charts as SVG text. A chart is as wide as its place: paths lie in an inner picture that is stretched, texts beside it
 * keep their size. Colours and strokes are the page's classes, so that its policy and both schemes hold.
 */
const HEIGHT = 150;
/** Of the place for the times below the plot. */
const FOOT = 22;
/** Widths of the inner picture: points are whole numbers of it. */
const SCALE = 2_000;

export interface Tick {
  /** 0 to 1, from left or from below. */
  at: number;
  label: string;
  /** Left out where the place is narrow. */
  minor?: boolean;
}

export interface Plot {
  /** What a screen reader says instead of the picture. */
  label: string;
  xTicks: readonly Tick[];
  yTicks: readonly Tick[];
  /** Of the inner picture, from 0 to 1 in both directions: see `line`, `area`, `bars`. */
  layers: readonly string[];
  /** Parts of the time of which nothing is known. */
  gaps: readonly (readonly [from: number, to: number])[];
  height?: number;
}

export function chartSvg({ label, xTicks, yTicks, layers, gaps, height = HEIGHT }: Plot): string {
  const y = (at: number): string => (height - at * height).toFixed(1);
  const grid = yTicks.map(({ at }) => `<line class="grid" x1="0" x2="100%" y1="${y(at)}" y2="${y(at)}"/>`);
  const inner = [
    ...gaps.map(([from, to]) => `<rect class="gap" x="${px(from)}" y="0" width="${px(to - from)}" height="${SCALE}"/>`),
    ...layers,
  ].join("");
  const plot = `<svg x="0" y="0" width="100%" height="${height}" viewBox="0 0 ${SCALE} ${SCALE}" preserveAspectRatio="none">${inner}</svg>`;
  const values = yTicks.map(
    ({ at, label: text }) =>
      `<text class="value" x="2" y="${(height - at * height - 4).toFixed(1)}">${escapeHtml(text)}</text>`,
  );
  const times = xTicks.map((tick) => {
    const x = `${(tick.at * 100).toFixed(2)}%`;
    const anchor = tick.at < 0.04 ? "start" : tick.at > 0.96 ? "end" : "middle";
    const minor = tick.minor ? " minor" : "";
    return `<line class="tick${minor}" x1="${x}" x2="${x}" y1="${height}" y2="${height + 4}"/><text class="time${minor}" x="${x}" y="${height + 17}" text-anchor="${anchor}">${escapeHtml(tick.label)}</text>`;
  });
  return `<svg class="chart" role="img" aria-label="${escapeHtml(label)}" width="100%" height="${height + FOOT}">${[...grid, plot, ...values, ...times].join("")}</svg>`;
}

export type Point = readonly [x: number, y: number | null];

const px = (at: number): number => Math.round(at * SCALE);
const py = (at: number): number => Math.round((1 - at) * SCALE);

/** Runs of points that are known. */
function runsOf(points: readonly Point[]): [number, number][][] {
  const runs: [number, number][][] = [[]];
  for (const [x, y] of points) {
    if (y === null) runs.push([]);
    else runs.at(-1)!.push([px(x), py(y)]);
  }
  return runs.filter((run) => run.length > 0);
}

/** A line through the points, broken where one is not known; one that stands alone is a dot. */
export function line(points: readonly Point[], className: string): string {
  const runs = runsOf(points);
  const lines = runs.filter((run) => run.length > 1).map((run) => `M${run.map(([x, y]) => `${x} ${y}`).join("L")}`);
  const dots = runs.filter((run) => run.length === 1).map(([[x, y] = [0, 0]]) => `M${x} ${y}h0`);
  const path = (kind: string, parts: readonly string[]): string =>
    parts.length === 0 ? "" : `<path class="${kind} ${className}" d="${parts.join("")}"/>`;
  return path("line", lines) + path("line dot", dots);
}

/** The place between a line and the one below it (the bottom), where both are known. */
export function area(points: readonly Point[], className: string, floor: readonly Point[] = []): string {
  const parts: string[] = [];
  let run: { x: number; top: number; bottom: number }[] = [];
  const close = (): void => {
    const there = run.map(({ x, top }) => `L${x} ${top}`).join("");
    const back = [...run].reverse().map(({ x, bottom }) => `L${x} ${bottom}`);
    if (run.length > 0) parts.push(`M${run[0]!.x} ${run[0]!.bottom}${there}${back.join("")}Z`);
    run = [];
  };
  for (const [index, [x, y]] of points.entries()) {
    const bottom = floor.length === 0 ? 0 : (floor[index]?.[1] ?? null);
    if (y === null || bottom === null) close();
    else run.push({ x: px(x), top: py(y), bottom: py(bottom) });
  }
  close();
  return parts.length === 0 ? "" : `<path class="area ${className}" d="${parts.join("")}"/>`;
}

/** Bars on the bottom, or on others. One that is not nothing can be seen. */
export function bars(
  points: readonly (readonly [x: number, from: number, to: number])[],
  width: number,
  className: string,
): string {
  const parts = points
    .filter(([, from, to]) => to > from)
    .map(([x, from, to]) => {
      const height = Math.max(py(from) - py(to), SCALE / 75);
      return `M${px(x)} ${py(from)}v${-height}h${Math.max(px(width * 0.85), 3)}v${height}z`;
    });
  return parts.length === 0 ? "" : `<path class="bar ${className}" d="${parts.join("")}"/>`;
}

/** Bars that lie: from one time to another, in a row. */
export function spans(
  rows: readonly (readonly [from: number, to: number, row: number])[],
  count: number,
  className: string,
): string {
  const height = SCALE / count;
  const parts = rows.map(([from, to, row]) => {
    const width = Math.max(px(to) - px(from), 6);
    return `M${px(from)} ${Math.round(row * height + height * 0.45)}h${width}v${Math.round(height * 0.4)}h${-width}z`;
  });
  return parts.length === 0 ? "" : `<path class="bar ${className}" d="${parts.join("")}"/>`;
}

/** Round whole numbers from nothing to at least `max`: two to five of them. */
export function scaleOf(max: number): { top: number; ticks: number[] } {
  const wanted = Math.max(1, max);
  const power = 10 ** Math.floor(Math.log10(wanted));
  const whole = (step: number): boolean => Number.isInteger(step) && step > 0;
  const step = [0.2, 0.25, 0.5, 1, 2, 2.5].map((part) => part * power).find((one) => whole(one) && wanted / one <= 4);
  const by = step ?? power * 5;
  const top = Math.ceil(wanted / by) * by;
  return { top, ticks: Array.from({ length: Math.round(top / by) + 1 }, (_, index) => index * by) };
}
