/** Each safety is needed: without it, and only without it, the judge finds what it guards against. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { describe, expect, it } from "vitest";
import type { Ledger } from "../../src/ledger/ledger.ts";
import { openSqliteLedger } from "../../src/ledger/sqlite/open.ts";
import { drain } from "../../src/runner/drain.ts";
import { createRig, type Given, lead, NO_LIMITS, type Rig, SETTINGS, START_MS } from "../support/drain-rig.ts";
import { IMMORTAL, runToTheEnd } from "../support/mortal-run.ts";
import { judge } from "../support/oracle.ts";

const NOTHING = { lost: [], doubled: [] };

/** So that two runs go in step. */
const UNPACED = { limits: { ...SETTINGS.limits, burst: 2_000, share: 1 } };

/** The same ledger with some verbs done otherwise. */
function altered(ledger: Ledger, verbs: Partial<Ledger>): Ledger {
  return Object.assign(Object.create(ledger) as Ledger, verbs);
}

async function emptyLedger(): Promise<Ledger> {
  return await openSqliteLedger({ path: ":memory:", create: true, nowMs: START_MS });
}

/** Takes these in and sends them by two runs that go in step: both know the CRM's set-up already. */
async function runBoth(rig: Rig, given: readonly Given[]): Promise<void> {
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

describe("the settle times", () => {
  const late = async (settleMs: number[]) => {
    const rig = await createRig({ settings: { retry: { ...SETTINGS.retry, settleMs } } });
    const given = [lead(1)];
    await rig.take(given);
    rig.simulator.failNext({ kind: "lateApply", match: { method: "POST", path: /\/deals$/ }, ms: 40_000 });
    await runToTheEnd(rig, IMMORTAL, new Map());
    await rig.clock.advance(60_000);
    return judge(rig.simulator, given);
  };

  it("keep a write that is done late from being sent again", async () => {
    expect(await late([60_000, 300_000])).toEqual(NOTHING);
    expect((await late([0])).doubled).toEqual(["website/wf_1 deal x2"]);
  });
});

describe("the look before sending again", () => {
  it("keeps a write whose answer was lost from being sent again", async () => {
    const lost = async (blind: boolean) => {
      const ledger = await emptyLedger();
      const rig = await createRig({
        ledger: altered(
          ledger,
          blind ? { turn: (turn) => ledger.turn({ ...turn, steps: turn.steps.map(forgetful) }) } : {},
        ),
      });
      const given = [lead(1)];
      await rig.take(given);
      rig.simulator.failNext({ kind: "resetAfter", match: { method: "POST", path: /\/deals$/ } });
      await runToTheEnd(rig, IMMORTAL, new Map());
      return judge(rig.simulator, given);
    };
    type Change = Parameters<Ledger["turn"]>[0]["steps"][number];
    const forgetful = (change: Change): Change =>
      change.to === "uncertain" ? { ...change, to: "open", lostAtMs: null } : change;
    expect(await lost(false)).toEqual(NOTHING);
    expect((await lost(true)).doubled).toEqual(["website/wf_1 deal x2"]);
  });
});

describe("the intent that is durable before a byte leaves", () => {
  it("keeps a dead run's write from being sent again", async () => {
    const dies = async (forgotten: boolean) => {
      const folder = mkdtempSync(join(tmpdir(), "crmledger-"));
      const path = join(folder, "ledger.db");
      const ledger = await openSqliteLedger({ path, create: true, nowMs: START_MS });
      const rig = await createRig({
        ledger: altered(
          ledger,
          forgotten ? { recover: (...of) => forgetIntents(path, () => ledger.recover(...of)) } : {},
        ),
      });
      const given = [lead(1)];
      await rig.take(given);
      // The deal is made, and its answer is in the hands of one that dies.
      let died = false;
      const fate = (name: string): boolean => {
        const now = !died && name === "send.after" && rig.simulator.records.deals.length === 1;
        died ||= now;
        return now;
      };
      const deaths = await runToTheEnd(rig, fate, new Map());
      expect(deaths).toBe(1);
      await ledger.close();
      rmSync(folder, { recursive: true });
      return judge(rig.simulator, given);
    };
    expect(await dies(false)).toEqual(NOTHING);
    expect((await dies(true)).doubled).toEqual(["website/wf_1 deal x2"]);
  });
});

/** As if no intent had ever been written: what was begun looks as if it had not been. */
async function forgetIntents<T>(path: string, recover: () => Promise<T>): Promise<T> {
  const database = new Database(path);
  database.prepare("UPDATE steps SET state = 'open' WHERE state = 'begun'").run();
  database.close();
  return await recover();
}

describe("the leases of identity keys", () => {
  const ada = { name: "Ada", email: "ada@example.com" };
  const given: Given[] = [lead(1, { person: ada }), lead(2, { person: ada })];

  it("keep two submissions of one person from making the person twice", async () => {
    const together = async (keyless: boolean) => {
      const ledger = await emptyLedger();
      const ingest: Ledger["ingest"] = (batch, now) =>
        ledger.ingest({ ...batch, submissions: batch.submissions.map((one) => ({ ...one, identityKeys: [] })) }, now);
      const rig = await createRig({ settings: UNPACED, ledger: altered(ledger, keyless ? { ingest } : {}) });
      await runBoth(rig, given);
      await runToTheEnd(rig, IMMORTAL, new Map());
      return judge(rig.simulator, given);
    };
    expect(await together(false)).toEqual(NOTHING);
    expect((await together(true)).doubled).toEqual(["person ada@example.com x2"]);
  });

  it("keep two people's submissions from making one organization twice", async () => {
    const together = async (leaseless: boolean) => {
      const ledger = await emptyLedger();
      const rig = await createRig({
        settings: UNPACED,
        ledger: altered(ledger, leaseless ? { leaseKeys: () => Promise.resolve(null) } : {}),
      });
      const organization = { name: "Analytical Engines" };
      await runBoth(rig, [lead(1, { organization }), lead(2, { organization })]);
      await runToTheEnd(rig, IMMORTAL, new Map());
      return rig.simulator.records.organizations.length;
    };
    expect(await together(false)).toBe(1);
    expect(await together(true)).toBe(2);
  });
});
