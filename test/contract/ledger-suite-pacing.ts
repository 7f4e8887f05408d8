import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { RequestId } from "../../src/domain/ids.ts";
import type { BucketState } from "../../src/domain/quota.ts";
import { bucket, finished, intent, START_MS, turned } from "../support/ledger-fixture.ts";
import type { Subject } from "./ledger-suite.ts";

const WINDOW_MS = 2_000;
const TIMEOUT_MS = 30_000;
const HOUR = 3_600_000;

export function pacingTests(subject: Subject): void {
  const bench = () => subject.bench;
  const ask = (names: string[], more: { lane?: "operational" | "background"; tokens?: number } = {}) =>
    turned(bench(), {
      begin: names.map((name, index) =>
        intent(index, {
          lane: more.lane ?? "operational",
          timeoutMs: TIMEOUT_MS,
          charges: name.split("+").map((part) => ({ bucket: part, amount: part === "day" ? (more.tokens ?? 10) : 1 })),
        }),
      ),
    });
  const set = (...buckets: BucketState[]) => turned(bench(), { buckets });
  const day = (more: Partial<BucketState> = {}) => bucket("day", { kind: "day", windowMs: 24 * HOUR, ...more });

  describe("windows", () => {
    test("a slot comes back one window after the reply ended", async () => {
      await set(bucket("burst", { capacity: 2 }));
      const { granted, refused } = await ask(["burst", "burst", "burst"]);
      expect(granted.map((grant) => grant.ref)).toEqual([0, 1]);
      const latest = bench().now.monoMs + TIMEOUT_MS + WINDOW_MS;
      expect(refused).toEqual([{ ref: 2, bucket: "burst", retryAtMonoMs: latest }]);
      bench().pass(500);
      await turned(bench(), { finished: [finished(bench(), granted[0]!.requestId)] });
      bench().pass(WINDOW_MS - 1);
      expect((await ask(["burst"])).refused).toEqual([
        { ref: 0, bucket: "burst", retryAtMonoMs: bench().now.monoMs + 1 },
      ]);
      bench().pass(1);
      expect((await ask(["burst"])).granted).toHaveLength(1);
    });

    test("nobody overtakes within a bucket, and other buckets go on", async () => {
      await set(bucket("burst", { capacity: 9 }), bucket("search", { capacity: 1 }));
      const { granted, refused } = await ask(["burst+search", "burst+search", "burst+search", "burst"]);
      expect(granted.map((grant) => grant.ref)).toEqual([0, 3]);
      expect(refused.map((refusal) => [refusal.ref, refusal.bucket])).toEqual([
        [1, "search"],
        [2, "search"],
      ]);
    });

    test("a request that one bucket refuses takes nothing from the others", async () => {
      await set(bucket("burst", { capacity: 9 }), bucket("search", { capacity: 0 }), day());
      const { use } = await ask(["burst+search+day"]);
      expect(use.map((row) => [row.bucket, row.used])).toEqual([
        ["burst", 0],
        ["day", 0],
        ["search", 0],
      ]);
    });

    test("part of a slot is no slot, but some capacity is at least one", async () => {
      await set(bucket("a", { capacity: 2.9 }), bucket("b", { capacity: 0.2 }), bucket("c"));
      expect((await ask(["a", "a", "a"])).granted).toHaveLength(2);
      expect((await ask(["b", "b"])).granted).toHaveLength(1);
      expect((await ask(["c", "c", "c"])).granted).toHaveLength(3);
    });

    test("a pause holds on this boot's clock, and means nothing on another's", async () => {
      const pausedUntilMonoMs = bench().now.monoMs + 700;
      await set(bucket("burst", { capacity: 5, pausedUntilMonoMs, pausedBootId: bench().now.bootId }));
      expect((await ask(["burst"])).refused).toEqual([{ ref: 0, bucket: "burst", retryAtMonoMs: pausedUntilMonoMs }]);
      bench().pass(700);
      expect((await ask(["burst"])).granted).toHaveLength(1);
      await set(bucket("burst", { capacity: 5, readAtMs: 2, pausedUntilMonoMs: 9e12, pausedBootId: "another boot" }));
      expect((await ask(["burst"])).granted).toHaveLength(1);
    });

    test("slots of an earlier boot count by the wall clock, and not for ever when that jumped", async () => {
      await set(bucket("burst", { capacity: 1 }));
      await ask(["burst"]);
      Object.assign(bench().now, { bootId: "boot-b", monoMs: 5 });
      expect((await ask(["burst"])).refused).toEqual([
        { ref: 0, bucket: "burst", retryAtMonoMs: 5 + TIMEOUT_MS + WINDOW_MS },
      ]);
      bench().now.wallMs -= HOUR;
      expect((await ask(["burst"])).granted).toHaveLength(1);
      Object.assign(bench().now, { bootId: "boot-c", monoMs: 1, wallMs: START_MS + HOUR });
      expect((await ask(["burst"])).granted).toHaveLength(1);
    });

    test("what is in flight is counted by a concurrency bucket until it ends", async () => {
      await set(bucket("flight", { kind: "concurrency", windowMs: 0, capacity: 1 }));
      const { granted } = await ask(["flight", "flight"]);
      expect(granted).toHaveLength(1);
      await turned(bench(), { finished: [finished(bench(), granted[0]!.requestId)] });
      expect((await ask(["flight"])).granted).toHaveLength(1);
      bench().pass(TIMEOUT_MS);
      expect((await ask(["flight"])).granted).toHaveLength(1);
    });

    test("each credential has its own windows", async () => {
      await set(bucket("burst", { capacity: 1 }));
      await ask(["burst"]);
      bench().credential = "second";
      await set(bucket("burst", { capacity: 1 }));
      expect((await ask(["burst"])).granted).toHaveLength(1);
    });

    test("a charge on a bucket that nobody declared is a mistake, not free", async () => {
      await expect(ask(["nobody"])).rejects.toThrow(/nobody/);
    });

    test("never more than the capacity in any window, whatever comes when and ends when", async () => {
      const step = fc.record({
        passMs: fc.integer({ min: 0, max: 2_500 }),
        asks: fc.integer({ min: 0, max: 6 }),
        ends: fc.integer({ min: 0, max: 6 }),
        late: fc.boolean(),
      });
      let round = 0;
      await fc.assert(
        fc.asyncProperty(fc.integer({ min: 1, max: 5 }), fc.array(step, { maxLength: 25 }), async (capacity, steps) => {
          round += 1;
          const name = `w${round}`;
          await set(bucket(name, { capacity }));
          const counted: number[] = [];
          const flying: RequestId[] = [];
          for (const { passMs, asks, ends, late } of steps) {
            bench().pass(passMs);
            const over = flying.splice(0, ends).map((id) => finished(bench(), id));
            // The server counts a request at any moment between its send and the end of its reply: at the latest here.
            counted.push(...over.map((end) => end.endedMonoMs));
            const begin = Array.from({ length: asks }, (_, ref) =>
              intent(ref, { charges: [{ bucket: name, amount: 1 }], timeoutMs: TIMEOUT_MS }),
            );
            const { granted } = await turned(bench(), { finished: over, begin });
            for (const { requestId } of granted) {
              if (late) flying.push(requestId);
              else {
                counted.push(bench().now.monoMs);
                await turned(bench(), { finished: [finished(bench(), requestId)] });
              }
            }
          }
          for (const at of counted) {
            const within = counted.filter((other) => other > at - WINDOW_MS && other <= at).length;
            expect(within).toBeLessThanOrEqual(capacity);
          }
        }),
        { numRuns: 40 },
      );
    });
  });

  describe("the day", () => {
    test("stops the background at its part, and everything at ours", async () => {
      await set(day({ capacity: 50, capacityBackground: 30 }));
      expect((await ask(["day", "day", "day", "day"], { lane: "background" })).granted).toHaveLength(3);
      const { granted, refused } = await ask(["day", "day", "day"]);
      expect(granted).toHaveLength(2);
      expect(refused).toEqual([{ ref: 2, bucket: "day", retryAtMonoMs: null }]);
    });

    test("a smaller request may still fit: the day is no queue", async () => {
      await set(day({ capacity: 15 }));
      const begin = [10, 10, 5].map((amount, ref) => intent(ref, { charges: [{ bucket: "day", amount }] }));
      expect((await turned(bench(), { begin })).granted.map((grant) => grant.ref)).toEqual([0, 2]);
    });

    test("heeds what the CRM says is left: to nothing for the operational lane, to the floor for the background", async () => {
      await set(day({ remaining: 45, floorBackground: 20 }));
      expect((await ask(["day", "day", "day"], { lane: "background" })).granted).toHaveLength(2);
      const { granted, buckets } = await ask(["day", "day", "day"]);
      expect(granted).toHaveLength(2);
      expect(buckets[0]?.remaining).toBe(5);
      expect(
        (await bench().ledger.buckets(bench().account, bench().credential, bench().now)).states[0]?.remaining,
      ).toBe(5);
    });

    test("without a known reset counts 24 hours back, never less", async () => {
      await set(day({ capacity: 10 }));
      await ask(["day"]);
      bench().pass(24 * HOUR - 1);
      expect((await ask(["day"])).granted).toHaveLength(0);
      bench().pass(15 * 60_000 + 1);
      expect((await ask(["day"])).granted).toHaveLength(1);
    });

    test("with a known reset counts from there, to the millisecond", async () => {
      await set(day({ capacity: 10 }));
      await ask(["day"]);
      bench().pass(1_234);
      await set(day({ capacity: 10, readAtMs: 2, periodStartMs: bench().now.wallMs }));
      expect((await ask(["day", "day"])).granted).toHaveLength(1);
    });

    test("a refused call costs nothing and is counted apart", async () => {
      await set(day({ capacity: 10, remaining: 100 }));
      const { granted } = await ask(["day"]);
      bench().pass(HOUR);
      const end = finished(bench(), granted[0]!.requestId, { status: 429, outcome: "deferred", rateLimited: true });
      const after = await turned(bench(), { finished: [end, end] });
      expect(after.use[0]).toMatchObject({ used: 0, usedByLane: { operational: 0, background: 0 } });
      expect(after.buckets[0]?.remaining).toBe(100);
      expect(await bench().ledger.requestTotals(bench().run)).toEqual({ total: 1, rateLimited: 1, tokens: 0 });
    });

    test("belongs to the account: another credential draws from the same", async () => {
      await set(day({ capacity: 10 }));
      await ask(["day"]);
      bench().credential = "second";
      expect((await ask(["day"])).granted).toHaveLength(0);
    });

    test("two processes together never overdraw it", async () => {
      await set(day({ capacity: 100 }), bucket("burst", { capacity: 12 }));
      const second = { ...bench(), ledger: await subject.again() };
      const begin = Array.from({ length: 8 }, (_, ref) =>
        intent(ref, {
          charges: [
            { bucket: "day", amount: 10 },
            { bucket: "burst", amount: 1 },
          ],
        }),
      );
      const results = await Promise.all([turned(bench(), { begin }), turned(second, { begin })]);
      expect(results.flatMap((result) => result.granted)).toHaveLength(10);
      expect(await bench().ledger.requestTotals(bench().run)).toEqual({ total: 10, rateLimited: 0, tokens: 100 });
    });
  });

  describe("readings", () => {
    test("a newer one takes over, an older one is ignored", async () => {
      await set(bucket("burst", { capacity: 5, readAtMs: 10, usedByOthers: 3 }));
      await set(bucket("burst", { capacity: 9, readAtMs: 9 }));
      const { states } = await bench().ledger.buckets(bench().account, bench().credential, bench().now);
      expect(states).toEqual([bucket("burst", { capacity: 5, readAtMs: 10, usedByOthers: 3 })]);
    });

    test("one from before the clock was set back is no newer than any", async () => {
      const { wallMs } = bench().now;
      await set(bucket("burst", { capacity: 5, readAtMs: wallMs + HOUR }));
      await set(bucket("burst", { capacity: 9, readAtMs: wallMs }));
      const { states } = await bench().ledger.buckets(bench().account, bench().credential, bench().now);
      expect(states).toMatchObject([{ capacity: 9, readAtMs: wallMs }]);
    });

    test("a pause is lengthened by any reading, and shortened only by a newer one", async () => {
      const paused = (readAtMs: number, until: number) =>
        bucket("burst", { readAtMs, pausedUntilMonoMs: until, pausedBootId: bench().now.bootId });
      const until = async () =>
        (await bench().ledger.buckets(bench().account, bench().credential, bench().now)).states[0]?.pausedUntilMonoMs;
      await set(paused(10, 500));
      await set(paused(9, 800));
      expect(await until()).toBe(800);
      await set(paused(9, 600));
      await set(paused(10, 600));
      expect(await until()).toBe(800);
      await set(paused(11, 600));
      expect(await until()).toBe(600);
    });
  });
}
