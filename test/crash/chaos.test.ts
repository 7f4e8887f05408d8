/** A few seconds of what `npm run chaos` does for as long as one wants. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type ChaosOptions, chaos } from "../support/chaos.ts";
import { virtualHours } from "../support/chaos-hour.ts";
import { currentProgram } from "../support/program.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "crmledger-chaos-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const few = (more: Partial<ChaosOptions>): ChaosOptions => ({
  folder,
  command: currentProgram(),
  processes: 4,
  seconds: 6,
  seed: 1,
  perSecond: 5,
  calm: false,
  quietMaxMs: 120_000,
  say: () => {},
  ...more,
});

const NO_REFUSALS = { burst: 0, search: 0, daily: 0, injected: 0, blocked: 0 };

it("processes that are killed, stopped and ended by chance lose nothing, make nothing twice and misbehave in nothing", async () => {
  const { lost, twice, wrong, trouble, remaining, limited, signals } = await chaos(few({}));
  expect({ lost, twice, wrong, trouble, remaining, limited }).toEqual({
    ...{ lost: [], twice: [], wrong: [], trouble: [], remaining: 0 },
    limited: NO_REFUSALS,
  });
  expect(Object.values(signals).reduce((sum, count) => sum + count, 0)).toBeGreaterThan(0);
}, 300_000);

it("processes that work side by side in peace end well, each of them, and overrun no limit", async () => {
  const { lost, twice, wrong, trouble, remaining, limited, exits } = await chaos(few({ calm: true, seconds: 4 }));
  expect({ lost, twice, wrong, trouble, remaining, limited }).toEqual({
    ...{ lost: [], twice: [], wrong: [], trouble: [], remaining: 0 },
    limited: NO_REFUSALS,
  });
  expect(Object.keys(exits).filter((name) => !["0", "2", "3", "4", "75"].includes(name))).toEqual([]);
}, 300_000);

it("eight runners on one ledger deliver two virtual minutes of submissions once, and overrun no limit", async () => {
  const limits = { dailyTokens: null, dailyHeaders: false };
  const options = { hours: 0.03, processes: 8, seed: 3, perMinute: 100, limits, say: () => {} };
  const { lost, doubled, problems, limited, queue, busyRuns, submissions } = await virtualHours(options);
  expect({ lost, doubled, problems, limited }).toEqual({ lost: [], doubled: [], problems: [], limited: NO_REFUSALS });
  expect([queue.done, submissions]).toEqual([180, 180]);
  expect(busyRuns).toBeGreaterThan(8);
}, 300_000);
