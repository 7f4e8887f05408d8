/** What is usual by hour of the week, and how unusual a silence is. Hours are counted from 1970, UTC. Pure. */

const HOUR_MS = 3_600_000;
const DAY_HOURS = 24;
const WEEK_HOURS = 168;

/** For each slot of the cycle (a day or a week): how often it was watched, and how often something came in it. */
interface Cycle {
  seen: number[];
  busy: number[];
}

function cycleOf(hours: readonly number[], length: number): Cycle {
  const cycle: Cycle = { seen: Array(length).fill(0), busy: Array(length).fill(0) };
  const first = hours[0] ?? 0;
  const last = hours.at(-1) ?? -1;
  for (let hour = first; hour <= last; hour += 1) cycle.seen[hour % length]! += 1;
  for (const hour of hours) cycle.busy[hour % length]! += 1;
  return cycle;
}

/** With less of its past nobody can say what is usual on a weekend. */
const HISTORY_HOURS_MIN = 2 * WEEK_HOURS;
const BUSY_HOURS_MIN = 15;
/**
 * A silence that would come by chance once in five thousand times. Over 720 simulated weeks each of seven kinds of sources (one
 * submission in twenty hours to five an hour, all day or in office hours) it was wrong at most seven times, mostly never.
 */
const SURPRISE_MIN = -Math.log(0.0002);
/** Of the second longest silence of the past: one outage must not make the next one usual. */
const LONGER_THAN_USUAL = 1.25;

/**
 * The hour in which something came last, where the silence since then is unusual; null where it is not, or where too little is
 * known to say. `hours` in which something came, ascending; `nowHour` is not over yet. An hour of the week in which something
 * came in k of n weeks is expected to bring something with k / (n + 1).
 */
export function silentSince(hours: readonly number[], nowHour: number): number | null {
  const first = hours[0];
  const last = hours.at(-1);
  if (first === undefined || last === undefined) return null;
  if (hours.length < BUSY_HOURS_MIN || nowHour - first < HISTORY_HOURS_MIN) return null;
  const { seen, busy } = cycleOf(hours, WEEK_HOURS);
  const surprise = (from: number, to: number): number => {
    let sum = 0;
    for (let hour = from; hour < to; hour += 1) {
      const slot = hour % WEEK_HOURS;
      sum -= Math.log(1 - busy[slot]! / (seen[slot]! + 1));
    }
    return sum;
  };
  const past = hours.slice(1).map((hour, index) => surprise(hours[index]! + 1, hour));
  const usual = past.sort((a, b) => b - a)[1] ?? 0;
  return surprise(last + 1, nowHour) >= Math.max(SURPRISE_MIN, LONGER_THAN_USUAL * usual) ? last : null;
}

const RUNS_MIN = 5;
/** Nothing is known of nights and weekends yet. */
const NIGHT_MS = 26 * HOUR_MS;
const SLACK_MS = 60_000;

export interface Interval {
  /** The usual time between two runs. */
  intervalMs: number;
  /** How long none may end well, in hours in which runs are usual. */
  allowedMs: number;
  /** How much of a time lies in hours in which runs are usual. */
  usualMs(fromMs: number, toMs: number): number;
}

/**
 * Learns the interval from past runs: nine of ten came within it. Hours of the week (of the day, in the first week) in which
 * no run ever began do not count, so that a cron line that rests at night is not missed in the morning. Null: too few runs.
 */
export function intervalOf(hours: readonly number[], startedAtMs: readonly number[]): Interval | null {
  const starts = [...startedAtMs].sort((a, b) => a - b);
  if (starts.length < RUNS_MIN) return null;
  const known = (hours.at(-1) ?? 0) - (hours[0] ?? 0);
  const length = known >= WEEK_HOURS ? WEEK_HOURS : DAY_HOURS;
  const { seen, busy } = cycleOf(hours, length);
  const isUsual = (hour: number): boolean =>
    known < 2 * DAY_HOURS || seen[hour % length] === 0 || busy[hour % length]! > 0;
  const usualMs = (fromMs: number, toMs: number): number => {
    let sum = 0;
    for (let at = fromMs; at < toMs; ) {
      const hour = Math.floor(at / HOUR_MS);
      const end = Math.min(toMs, (hour + 1) * HOUR_MS);
      if (isUsual(hour)) sum += end - at;
      at = end;
    }
    return sum;
  };
  const gaps = sorted(starts.slice(1).map((start, index) => start - starts[index]!));
  const usual = sorted(starts.slice(1).map((start, index) => usualMs(starts[index]!, start)));
  const intervalMs = gaps[Math.floor(gaps.length / 2)] ?? 0;
  const allowedMs = 2 * (usual[Math.floor((usual.length - 1) * 0.9)] ?? 0) + SLACK_MS;
  return { intervalMs, allowedMs: known < 2 * DAY_HOURS ? Math.max(allowedMs, NIGHT_MS) : allowedMs, usualMs };
}

const sorted = (values: number[]): number[] => values.sort((a, b) => a - b);
