/** What tests share that switch one safety off by what they hand in. */
import type { Ledger } from "../../src/ledger/ledger.ts";
import { openSqliteLedger } from "../../src/ledger/sqlite/open.ts";
import { drain } from "../../src/runner/drain.ts";
import { type Given, lead, NO_LIMITS, type Rig, SETTINGS, START_MS } from "./drain-rig.ts";

export const NOTHING = { lost: [], doubled: [] };

/** So that two runs go in step. */
export const UNPACED = { limits: { ...SETTINGS.limits, burst: 2_000, share: 1 } };

/** The same ledger with some verbs done otherwise. */
export function altered(ledger: Ledger, verbs: Partial<Ledger>): Ledger {
  return Object.assign(Object.create(ledger) as Ledger, verbs);
}

export async function emptyLedger(): Promise<Ledger> {
  return await openSqliteLedger({ path: ":memory:", create: true, nowMs: START_MS });
}

/** Takes these in and sends them by two runs that go in step: both know the CRM's set-up already. */
export async function runBoth(rig: Rig, given: readonly Given[]): Promise<void> {
  await rig.take([lead(0)]);
  await rig.run();
  await rig.take(given);
  const now = { wallMs: rig.clock.wallMs(), monoMs: rig.clock.monoMs(), bootId: rig.clock.bootId };
  const one = async (number: number) => {
    const runId = await rig.ledger.openRun({ kind: "sync", pid: number, host: "test", lockName: `run-${number}`, now });
    await drain(rig.deps(runId), { ...NO_LIMITS, submissionsMax: 1 }, new AbortController().signal);
  };
  await rig.clock.run(Promise.all([one(1), one(2)]));
}
