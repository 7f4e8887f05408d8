import { describe, expect, test } from "vitest";
import type { BucketSpec, BucketState, BucketUse, LimitReading } from "../../src/domain/quota.ts";
import type { LimitSettings } from "../../src/domain/settings.ts";
import { initialBucket, resumeBucket } from "../../src/pacer/bucket.ts";
import { dailyRefusalHold, dayHold, dayStop } from "../../src/pacer/day.ts";
import { applyReading } from "../../src/pacer/reading.ts";
import { LIMITS } from "../support/pacer-model.ts";

const HOUR = 3_600_000;
const START = Date.UTC(2026, 10, 20, 9);
const DAY: BucketSpec = { name: "day", kind: "day", scope: "account", windowMs: 24 * HOUR, defaultLimit: null };
const at = (ms: number) => ({ wallMs: START + ms, monoMs: ms, bootId: "boot" });

function use(used: number, nextFreeMonoMs: number | null = null): BucketUse {
  return { bucket: "day", used, usedByLane: { operational: used, background: 0 }, nextFreeMonoMs };
}

function read(
  state: BucketState,
  reading: Partial<LimitReading>,
  ms: number,
  more: { used?: number; inFlight?: number; settings?: LimitSettings } = {},
): BucketState {
  const context = { sentMonoMs: ms - 50, inFlight: { day: more.inFlight ?? 0 } };
  const settings = more.settings ?? LIMITS;
  return applyReading(state, use(more.used ?? 0), { bucket: "day", ...reading }, settings, at(ms), context);
}

const fresh = (settings: LimitSettings = LIMITS) => initialBucket(DAY, settings, START);

describe("the budget", () => {
  test("without plan and headers there is no stop of our own", () => {
    expect(fresh()).toMatchObject({ limit: null, capacity: null, capacityBackground: null });
  });

  test("of the plan: our share of it, a fifth of that only for operational work, and a floor for background", () => {
    const state = fresh({ ...LIMITS, planDailyTokens: 180_000 });
    expect(state).toMatchObject({ capacity: 144_000, capacityBackground: 115_200, floorBackground: 36_000 });
  });

  test("the header wins over the plan, the config's own number over a higher header", () => {
    const planned = { ...LIMITS, planDailyTokens: 30_000 };
    expect(read(fresh(planned), { limit: 60_000, remaining: 59_990 }, 100, { settings: planned }).limit).toBe(60_000);
    const fixed = { ...LIMITS, dailyTokens: 10_000 };
    const state = read(fresh(fixed), { limit: 60_000, remaining: 59_990 }, 100, { settings: fixed });
    expect(state).toMatchObject({ limit: 10_000, capacity: 8_000, floorBackground: 12_000 });
  });

  test("that the config gave is over with it, though the CRM is not asked while all of it is spent", () => {
    const fixed = { ...LIMITS, dailyTokens: 10_000 };
    const spent = read(fresh(fixed), { limit: 60_000, remaining: 40_000 }, 100, { settings: fixed, used: 8_000 });
    expect(spent).toMatchObject({ limit: 10_000, capacity: 8_000 });
    expect(resumeBucket(DAY, spent, fixed, at(HOUR)).limit).toBe(10_000);
    // What is left and what others used add up to all but our own part of it: the next reply tells the rest.
    expect(resumeBucket(DAY, spent, LIMITS, at(HOUR)).limit).toBe(52_000);
    expect(resumeBucket(DAY, spent, { ...LIMITS, dailyTokens: 20_000 }, at(HOUR)).limit).toBe(20_000);
  });

  test("what is left is the CRM's count less what is under way", () => {
    expect(read(fresh(), { limit: 60_000, remaining: 500 }, 100, { inFlight: 60 }).remaining).toBe(440);
  });

  test("what others spent is what is gone and was not ours", () => {
    expect(read(fresh(), { limit: 60_000, remaining: 40_000 }, 100, { used: 5_000 }).usedByOthers).toBe(15_000);
  });
});

describe("a new day", () => {
  const spent = read(fresh(), { limit: 60_000, remaining: 900 }, 0);

  test("is seen by the jump of what is left, and its end is then known", () => {
    const state = read(spent, { limit: 60_000, remaining: 59_995 }, 5 * HOUR);
    expect(state).toMatchObject({ periodStartMs: START + 5 * HOUR, resetsAtMs: START + 29 * HOUR, remaining: 59_995 });
  });

  test("is not seen in replies that overtook each other", () => {
    const state = read(spent, { limit: 60_000, remaining: 1_300 }, 1_000, { inFlight: 200 });
    expect(state).toMatchObject({ periodStartMs: null, resetsAtMs: null });
  });

  test("that was expected between two readings is dated as expected", () => {
    const known = { ...spent, resetsAtMs: START + 3 * HOUR };
    const state = read(known, { limit: 60_000, remaining: 59_000 }, 8 * HOUR);
    expect(state).toMatchObject({ periodStartMs: START + 3 * HOUR, resetsAtMs: START + 27 * HOUR });
  });

  test("that ended while nobody ran begins anew at the next run, with what is left unknown", () => {
    const known = { ...spent, resetsAtMs: START + 3 * HOUR };
    const state = resumeBucket(DAY, known, LIMITS, at(60 * HOUR));
    expect(state).toMatchObject({ periodStartMs: START + 51 * HOUR, resetsAtMs: START + 75 * HOUR, remaining: null });
    expect(state.limit).toBe(60_000);
  });

  test("whose hour was never learned can be found out: a spent row doesn't stop the next run's first request", () => {
    expect(resumeBucket(DAY, { ...spent, remaining: 0 }, LIMITS, at(HOUR)).remaining).toBeNull();
    expect(resumeBucket(DAY, spent, LIMITS, at(HOUR)).remaining).toBeNull();
  });

  test("whose hour was never learned can be found out too where less is left than a request costs, all of it ours", () => {
    const all = { ...LIMITS, share: 1 };
    const crumbs = read(fresh(all), { limit: 60_000, remaining: 1 }, 0, { settings: all });
    expect(crumbs.floorBackground).toBe(0);
    expect(resumeBucket(DAY, crumbs, all, at(HOUR)).remaining).toBeNull();
    expect(resumeBucket(DAY, { ...crumbs, remaining: 1_000 }, all, at(HOUR)).remaining).toBe(1_000);
  });

  test("whose end is known is waited for with what is left to others, and asked about when nothing is left", () => {
    const known = { ...spent, resetsAtMs: START + 3 * HOUR };
    expect(resumeBucket(DAY, known, LIMITS, at(HOUR)).remaining).toBe(900);
    expect(resumeBucket(DAY, { ...known, remaining: 0 }, LIMITS, at(HOUR)).remaining).toBeNull();
  });
});

describe("holds of the day", () => {
  const state = { ...read(fresh(), { limit: 60_000, remaining: 50_000 }, 0), resetsAtMs: START + 6 * HOUR };

  test("background stops alone, at its part of our share or at what is left to others", () => {
    expect(dayStop(state, use(38_500), "background", 10)).toBe("reserve");
    expect(dayStop({ ...state, remaining: 12_005 }, use(100), "background", 10)).toBe("floor");
    const hold = dayHold(state, use(38_400), "background", at(0));
    expect(hold).toMatchObject({
      kind: "dailyQuota",
      scope: "lane:background",
      untilMs: START + 6 * HOUR,
      probe: false,
    });
    expect(hold.message).toContain("38,400 of the account's 60,000");
  });

  test("operational work stops the account, at our share or at nothing left", () => {
    expect(dayStop(state, use(38_500), "operational", 10)).toBeNull();
    expect(dayStop(state, use(47_995), "operational", 10)).toBe("share");
    expect(dayStop({ ...state, remaining: 9 }, use(100), "operational", 10)).toBe("empty");
    expect(dayHold(state, use(47_995), "operational", at(0), 10).scope).toBe("account");
  });

  test("our own rolling count ends when the oldest spending is a day old, and not for crumbs", () => {
    const rolling = { ...state, resetsAtMs: null };
    expect(dayHold(rolling, use(48_000, 5 * HOUR), "operational", at(HOUR)).untilMs).toBe(START + 5 * HOUR);
    expect(dayHold(rolling, use(48_000, HOUR + 5), "operational", at(HOUR)).untilMs).toBe(START + HOUR + 900_000);
  });

  test("what only the CRM can lift is probed where its hour is not known", () => {
    const empty = { ...state, resetsAtMs: null, remaining: 0 };
    expect(dayHold(empty, use(10), "operational", at(0))).toMatchObject({ untilMs: null, probe: true });
    expect(dailyRefusalHold(null, START)).toMatchObject({ scope: "account", untilMs: null, probe: true });
    expect(dailyRefusalHold(state, START)).toMatchObject({ untilMs: START + 6 * HOUR, probe: true });
  });
});
