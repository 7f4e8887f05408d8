import { describe, expect, test } from "vitest";
import { type DayBudget, dayBudget, forecast } from "../../src/pacer/forecast.ts";
import { bucket } from "../support/ledger-fixture.ts";

const NOW_MS = Date.UTC(2026, 10, 23, 14, 0, 0);
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const NONE = { submissions: 0, requests: 0, tokens: 0 };

/** Four requests and twenty tokens each. */
const work = (operational: number, background = 0) => ({
  operational: { submissions: operational, requests: operational * 4, tokens: operational * 20 },
  background: { submissions: background, requests: background * 4, tokens: background * 20 },
});
const budget = (left: number, more: Partial<DayBudget> = {}): DayBudget => ({
  left: { operational: left, background: left },
  full: { operational: 10_000, background: 8_000 },
  resetsAtMs: NOW_MS + 10 * HOUR_MS,
  ...more,
});

describe("a forecast", () => {
  test("says what part of today's budget the work takes, and when it is done", () => {
    expect(forecast(work(214), budget(7_000), 4, NOW_MS)).toEqual({
      ...{ today: 214, leftToday: 7_000, partOfLeft: 4_280 / 7_000, doneAtMs: NOW_MS + 214_000 },
      days: [{ fromMs: NOW_MS, submissions: 214, tokens: 4_280 }],
    });
  });

  test("is done by the pace alone where no budget is known", () => {
    expect(forecast(work(100), null, 4, NOW_MS)).toMatchObject({
      ...{ today: 100, leftToday: null, partOfLeft: null, doneAtMs: NOW_MS + 100_000 },
    });
    expect(forecast(work(1_000_000), null, 4, NOW_MS)).toMatchObject({ doneAtMs: NOW_MS + 1_000_000_000 });
  });

  test("tells what goes today and when the rest goes", () => {
    const told = forecast(work(1_200), budget(4_000), 4, NOW_MS);
    const reset = NOW_MS + 10 * HOUR_MS;
    expect(told).toMatchObject({ today: 200, partOfLeft: 6, doneAtMs: reset + DAY_MS + 500_000 });
    expect(told.days).toEqual([
      { fromMs: NOW_MS, submissions: 200, tokens: 4_000 },
      { fromMs: reset, submissions: 500, tokens: 10_000 },
      { fromMs: reset + DAY_MS, submissions: 500, tokens: 10_000 },
    ]);
  });

  test("waits for the pace where the budget is no limit", () => {
    const told = forecast(work(20_000), budget(1e9, { full: { operational: 1e9, background: 1e9 } }), 1, NOW_MS);
    expect(told.today).toBe(9_000);
    expect(told.doneAtMs).toBe(NOW_MS + 80_000_000);
  });

  test("sends operational work first, and background work only within its part", () => {
    const given = budget(4_000, { left: { operational: 4_000, background: 3_000 } });
    const told = forecast(work(100, 400), given, null, NOW_MS);
    // 100 operational ones leave 1,000 of the 3,000 to 50 background ones.
    expect(told.days[0]).toMatchObject({ submissions: 150, tokens: 3_000 });
    expect(told.days[1]).toMatchObject({ submissions: 350 });
    expect(forecast(work(0, 10), given, null, NOW_MS).leftToday).toBe(3_000);
  });

  test("goes on tomorrow where nothing is left today, and never where a day holds not even one", () => {
    const told = forecast(work(10), budget(0), 4, NOW_MS);
    expect(told).toMatchObject({ today: 0, leftToday: 0, partOfLeft: null, doneAtMs: NOW_MS + 10 * HOUR_MS + 10_000 });
    expect(told.days.map(({ submissions }) => submissions)).toEqual([0, 10]);
    expect(forecast(work(10), budget(0, { full: { operational: 5, background: 5 } }), 4, NOW_MS).doneAtMs).toBeNull();
  });

  test("takes the next budget to be a day away where nobody knows when it begins", () => {
    const told = forecast(work(300), budget(2_000, { resetsAtMs: null }), null, NOW_MS);
    expect(told.days.map(({ fromMs }) => fromMs)).toEqual([NOW_MS, NOW_MS + DAY_MS]);
  });

  test("of nothing is done now; of work without end it says so", () => {
    expect(forecast({ operational: NONE, background: NONE }, budget(10), 4, NOW_MS)).toMatchObject({
      ...{ today: 0, doneAtMs: NOW_MS, days: [] },
    });
    expect(forecast(work(10_000_000), budget(4_000), 4, NOW_MS).doneAtMs).toBeNull();
  });

  test("counts a budget by the bucket's own rules", () => {
    const day = bucket("day", {
      kind: "day",
      windowMs: DAY_MS,
      capacity: 8_000,
      capacityBackground: 6_400,
      limit: 10_000,
    });
    expect(dayBudget({ ...day, remaining: 5_000, floorBackground: 2_000 }, { used: 1_000 })).toEqual({
      ...{ left: { operational: 5_000, background: 3_000 }, full: { operational: 8_000, background: 6_400 } },
      resetsAtMs: null,
    });
    expect(dayBudget(day, { used: 7_000 })?.left).toEqual({ operational: 1_000, background: 0 });
    expect(dayBudget(bucket("day", { kind: "day" }), { used: 0 })).toBeNull();
  });
});
