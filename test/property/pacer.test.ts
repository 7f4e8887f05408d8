import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { BURST, LIMITS, type ModelOptions, runModel } from "../support/pacer-model.ts";

const WINDOW_MS = BURST.windowMs;

/** A small generator, so that a failing run is replayed by its seed. */
function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

const network = fc
  .tuple(fc.integer({ min: 1, max: 400 }), fc.integer({ min: 1, max: 900 }))
  .map(([delayMin, spread]) => ({ delayMin, delayMax: delayMin + spread }));

function run(options: Partial<ModelOptions> & { seed: number }) {
  return runModel({
    limit: 20,
    seconds: 20,
    others: () => 0,
    delayMin: 20,
    delayMax: 80,
    headers: true,
    random: randomOf(options.seed),
    ...options,
  });
}

/** Requests that the server took of us in a window, on average, between two instants. */
function perWindow(served: number[], fromMs: number, toMs: number): number {
  return (served.filter((at) => at >= fromMs && at < toMs).length * WINDOW_MS) / (toMs - fromMs);
}

describe("alone on the token", () => {
  test("no rolling window at the server ever holds more than our share, whatever the network's jitter", () => {
    fc.assert(
      fc.property(
        fc.integer(),
        network,
        fc.constantFrom(5, 10, 20, 40, 100),
        fc.double({ min: 0.1, max: 1, noNaN: true }),
        fc.boolean(),
        (seed, delays, limit, share, headers) => {
          // Without headers the pace never goes beyond what was assumed, so the assumption must not be above the truth.
          const burst = headers ? null : limit;
          const result = run({ seed, ...delays, limit, headers, settings: { ...LIMITS, share, burst }, seconds: 12 });
          expect(result.refused).toEqual([]);
          expect(result.mostOfOurs).toBeLessThanOrEqual(Math.max(1, Math.floor(limit * share + 1e-9)));
        },
      ),
      { numRuns: 60 },
    );
  });

  test("the whole share is used while there is work: window / (window + round trip) of it", () => {
    fc.assert(
      fc.property(fc.integer(), fc.constantFrom(20, 40, 100), fc.boolean(), (seed, limit, headers) => {
        const settings = headers ? LIMITS : { ...LIMITS, burst: limit };
        const result = run({ seed, limit, headers, settings, delayMin: 30, delayMax: 120 });
        const share = limit * 0.8;
        expect(perWindow(result.served, 4_000, 20_000)).toBeGreaterThan((share * WINDOW_MS * 0.95) / (WINDOW_MS + 150));
      }),
      { numRuns: 12 },
    );
  });
});

describe("others on the same token", () => {
  test.each([0.3, 0.6, 0.9])(
    "that use %d of the window cost hardly a refusal, and a good part of the rest is used",
    (part) => {
      for (const seed of [1, 2, 3, 4, 5, 6]) {
        const result = run({ seed, seconds: 30, delayMin: 40, delayMax: 120, others: () => part });
        expect(result.refused.length, `seed ${seed}`).toBeLessThanOrEqual(1);
        const free = 20 * (1 - part);
        expect(perWindow(result.served, 6_000, 30_000), `seed ${seed}`).toBeGreaterThan(free * 0.4);
      }
    },
  );

  test("that come are given room, and the pace is back within a few windows after they went", () => {
    for (const seed of [1, 2, 3, 4]) {
      const busy = (tMs: number) => (tMs > 10_000 && tMs < 20_000 ? 0.6 : 0);
      const result = run({ seed, limit: 40, seconds: 30, delayMin: 40, delayMax: 120, others: busy });
      const before = perWindow(result.served, 4_000, 10_000);
      expect(before).toBeGreaterThan(28);
      expect(perWindow(result.served, 14_000, 20_000)).toBeLessThan(18);
      expect(perWindow(result.served, 26_000, 30_000)).toBeGreaterThan(before * 0.8);
      const settled = result.refused.filter((at) => at > 10_000 + 3 * WINDOW_MS);
      expect(settled, `seed ${seed}`).toEqual([]);
    }
  });

  test("and a CRM without headers: refusals slow us down and stay few", () => {
    for (const seed of [1, 2, 3, 4]) {
      const result = run({ seed, seconds: 40, headers: false, delayMin: 40, delayMax: 120, others: () => 0.6 });
      expect(result.refused.length, `seed ${seed}`).toBeLessThan(result.served.length * 0.15);
      expect(perWindow(result.served, 6_000, 40_000)).toBeGreaterThan(2);
    }
  });
});
