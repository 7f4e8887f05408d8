import { describe, expect, test } from "vitest";
import { quietHours } from "../../src/config/quiet.ts";
import type { QuietHours } from "../../src/domain/settings.ts";
import { quietMsBetween, quietNow, quietUntil } from "../../src/pacer/quiet-hours.ts";

const HOUR_MS = 3_600_000;
const parse = (given: unknown) => quietHours().read(given, ["quiet"], []);
const hours = (given: unknown, timezone = "Europe/Tallinn"): QuietHours => ({ timezone, windows: parse(given)! });
const iso = (text: string) => Date.parse(text);
const until = (quiet: QuietHours, at: string) => {
  const ms = quietUntil(quiet, iso(at));
  return ms === null ? null : new Date(ms).toISOString();
};

describe("quiet hours as written", () => {
  test.each([
    ["22:00-07:00", [{ days: [1, 2, 3, 4, 5, 6, 7], fromMinute: 1320, toMinute: 420 }]],
    ["Sat-Sun", [{ days: [6, 7], fromMinute: 0, toMinute: 1440 }]],
    ["mon-fri 8:30 – 18:00", [{ days: [1, 2, 3, 4, 5], fromMinute: 510, toMinute: 1080 }]],
    ["Fri-Mon, Wed 00:00-24:00", [{ days: [1, 3, 5, 6, 7], fromMinute: 0, toMinute: 1440 }]],
    [
      ["Saturday", "12:00-13:00"],
      [
        { days: [6], fromMinute: 0, toMinute: 1440 },
        { days: [1, 2, 3, 4, 5, 6, 7], fromMinute: 720, toMinute: 780 },
      ],
    ],
  ])("%j", (given, windows) => {
    expect(parse(given)).toEqual(windows);
  });

  test.each([
    "",
    "22:00",
    "7-22",
    "25:00-26:00",
    "22:60-07:00",
    "07:00-07:00",
    "Foo 10:00-11:00",
    "24:00-01:00",
    [],
    22,
    null,
  ])("%j is none", (given) => {
    expect(parse(given)).toBeUndefined();
  });

  test.each(["00:00-24:00", "Mon-Sun", ["08:00-20:00", "20:00-08:00"]])("%j would never send", (given) => {
    expect(parse(given)).toBeUndefined();
  });
});

describe("quiet hours", () => {
  test("are those of the zone, to the minute, over midnight", () => {
    const night = hours("22:00-07:00");
    expect(until(night, "2026-11-24T19:59:59Z")).toBeNull();
    expect(until(night, "2026-11-24T20:00:00Z")).toBe("2026-11-25T05:00:00.000Z");
    expect(until(night, "2026-11-25T04:59:59Z")).toBe("2026-11-25T05:00:00.000Z");
    expect(until(night, "2026-11-25T05:00:00Z")).toBeNull();
  });

  test("that follow each other are one wait", () => {
    const weekend = hours(["Sat-Sun", "20:00-08:00"]);
    expect(until(weekend, "2026-11-27T18:30:00Z")).toBe("2026-11-30T06:00:00.000Z");
  });

  test("keep to the local clock when it is changed, forwards and back", () => {
    const night = hours("22:00-07:00");
    const spring = iso(until(night, "2026-03-28T20:00:00Z")!) - iso("2026-03-28T20:00:00Z");
    const autumn = iso(until(night, "2026-10-24T19:00:00Z")!) - iso("2026-10-24T19:00:00Z");
    expect([spring / HOUR_MS, autumn / HOUR_MS]).toEqual([8, 10]);
    expect(until(night, "2026-03-29T03:59:00Z")).toBe("2026-03-29T04:00:00.000Z");
    expect(until(night, "2026-10-25T04:59:00Z")).toBe("2026-10-25T05:00:00.000Z");
  });

  test("that begin in the hour that the clock skips begin behind it, and those of an hour that comes twice last until its second time", () => {
    const skipped = hours("03:30-05:00");
    expect(until(skipped, "2026-03-29T00:59:00Z")).toBeNull();
    expect(until(skipped, "2026-03-29T01:30:00Z")).toBe("2026-03-29T02:00:00.000Z");
    const twice = hours("03:00-03:30");
    expect(until(twice, "2026-10-24T23:59:59Z")).toBeNull();
    expect(until(twice, "2026-10-25T00:00:00Z")).toBe("2026-10-25T01:30:00.000Z");
    expect(until(twice, "2026-10-25T01:30:00Z")).toBeNull();
  });

  test("do not count towards a target, where several overlap only once", () => {
    const night = hours("22:00-07:00");
    const lunch = hours("12:00-13:00");
    const early = hours("06:00-08:00");
    const from = iso("2026-11-24T10:00:00Z");
    const to = iso("2026-11-25T10:00:00Z");
    expect(quietMsBetween([night], from, to)).toBe(9 * HOUR_MS);
    expect(quietMsBetween([night, lunch, early], from, to)).toBe(11 * HOUR_MS);
    expect(quietMsBetween([night], from, from + HOUR_MS)).toBe(0);
    expect(quietMsBetween([], from, to)).toBe(0);
    expect(quietMsBetween([night], to, from)).toBe(0);
  });

  test("of any minute of a year end within the day, and are over then", () => {
    const quiet = hours("21:45-06:15", "America/New_York");
    for (let at = iso("2026-01-01T00:00:00Z"); at < iso("2027-01-01T00:00:00Z"); at += 397 * 60_000) {
      const ends = quietUntil(quiet, at);
      if (ends === null) continue;
      expect(ends - at).toBeLessThanOrEqual(9.5 * HOUR_MS);
      expect(quietUntil(quiet, ends)).toBeNull();
    }
  });

  test("of sources and lanes are told with their ends", () => {
    const settings = { sources: { website: hours("22:00-07:00") }, lanes: { background: hours("08:00-18:00", "UTC") } };
    const night = quietNow(settings, iso("2026-11-24T21:00:00Z"));
    expect([...night.sources, ...night.lanes]).toEqual([["website", iso("2026-11-25T05:00:00Z")]]);
    const day = quietNow(settings, iso("2026-11-24T12:00:00Z"));
    expect([...day.sources, ...day.lanes]).toEqual([["background", iso("2026-11-24T18:00:00Z")]]);
    expect(quietNow(undefined, 0).lanes.size).toBe(0);
  });
});
