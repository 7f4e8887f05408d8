import { describe, expect, test } from "vitest";
import type { BucketState, BucketUse, LimitReading } from "../../src/domain/quota.ts";
import { initialBucket, pausedMs, resumeBucket } from "../../src/pacer/bucket.ts";
import { applyReading, applyReply } from "../../src/pacer/reading.ts";
import { burstHold } from "../../src/pacer/window.ts";
import { BURST, LIMITS } from "../support/pacer-model.ts";

const START = 1_000_000;
const at = (ms: number, bootId = "boot") => ({ wallMs: START + ms, monoMs: ms, bootId });
const use = (used: number): BucketUse => ({
  bucket: "burst",
  used,
  usedByLane: { operational: used, background: 0 },
  nextFreeMonoMs: null,
});

/** A bucket at full pace that has learned a limit of 20. */
function settled(changes: Partial<BucketState> = {}): BucketState {
  return { ...initialBucket(BURST, LIMITS, START), rateFactor: 1, capacity: 16, readAtMs: START, ...changes };
}

function read(state: BucketState, reading: Partial<LimitReading>, ms: number, sentMs = ms - 50, used = 0): BucketState {
  return applyReading(state, use(used), { bucket: "burst", ...reading }, LIMITS, at(ms), { sentMonoMs: sentMs });
}

describe("what a run starts with", () => {
  test("a sixteenth of the share of the vendor's default, then all of it after a few good replies", () => {
    let state = initialBucket(BURST, LIMITS, START);
    expect([state.limit, state.capacity]).toEqual([20, 1]);
    for (let ms = 100; ms <= 400; ms += 100) state = read(state, {}, ms);
    expect(state.capacity).toBe(16);
  });

  test("a configured burst wins over the default, and the header over a higher one", () => {
    const settings = { ...LIMITS, burst: 60 };
    const state = initialBucket(BURST, settings, START);
    expect(state.limit).toBe(60);
    const told = applyReading(state, use(1), { bucket: "burst", limit: 40 }, settings, at(100), { sentMonoMs: 50 });
    expect(told.limit).toBe(40);
    const fixed = applyReading(state, use(1), { bucket: "burst", limit: 100 }, settings, at(100), { sentMonoMs: 50 });
    expect(fixed.limit).toBe(60);
  });

  test("the search window keeps its own default whatever the burst is", () => {
    const search = { ...BURST, name: "search", defaultLimit: 10 };
    expect(initialBucket(search, { ...LIMITS, burst: 100 }, START).limit).toBe(10);
  });

  test("a share too small for one request still lets one through, and rounding takes none away", () => {
    expect(settledCapacity(20, 0.01)).toBe(1);
    expect(settledCapacity(100, 0.29)).toBe(29);
  });

  test("an earlier run's pause that still runs is kept, one of another boot is not", () => {
    const paused = settled({ pausedUntilMonoMs: 9_000, pausedBootId: "boot" });
    expect(resumeBucket(BURST, paused, LIMITS, at(5_000)).pausedUntilMonoMs).toBe(9_000);
    expect(resumeBucket(BURST, paused, LIMITS, at(9_500)).pausedUntilMonoMs).toBe(0);
    expect(resumeBucket(BURST, paused, LIMITS, at(5_000, "other")).pausedUntilMonoMs).toBe(0);
  });

  test("a pause that became a hold leaves room for the one request that asks", () => {
    const held = settled({ pausedUntilMonoMs: 600_000, pausedBootId: "boot" });
    expect(resumeBucket(BURST, held, LIMITS, at(5_000))).toMatchObject({
      pausedUntilMonoMs: 0,
      readAtMs: START + 5_000,
      capacity: 1,
    });
  });

  test("what a reply told within this window holds: only after it the start is gentle again", () => {
    const row = settled({ limit: 20, usedByOthers: 3 });
    expect(resumeBucket(BURST, row, LIMITS, at(1_900))).toMatchObject({ rateFactor: 1, usedByOthers: 3, capacity: 16 });
    expect(resumeBucket(BURST, row, LIMITS, at(2_000))).toMatchObject({ usedByOthers: 0, capacity: 1 });
    expect(resumeBucket(BURST, row, LIMITS, at(-1))).toMatchObject({ usedByOthers: 0, capacity: 1 });
  });

  test("a learned limit is remembered, but today's settings count", () => {
    expect(resumeBucket(BURST, settled({ limit: 120 }), LIMITS, at(0)).limit).toBe(120);
    const row = settled({ limit: 10, capacity: 8 });
    expect(resumeBucket(BURST, row, { ...LIMITS, burst: 50 }, at(0)).limit).toBe(50);
  });
});

function settledCapacity(limit: number, share: number): number | null {
  const settings = { ...LIMITS, burst: limit, share };
  const state = { ...initialBucket(BURST, settings, START), rateFactor: 1 };
  return applyReading(state, use(1), { bucket: "burst" }, settings, at(100), { sentMonoMs: 50 }).capacity;
}

describe("what replies teach", () => {
  test("the limit of a bigger plan is taken up at once", () => {
    expect(read(settled(), { limit: 120, remaining: 119 }, 100, 50, 1).capacity).toBe(96);
  });

  test("nonsense in the headers changes nothing", () => {
    for (const limit of [0, -5, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(read(settled(), { limit }, 100).capacity).toBe(16);
    }
    expect(read(settled(), { limit: 20, remaining: Number.NaN }, 100).capacity).toBe(16);
    expect(read(settled(), { limit: 20, remaining: -3 }, 100).usedByOthers).toBe(0);
  });

  test("what others use is the server's count less ours, and leaves us the rest", () => {
    const state = read(settled(), { limit: 20, remaining: 5 }, 100, 50, 4);
    expect(state.usedByOthers).toBe(11);
    expect(state.capacity).toBeLessThanOrEqual(20 - 11 - 1);
    expect(state.capacity).toBeGreaterThanOrEqual(7);
  });

  test("our own full window is nobody else's doing, also with a share of 1", () => {
    const settings = { ...LIMITS, share: 1 };
    const state = applyReading(
      settled({ capacity: 20 }),
      use(20),
      { bucket: "burst", limit: 20, remaining: 0 },
      settings,
      at(100),
      {
        sentMonoMs: 50,
      },
    );
    expect(state.capacity).toBe(20);
  });

  test("a slow reply's count is of a window that is gone, and is not believed", () => {
    expect(read(settled(), { limit: 20, remaining: 0 }, 5_000, 2_000, 1).usedByOthers).toBe(0);
  });

  test("others that went are forgotten within three windows, not at one low reading", () => {
    let state = read(settled(), { limit: 20, remaining: 4 }, 100, 50, 2);
    expect(state.usedByOthers).toBe(14);
    state = read(state, { limit: 20, remaining: 18 }, 200, 150, 2);
    expect(state.usedByOthers).toBe(14);
    for (const ms of [2_200, 4_300, 6_400]) state = read(state, { limit: 20, remaining: 18 }, ms, ms - 50, 2);
    expect(state.usedByOthers).toBe(0);
    expect(state.capacity).toBe(16);
  });
});

describe("a refusal", () => {
  const exceeded = { exceeded: true, remaining: 0 };

  test("rests the credential for a window and halves the rate", () => {
    const state = read(settled(), exceeded, 1_000);
    expect(pausedMs(state, at(1_000))).toBe(2_000);
    expect(state.rateFactor).toBe(0.5);
    expect(state.capacity).toBeLessThanOrEqual(8);
  });

  test("of sixteen requests of one burst counts once", () => {
    let state = settled();
    for (let index = 0; index < 16; index += 1) state = read(state, exceeded, 1_000 + index, 900);
    expect(state.rateFactor).toBe(0.5);
    expect(pausedMs(state, at(1_015))).toBe(2_000);
  });

  test("that asks for a longer rest gets it; an absurd or negative wish gets a window", () => {
    const rest = (reading: Partial<LimitReading>) =>
      pausedMs(read(settled(), { ...exceeded, ...reading }, 1_000), at(1_000));
    expect(rest({ retryAfterMs: 7_000 })).toBe(7_000);
    expect(rest({ resetMs: 3_000 })).toBe(3_000);
    expect(rest({ retryAfterMs: 600_000 })).toBe(600_000);
    expect(rest({ retryAfterMs: 9e15 })).toBe(2_000);
    expect(rest({ retryAfterMs: -5_000 })).toBe(2_000);
    expect(rest({ retryAfterMs: Number.NaN })).toBe(2_000);
  });

  test("is followed by a rate that grows back step by step", () => {
    let state = read(settled(), exceeded, 1_000);
    const factors = [];
    for (let ms = 3_100; ms < 12_000; ms += 250) {
      state = read(state, { limit: 20, remaining: 19 }, ms, ms - 50, 1);
      factors.push(state.rateFactor);
    }
    expect(factors[0]).toBeLessThan(0.6);
    expect([...factors].sort((a, b) => a - b)).toEqual(factors);
    expect(factors.at(-1)).toBe(1);
    expect(state.capacity).toBe(16);
  });

  test("three windows in a row is a hold of the credential, before the CRM blocks it", () => {
    let state = settled();
    const holds = [];
    for (let window = 0; window < 4; window += 1) {
      const ms = 1_000 + window * 2_100;
      const next = read(state, exceeded, ms);
      holds.push(burstHold(state, next, at(ms)));
      state = next;
    }
    expect(holds.map((hold) => hold?.scope ?? null)).toEqual([null, null, "credential", "credential"]);
    expect(holds[2]).toMatchObject({ kind: "burst", untilMs: START + 1_000 + 4_200 + 60_000, probe: true });
  });

  test("with a rest longer than a run should sleep is a hold until then", () => {
    const before = settled();
    const after = read(before, { ...exceeded, retryAfterMs: 600_000 }, 1_000);
    expect(burstHold(before, after, at(1_000))).toMatchObject({ kind: "burst", untilMs: START + 601_000 });
    expect(burstHold(before, read(before, exceeded, 1_000), at(1_000))).toBeNull();
  });

  test("here and there, with room in between, is no reason for a hold: anybody's 429 comes now and then", () => {
    let state = settled();
    for (let round = 0; round < 10; round += 1) {
      const ms = 1_000 + round * 5_000;
      const next = read(state, exceeded, ms);
      expect(burstHold(state, next, at(ms))).toBeNull();
      state = read(next, { limit: 20, remaining: 18 }, ms + 2_500, ms + 2_400, 1);
    }
    expect(state.capacity).toBeGreaterThanOrEqual(4);
  });

  test("once at the gentle start of a run is no row of refusals", () => {
    const starting = initialBucket(BURST, LIMITS, START);
    expect(burstHold(starting, read(starting, exceeded, 1_000), at(1_000))).toBeNull();
  });

  test("after a good reply no hold is asked for", () => {
    const before = settled({ rateFactor: 0.1, pausedUntilMonoMs: 500, pausedBootId: "boot" });
    expect(burstHold(before, read(before, {}, 1_000), at(1_000))).toBeNull();
  });
});

describe("a whole reply", () => {
  const search: BucketState = { ...settled(), bucket: "search", limit: 10, capacity: 1, rateFactor: 0.125 };
  const charges = [
    { bucket: "burst", amount: 1 },
    { bucket: "search", amount: 1 },
  ];

  test("without headers still lets the pace of every window grow that it was charged to", () => {
    const rows = applyReply([settled(), search], [], charges, [], LIMITS, at(100), { sentMonoMs: 50 });
    expect(rows.map((row) => [row.bucket, row.rateFactor])).toEqual([
      ["burst", 1],
      ["search", 0.25],
    ]);
  });

  test("refused by one window says nothing about the others", () => {
    const readings = [{ bucket: "burst", exceeded: true }];
    const rows = applyReply([settled(), search], [], charges, readings, LIMITS, at(100), { sentMonoMs: 50 });
    expect(rows.map((row) => row.bucket)).toEqual(["burst"]);
  });
});
