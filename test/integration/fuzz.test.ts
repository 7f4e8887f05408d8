/** A slice of each fuzzer from a fixed seed, and every case that once went wrong. `npm run fuzz` goes on from there. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readCase } from "../support/fuzz/case-file.ts";
import { chanceOf } from "../support/fuzz/chance.ts";
import { ROOT } from "../support/fuzz/corpus.ts";
import { fuzz, minimise } from "../support/fuzz/fuzz-loop.ts";
import { Broken, type FuzzTarget } from "../support/fuzz/fuzz-target.ts";
import { FUZZ_TARGETS } from "../support/fuzz/fuzz-targets.ts";

/** What two seconds of a quiet machine are worth. */
const SLICES = [
  ["spool", 40],
  ["csv", 80],
  ["config", 200],
  ["crm", 150],
] as const;
const LIMITS = { untilMs: Number.POSITIVE_INFINITY, findingsMax: 5, caseCpuMaxMs: 20_000, rssMaxBytes: 2e9 };

describe("hostile input from a fixed seed", () => {
  it.each(SLICES)("breaks no promise: %s", { timeout: 180_000 }, async (name, executionsMax) => {
    const target = FUZZ_TARGETS[name]!();
    try {
      const report = await fuzz(target, 20_261_123, { ...LIMITS, executionsMax });
      expect(report.findings.map(({ serial, error }) => `case ${serial}: ${String(error)}`)).toEqual([]);
      expect(report.executions).toBe(executionsMax);
    } finally {
      await target.close();
    }
  });
});

describe("what once went wrong", () => {
  const folder = join(ROOT, "fixtures/fuzz");
  it.each(readdirSync(folder))("does so no more: %s", async (name) => {
    const { target, one } = readCase(readFileSync(join(folder, name), "utf8"));
    const fuzzed = FUZZ_TARGETS[target]!();
    try {
      await fuzzed.run(one);
    } finally {
      await fuzzed.close();
    }
  });
});

describe("the fuzzer itself", () => {
  /** Crashes on a letter, hangs never, and is what nobody would release. */
  const fragile: FuzzTarget = {
    name: "fragile",
    makeCase: (chance) => ({ bytes: Buffer.from(`${"a".repeat(chance.below(40))}Z${"b".repeat(40)}`), params: {} }),
    run: async ({ bytes }) => {
      if (bytes.includes("Z")) throw new Broken("no Z is met");
    },
    renew: async () => {},
    close: async () => {},
  };

  it("finds what is broken, once for each promise, and makes it small", async () => {
    const { findings } = await fuzz(fragile, 1, { ...LIMITS, executionsMax: 50 });
    expect(findings).toHaveLength(1);
    expect((await minimise(fragile, findings[0]!, Number.POSITIVE_INFINITY)).bytes.toString()).toBe("Z");
  });

  it("makes the same cases of the same seed", () => {
    for (const make of Object.values(FUZZ_TARGETS)) {
      const [one, other] = [make(), make()];
      for (let serial = 0; serial < 20; serial += 1)
        expect(one.makeCase(chanceOf(7, serial))).toEqual(other.makeCase(chanceOf(7, serial)));
    }
  });
});
