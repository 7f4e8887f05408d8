/** What counts as silence, and as a missing run: simulated sources and cron lines over weeks. */
import { describe, expect, test } from "vitest";
import { intervalOf, silentSince } from "../../src/notify/rhythm.ts";
import { seeded } from "../support/drain-rig.ts";

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
const WEEK = 168;
/** A Monday, 00:00 UTC, in hours. */
const MONDAY = Date.UTC(2026, 7, 3) / HOUR_MS;
const HISTORY = 70 * 24;

const isOffice = (hour: number, shift = 0): boolean => {
  const at = (hour - MONDAY) % WEEK;
  return at < 5 * 24 && (at + shift) % 24 >= 8 && (at + shift) % 24 < 18;
};

/** Hours in which something comes; by chance, at a rate of the hour. */
function arrivals(seed: number, weeks: number, rateOf: (hour: number) => number): number[] {
  const random = seeded(seed);
  const hours = Array.from({ length: weeks * WEEK }, (_, index) => MONDAY + index);
  return hours.filter((hour) => random.next() < 1 - Math.exp(-rateOf(hour)));
}

const at = (hours: readonly number[], now: number) =>
  silentSince(
    hours.filter((hour) => hour > now - HISTORY && hour <= now),
    now,
  );

/** Hours of the last weeks at which it would have been an alert. */
const alarms = (hours: readonly number[], weeks: number): number[] =>
  Array.from({ length: weeks * WEEK }, (_, index) => MONDAY + index).filter((now) => at(hours, now) !== null);

describe("a source is silent", () => {
  const offices = { busy: 5, ordinary: 1, quiet: 0.3 };
  test.each(Object.entries(offices))("never at night or on a weekend: %s", (_name, rate) => {
    for (const seed of [1, 2, 3]) {
      const hours = arrivals(seed, 10, (hour) => (isOffice(hour) ? rate : 0));
      expect(alarms(hours, 10)).toEqual([]);
    }
  });

  test("not because the clocks were changed", () => {
    const hours = arrivals(5, 14, (hour) => (isOffice(hour, hour < MONDAY + 7 * WEEK ? 0 : 1) ? 3 : 0));
    expect(alarms(hours, 14)).toEqual([]);
  });

  test("when it stays away for half a day of its usual hours, since the hour in which something came last", () => {
    const hours = arrivals(7, 10, (hour) => (isOffice(hour) ? 3 : 0));
    const last = hours.at(-1)!;
    const monday = MONDAY + 10 * WEEK;
    expect(at(hours, monday + 8)).toBeNull();
    expect(at(hours, monday + 9)).toBeNull();
    expect(at(hours, monday + 14)).toBe(last);
  });

  test("is not said of one that is known for less than two weeks, or hardly at all", () => {
    const young = arrivals(9, 2, () => 3).slice(10);
    expect(at(young, MONDAY + 2 * WEEK + 5)).toBeNull();
    const rare = [1, 2, 3, 4, 5].map((week) => MONDAY + week * WEEK);
    expect(at(rare, MONDAY + 8 * WEEK)).toBeNull();
    expect(silentSince([], MONDAY)).toBeNull();
  });

  test("one long outage of the past does not hide the next one", () => {
    const outage = (hour: number) => hour >= MONDAY + 4 * WEEK && hour < MONDAY + 5 * WEEK;
    const hours = arrivals(11, 10, (hour) => (isOffice(hour) && !outage(hour) ? 3 : 0));
    expect(at(hours, MONDAY + 10 * WEEK + 16)).toBe(hours.at(-1));
  });
});

describe("a run is missed", () => {
  /** What the ledger knows of a cron line that ran from the first Monday until `until`. */
  function cron(everyMs: number, until: number, runs: (hour: number) => boolean = () => true) {
    const starts: number[] = [];
    for (let ms = MONDAY * HOUR_MS; ms < until * HOUR_MS; ms += everyMs)
      if (runs(Math.floor(ms / HOUR_MS))) starts.push(ms);
    const hours = [...new Set(starts.map((ms) => Math.floor(ms / HOUR_MS)))];
    const newest = starts.slice(-200).reverse();
    const interval = intervalOf(hours, newest);
    const last = newest[0]!;
    return { interval, isMissed: (afterMs: number) => interval!.usualMs(last, last + afterMs) > interval!.allowedMs };
  }

  test("after two intervals, whatever the interval is", () => {
    for (const everyMs of [5 * MINUTE_MS, 15 * MINUTE_MS, HOUR_MS, 4 * HOUR_MS]) {
      const { interval, isMissed } = cron(everyMs, MONDAY + 3 * 24);
      expect(interval!.intervalMs).toBe(everyMs);
      expect(isMissed(2 * everyMs)).toBe(false);
      expect(isMissed(2 * everyMs + 2 * MINUTE_MS)).toBe(true);
    }
    const daily = cron(24 * HOUR_MS, MONDAY + 3 * WEEK);
    expect(daily.isMissed(2 * 24 * HOUR_MS)).toBe(false);
    expect(daily.isMissed(3 * 24 * HOUR_MS)).toBe(true);
  });

  test("not in the morning by a cron line that rests at night and on weekends", () => {
    const friday = MONDAY + 2 * WEEK + 4 * 24 + 18;
    const { isMissed } = cron(15 * MINUTE_MS, friday, (hour) => isOffice(hour));
    expect(isMissed(62 * HOUR_MS)).toBe(false);
    expect(isMissed(63 * HOUR_MS)).toBe(true);
  });

  test("is not said before a night was seen, but after more than a day; nor of a handful of runs", () => {
    const { isMissed } = cron(15 * MINUTE_MS, MONDAY + 12);
    expect(isMissed(25 * HOUR_MS)).toBe(false);
    expect(isMissed(27 * HOUR_MS)).toBe(true);
    expect(cron(HOUR_MS, MONDAY + 4).interval).toBeNull();
  });

  test("people who sync by hand now and then are not missed after two short pauses", () => {
    const days = [0, 1, 1, 1, 3, 8, 8, 9, 15, 16, 20, 21];
    const starts = days.map((day, index) => (MONDAY + day * 24 + 9) * HOUR_MS + index * MINUTE_MS);
    const hours = [...new Set(starts.map((ms) => Math.floor(ms / HOUR_MS)))];
    const interval = intervalOf(hours, starts)!;
    const last = starts.at(-1)!;
    expect(interval.usualMs(last, last + 4 * 24 * HOUR_MS)).toBeLessThanOrEqual(interval.allowedMs);
  });
});
