import { describe, expect, test } from "vitest";
import type { BreakerSettings } from "../../src/domain/settings.ts";
import { type Breaker, closedBreaker, cooldownMs, recordOutcome } from "../../src/pacer/breaker.ts";
import { concurrencyFor, ratePerSecond, secondsFor } from "../../src/pacer/concurrency.ts";
import { readRetryAfter } from "../../src/pacer/retry-after.ts";

describe("breaker", () => {
  const settings: BreakerSettings = { failureRate: 0.5, window: 20, cooldownMs: 30_000 };
  const feed = (breaker: Breaker, outcomes: string, nowMs = 1_000) =>
    [...outcomes].reduce((row, outcome) => recordOutcome(row, outcome === "x", settings, nowMs), breaker);

  test("opens at the failure rate, but not before ten outcomes are known", () => {
    expect(feed(closedBreaker("notes"), "xxxxxxxxx").state).toBe("closed");
    expect(feed(closedBreaker("notes"), "xxxxxxxxxx")).toMatchObject({ state: "open", openedAtMs: 1_000 });
    expect(feed(closedBreaker("notes"), ".x.x.x.x.x").state).toBe("open");
    expect(feed(closedBreaker("notes"), "..x..x..x..x..x..x..x").state).toBe("closed");
  });

  test("forgets what is older than the window", () => {
    const row = feed(closedBreaker("notes"), `xxxxxxxx${".".repeat(40)}`);
    expect(row.recent).toEqual(Array(20).fill(false));
  });

  test("a probe's success closes it with an empty memory, its failure opens it for twice as long", () => {
    const open = feed(closedBreaker("notes"), "xxxxxxxxxx");
    expect(cooldownMs(open, settings)).toBe(30_000);
    const probing: Breaker = { ...open, state: "halfOpen" };
    expect(recordOutcome(probing, false, settings, 32_000)).toEqual(closedBreaker("notes"));
    const again = recordOutcome(probing, true, settings, 32_000);
    expect(again).toMatchObject({ state: "open", openedAtMs: 32_000 });
    expect(cooldownMs(again, settings)).toBe(60_000);
  });

  test("the cooldown stops growing at 32 times", () => {
    const last = feed(closedBreaker("notes"), "x".repeat(40));
    expect(cooldownMs(last, settings)).toBe(32 * 30_000);
  });
});

describe("Retry-After", () => {
  const now = Date.UTC(2026, 10, 20, 10);

  test("takes seconds and dates", () => {
    expect(readRetryAfter("3", now)).toBe(3_000);
    expect(readRetryAfter(" 1.5 ", now)).toBe(1_500);
    expect(readRetryAfter("Fri, 20 Nov 2026 10:00:07 GMT", now)).toBe(7_000);
    expect(readRetryAfter("Fri, 20 Nov 2026 09:00:00 GMT", now)).toBe(0);
    expect(readRetryAfter("43200", now)).toBe(43_200_000);
  });

  test("makes nothing of what is missing, negative, absurd or no time", () => {
    for (const text of [
      null,
      undefined,
      "",
      "-5",
      "soon",
      "NaN",
      "Infinity",
      "1e3",
      "2026-11",
      "11/20",
      "999999999",
      "Fri, 20 Nov 2099 10:00:00 GMT",
    ]) {
      expect(readRetryAfter(text, now), String(text)).toBeNull();
    }
  });
});

describe("requests in flight", () => {
  test("are rate x round trip with some headroom, between 4 and 64, or what the config says", () => {
    expect(concurrencyFor({ concurrency: null }, 8, 150)).toBe(4);
    expect(concurrencyFor({ concurrency: null }, 40, 400)).toBe(20);
    expect(concurrencyFor({ concurrency: null }, 60, 30_000)).toBe(64);
    expect(concurrencyFor({ concurrency: null }, null, 100)).toBe(64);
    expect(concurrencyFor({ concurrency: 2 }, 60, 30_000)).toBe(2);
  });

  test("a slot turns once in window + round trip", () => {
    const bucket = { capacity: 16, windowMs: 2_000 };
    expect(ratePerSecond(bucket, 0)).toBe(8);
    expect(ratePerSecond({ ...bucket, capacity: null }, 0)).toBeNull();
    expect(secondsFor(16, bucket, 200)).toBeCloseTo(0.2);
    expect(secondsFor(176, bucket, 0)).toBeCloseTo(20);
    expect(secondsFor(0, bucket, 200)).toBe(0);
  });
});
