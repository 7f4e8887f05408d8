import { expect, it } from "vitest";
import { loadTimeReader } from "../../src/intake/time.ts";

const utc = (text: string): number => Date.parse(text);

it.each([
  ["2026-11-20T10:15:00Z", "2026-11-20T10:15:00Z"],
  ["2026-11-20t10:15:00.1234z", "2026-11-20T10:15:00.123Z"],
  ["2026-11-20T10:15:00.57+01:00", "2026-11-20T09:15:00.570Z"],
  ["2026-11-20 10:15:00 -0530", "2026-11-20T15:45:00Z"],
  ["2026-11-20 10:15", "2026-11-20T10:15:00Z"],
  [" 2026-11-20T10:15:30 ", "2026-11-20T10:15:30Z"],
  ["2016-12-31T23:59:60Z", "2016-12-31T23:59:59Z"],
  [1795169702, "2026-11-20T10:15:02Z"],
  [1795169702.5, "2026-11-20T10:15:02.500Z"],
  [1795169702310, "2026-11-20T10:15:02.310Z"],
  ["1795169702", "2026-11-20T10:15:02Z"],
  ["1795169702310", "2026-11-20T10:15:02.310Z"],
  [1795169702310n, "2026-11-20T10:15:02.310Z"],
])("reads %s", async (value, expected) => {
  const read = await loadTimeReader("UTC");
  expect(read(value)).toBe(utc(expected));
});

it.each([
  "2026-02-30T10:00:00Z",
  "2026-13-01T10:00:00Z",
  "2026-11-20T24:00:00Z",
  "2026-11-20",
  "20.11.2026 10:15",
  "11/20/2026 10:15",
  "yesterday",
  "",
  "0",
  "2026",
  "20261120",
  20261120,
  "46346.427",
  -5,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  1e40,
  true,
  null,
  {},
])("does not guess at %s", async (value) => {
  const read = await loadTimeReader("UTC");
  expect(read(value)).toBeNull();
});

it("reads local times in the source's zone, over the change of clocks", async () => {
  const read = await loadTimeReader("Europe/Berlin");
  expect(read("2026-07-01 12:00")).toBe(utc("2026-07-01T10:00:00Z"));
  expect(read("2026-11-20 12:00")).toBe(utc("2026-11-20T11:00:00Z"));
  expect(read("2026-11-20 12:00Z")).toBe(utc("2026-11-20T12:00:00Z"));
  // 02:30 never was on this day, and came twice on that.
  expect(read("2026-03-29 02:30")).toBe(utc("2026-03-29T01:30:00Z"));
  expect(read("2026-10-25 02:30")).toBe(utc("2026-10-25T00:30:00Z"));
});

it("reads a day that was read before as it read it then, on days too when clocks are set by half an hour", async () => {
  const times = ["00:00", "01:29", "01:31", "02:10", "02:45", "23:59"];
  const days = ["2026-04-04", "2026-04-05", "2026-10-04", "2026-10-05"];
  const read = await loadTimeReader("Australia/Lord_Howe");
  for (const text of days.flatMap((day) => [...times, ...times].map((time) => `${day} ${time}`))) {
    const alone = await loadTimeReader("Australia/Lord_Howe");
    expect(read(text), text).toBe(alone(text));
  }
  // Summer time ends at 2:00 by half an hour: 1:45 comes twice.
  expect(read("2026-04-05 01:45")).toBe(utc("2026-04-04T14:45:00Z"));
  expect(read("2026-04-05 02:45")).toBe(utc("2026-04-04T16:15:00Z"));
  expect(read("0070-01-02 00:00")).toBeNull();
});
