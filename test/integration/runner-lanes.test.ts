/** Who goes first and who may spend what: lanes, a source's part of the day, several processes, a budget nearly gone. */
import { describe, expect, it } from "vitest";
import type { DrainSettings } from "../../src/domain/settings.ts";
import { drain } from "../../src/runner/drain.ts";
import type { DrainReport } from "../../src/runner/runner.ts";
import { type Given, lead, NO_LIMITS, SETTINGS } from "../support/drain-rig.ts";
import { judge } from "../support/oracle.ts";
import { type WatchedRig, watchedRig } from "../support/watched-rig.ts";

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
const leads = (count: number, from = 1, more: Partial<Given> = {}) =>
  Array.from({ length: count }, (_, n) => ({ ...lead(from + n), ...more }));
const doneOf = async (rig: WatchedRig, filter: { source?: string; lane?: string }) =>
  (await rig.ledger.queue(filter)).done;

const BUDGET = 2_000;
const rigOf = (more: Partial<DrainSettings> = {}, dailyTokens = BUDGET) =>
  watchedRig({
    simulator: { limits: { dailyTokens, dailyHeaders: true, burst: 1_000 } },
    settings: { ...SETTINGS, ...more },
  });

/** Several processes on one ledger, each with its own run. */
function together(rig: WatchedRig, count: number): Promise<DrainReport[]> {
  return rig.clock.run(() =>
    Promise.all(
      Array.from({ length: count }, async (_, index) => {
        const now = { wallMs: rig.clock.wallMs(), monoMs: rig.clock.monoMs(), bootId: rig.clock.bootId };
        const runId = await rig.ledger.openRun({ kind: "sync", pid: index, host: "test", lockName: null, now });
        const report = await drain(rig.deps(runId), NO_LIMITS, new AbortController().signal);
        const end = { stopped: report.stopped, exitCode: 0, summary: null, nowMs: rig.clock.wallMs() };
        await rig.ledger.closeRun(runId, end);
        return report;
      }),
    ),
  );
}

/** What the simulator took for a source's own records: creates of person, deal and note. */
function tokensOf(rig: WatchedRig, from: number, to: number): number {
  const mine = (name: string) => {
    const number = Number(/(\d+)$/.exec(name)?.[1]);
    return number >= from && number <= to;
  };
  const { persons, deals, notes } = rig.simulator.records;
  const ids = new Set(deals.filter(({ title }) => mine(title)).map(({ id }) => id));
  const own = notes.filter(({ deal_id: deal }) => deal !== null && ids.has(deal)).length;
  return 5 * persons.filter(({ name }) => mine(name)).length + 5 * ids.size + 10 * own;
}

describe("a source's part of the day's budget", () => {
  const share = { dailyShares: { partners: 0.1 } };
  /** A tenth of our own four fifths. */
  const MOST = BUDGET * 0.8 * 0.1;

  it.each([
    ["one process", 1],
    ["three processes", 3],
  ])("is never exceeded, and what it leaves is the others': %s", async (_name, processes) => {
    const rig = await rigOf(share);
    const given = [...leads(30, 1, { source: "partners" }), ...leads(40, 100)];
    await rig.take(given);
    const [report] = await together(rig, processes);
    expect(await doneOf(rig, { source: "website" })).toBe(40);
    const delivered = await doneOf(rig, { source: "partners" });
    expect(delivered).toBeGreaterThanOrEqual(5);
    expect(tokensOf(rig, 1, 30)).toBeLessThanOrEqual(MOST);
    const spent = await rig.ledger.sourceSpending(share.dailyShares, {
      ...{ wallMs: rig.clock.wallMs(), monoMs: rig.clock.monoMs(), bootId: rig.clock.bootId },
    });
    expect(spent).toEqual([{ source: "partners", most: MOST, used: expect.any(Number) }]);
    expect(spent[0]!.used).toBeLessThanOrEqual(MOST);
    expect(spent[0]!.used).toBeGreaterThanOrEqual(tokensOf(rig, 1, 30));
    expect(report).toMatchObject({ hold: { kind: "dailyQuota", scope: "source:partners" }, drained: { failed: 0 } });
    // No chain of it was left halfway.
    expect(rig.simulator.records.notes).toHaveLength(rig.simulator.records.persons.length);
  });

  it("waits without a request for it, and goes on each day until all is there", async () => {
    const rig = await rigOf(share);
    await rig.take(leads(20, 1, { source: "partners" }));
    await rig.run();
    const calls = rig.calls.length;
    for (let runs = 0; runs < 5; runs += 1) {
      await rig.clock.advance(10 * MINUTE_MS);
      await rig.run();
    }
    expect(rig.calls.length - calls).toBeLessThanOrEqual(5);
    expect(await rig.ledger.holds()).toMatchObject([{ kind: "dailyQuota", scope: "source:partners" }]);
    let days = 0;
    for (; (await rig.run()).remaining > 0 && days < 8; days += 1) {
      expect(tokensOf(rig, 1, 20)).toBeLessThanOrEqual((days + 1) * MOST);
      await rig.clock.advance(DAY_MS);
    }
    expect(days).toBeLessThanOrEqual(4);
    expect(judge(rig.simulator, leads(20, 1, { source: "partners" }))).toEqual({ lost: [], doubled: [] });
    expect(await rig.ledger.holds()).toEqual([]);
    expect(await rig.ledger.failed({})).toEqual([]);
  });

  it.each<[string, Record<string, number>]>([
    ["raised", { partners: 0.1 }],
    ["taken away", {}],
  ])("that was %s lets go at once what it had stopped", async (_name, raised) => {
    const rig = await rigOf({ dailyShares: { partners: 0.01 } });
    await rig.take(leads(1, 1, { source: "partners" }));
    await rig.run();
    const stopped = { waiting: 1, done: 0 };
    expect(await rig.ledger.queue()).toMatchObject(stopped);
    await rig.clock.advance(MINUTE_MS);
    await rig.run();
    expect(await rig.ledger.queue()).toMatchObject(stopped);
    const settings = { ...rig.settings, dailyShares: raised };
    expect(await rig.run({}, { settings })).toMatchObject({ drained: { done: 1 }, remaining: 0, hold: null });
    expect(await rig.ledger.holds()).toEqual([]);
    expect(judge(rig.simulator, leads(1, 1, { source: "partners" }))).toEqual({ lost: [], doubled: [] });
  });

  it("makes nobody else's look-ups dearer while the source itself is held", async () => {
    const requests = async (...held: Given[]) => {
      const rig = await rigOf({ dailyShares: { partners: 0.002 } }, 20_000);
      await rig.take(leads(60, 100));
      await rig.run();
      await rig.take([...held, ...leads(60, 100).map((one) => ({ ...one, key: `${one.key}_again` }))]);
      await rig.ledger.openHold(
        null,
        { kind: "paused", scope: "source:partners", untilMs: null, probe: false, message: "paused" },
        rig.clock.wallMs(),
      );
      expect((await rig.run()).drained.done).toBe(60);
      return rig.calls.length;
    };
    expect(await requests(...leads(3, 1, { source: "partners" }))).toBe(await requests());
  });

  it("refuses a write that would exceed it, however many were begun", async () => {
    const rig = await rigOf({ dailyShares: { partners: 0.02 } });
    await rig.take(leads(10, 1, { source: "partners" }));
    await rig.run();
    expect(tokensOf(rig, 1, 10)).toBeLessThanOrEqual(BUDGET * 0.8 * 0.02);
    expect((await rig.ledger.queue()).failed).toBe(0);
  });
});

describe("operational work", () => {
  it("that comes while a run is in the middle of a backfill waits for no more than it", async () => {
    const rig = await rigOf({}, 100_000);
    await rig.take(leads(600, 1000, { lane: "background" }));
    let came = 0;
    let taken: Promise<void> | null = null;
    let last = 0;
    rig.onReply = (call) => {
      const backlog = rig.simulator.records.deals.length;
      if (taken === null && backlog >= 150) {
        came = rig.clock.monoMs();
        taken = rig.take(leads(10));
      }
      if (call.method === "POST" && /note/.test(call.path) && /lead [0-9]\b|lead 10\b/.test(call.text ?? "")) {
        last = rig.clock.monoMs();
      }
    };
    await rig.run();
    expect(await doneOf(rig, { lane: "operational" })).toBe(10);
    expect(last).toBeGreaterThan(came);
    // Ten of them alone take three seconds with the burst of this account; 450 of the backfill take a minute and more.
    expect(last - came).toBeLessThan(10_000);
    expect(await doneOf(rig, { lane: "background" })).toBe(600);
  });

  it("that comes to a slow account is not behind the chains that are in hand", async () => {
    const rig = await watchedRig({ simulator: { limits: { dailyTokens: 100_000, dailyHeaders: true, burst: 20 } } });
    await rig.take(leads(150, 1000, { lane: "background" }));
    let came = 0;
    let last = 0;
    rig.onReply = (call) => {
      if (came === 0 && rig.simulator.records.deals.length >= 20) {
        came = rig.clock.monoMs();
        void rig.take(leads(3));
      }
      if (/Note of lead [123]\b/.test(call.text ?? "")) last = rig.clock.monoMs();
    };
    await rig.run({ durationMaxMs: 90_000 });
    expect(await doneOf(rig, { lane: "operational" })).toBe(3);
    expect(last).toBeGreaterThan(came);
    // Eight requests a second: the hundred chains of a batch would take over half a minute.
    expect(last - came).toBeLessThan(6_000);
  });

  it("is done before the backfill beside it, in one process and in three", async () => {
    for (const processes of [1, 3]) {
      const rig = await rigOf({}, 100_000);
      await rig.take([...leads(200, 1000, { lane: "background" }), ...leads(100)]);
      let background = 0;
      rig.onReply = () => {
        const deals = rig.simulator.records.deals.map(({ title }) => Number(/\d+$/.exec(title)![0]));
        if (deals.filter((number) => number < 1000).length < 100)
          background = deals.filter((number) => number >= 1000).length;
      };
      await together(rig, processes);
      // A twentieth of the pace is the backfill's own; a second process goes on with one of it at a time.
      expect(background).toBeLessThanOrEqual(processes === 1 ? 10 : 40);
      expect(background).toBeGreaterThanOrEqual(100 / 20);
    }
  });

  it("of a process that died is taken over by the run beside it when its lease is over", async () => {
    const rig = await rigOf({}, 1_000_000);
    await rig.take([...leads(5), ...leads(800, 1000, { lane: "background" })]);
    const now = { wallMs: rig.clock.wallMs(), monoMs: rig.clock.monoMs(), bootId: rig.clock.bootId };
    const dead = await rig.ledger.openRun({ kind: "sync", pid: 1, host: "test", lockName: "join-1", now });
    const scope = { source: null, lane: "operational" as const, heldSources: [], heldLanes: [] };
    const leaseUntilMs = now.wallMs + MINUTE_MS / 3;
    expect(await rig.ledger.claim({ runId: dead, now, limit: 5, leaseUntilMs, ...scope })).toHaveLength(5);
    expect(await rig.run()).toMatchObject({ drained: { done: 805 }, remaining: 0 });
  });

  it("goes on to the end of our share when the day's budget is nearly gone, although background came first", async () => {
    const rig = await rigOf();
    await rig.take(leads(200, 1000, { lane: "background" }));
    await rig.run();
    expect(rig.simulator.spentToday()).toBeLessThanOrEqual(BUDGET * 0.8 * 0.8);
    await rig.take(leads(12));
    for (const report of await together(rig, 2)) expect(report.drained.failed).toBe(0);
    expect(await doneOf(rig, { lane: "operational" })).toBe(12);
    expect(rig.simulator.spentToday()).toBeLessThanOrEqual(BUDGET * 0.8);
  });
});

describe("background work", () => {
  it("that the day's reserve had stopped goes on at once when our share was raised", async () => {
    const rig = await rigOf({ limits: { ...SETTINGS.limits, share: 0.2 } });
    await rig.take(leads(40, 1000, { lane: "background" }));
    await rig.run();
    const { waiting } = await rig.ledger.queue();
    expect(waiting).toBeGreaterThan(0);
    await rig.clock.advance(MINUTE_MS);
    await rig.run({}, { settings: { ...rig.settings, limits: SETTINGS.limits } });
    expect(await rig.ledger.queue()).toMatchObject({ waiting: 0, done: 40 });
  });

  it("gets a twentieth of the requests however much operational work there is", async () => {
    const rig = await rigOf({}, 100_000);
    await rig.take([...leads(400), ...leads(60, 1000, { lane: "background" })]);
    await rig.run({ durationMaxMs: 10_000 });
    const [operational, background] = [
      await doneOf(rig, { lane: "operational" }),
      await doneOf(rig, { lane: "background" }),
    ];
    expect(operational).toBeGreaterThan(60);
    expect(background / (operational + background)).toBeGreaterThanOrEqual(1 / 25);
    expect(background / (operational + background)).toBeLessThanOrEqual(1 / 6);
  });
});
