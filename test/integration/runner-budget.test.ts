/** The day's budget, lanes, and the limits that a run is given: who stops, who goes on, what the report says. */
import { describe, expect, it } from "vitest";
import type { LimitSettings } from "../../src/domain/settings.ts";
import { type Given, lead, SETTINGS } from "../support/drain-rig.ts";
import { judge } from "../support/oracle.ts";
import { type WatchedRig, watchedRig } from "../support/watched-rig.ts";

const leads = (count: number, from = 1, more: Partial<Given> = {}) =>
  Array.from({ length: count }, (_, n) => ({ ...lead(from + n), ...more }));
const limits = (more: Partial<LimitSettings>) => ({ limits: { ...SETTINGS.limits, ...more } });
const DAY_MS = 86_400_000;

async function lanesDone(rig: WatchedRig) {
  const counts = await Promise.all([
    rig.ledger.queue({ lane: "operational" }),
    rig.ledger.queue({ lane: "background" }),
  ]);
  return counts.map((queue) => queue.done);
}

describe.each([
  ["with daily headers", true],
  ["without daily headers", false],
] as const)("the day's budget, %s", (_how, dailyHeaders) => {
  const budget = 1_000;
  const rigOf = (others?: { requestsPerSecond: number; tokensPerSecond: number }) =>
    watchedRig({
      simulator: { limits: { dailyTokens: budget, dailyHeaders }, ...(others ? { others } : {}) },
      settings: dailyHeaders ? {} : limits({ planDailyTokens: budget }),
    });

  it("ends at our share: hold dailyQuota, nobody fails, the rest goes on the next day", async () => {
    const rig = await rigOf();
    await rig.take(leads(80));
    const report = await rig.run();
    expect(report).toMatchObject({ stopped: "hold", hold: { kind: "dailyQuota" }, drained: { failed: 0 } });
    expect(rig.simulator.spentToday()).toBeLessThanOrEqual(budget * 0.8);
    expect(rig.simulator.spentToday()).toBeGreaterThan(budget * 0.75);
    expect(rig.simulator.requests.limited.daily).toBe(0);
    let runs = 0;
    while ((await rig.run()).remaining > 0 && runs < 6) {
      runs += 1;
      expect(rig.simulator.spentToday()).toBeLessThanOrEqual(budget);
      await rig.clock.advance(DAY_MS);
    }
    expect(rig.simulator.records.deals).toHaveLength(80);
    expect(rig.simulator.requests.limited.daily).toBe(0);
    expect(await rig.ledger.failed({})).toEqual([]);
    expect(await rig.ledger.holds()).toEqual([]);
  });

  it("background stops at its reserve while operational goes on, and resumes the next day", async () => {
    const rig = await rigOf();
    await rig.take(leads(60, 1, { lane: "background" }));
    const first = await rig.run();
    expect(first).toMatchObject({ hold: { kind: "dailyQuota", scope: "lane:background" }, drained: { failed: 0 } });
    expect(rig.simulator.spentToday()).toBeLessThanOrEqual(budget * 0.8 * 0.8);
    await rig.take(leads(4, 100));
    const second = await rig.run();
    const [operational, background] = await lanesDone(rig);
    expect(operational).toBe(4);
    expect(second).toMatchObject({ stopped: "drained", hold: { scope: "lane:background" } });
    expect(background).toBe(first.drained.done);
    for (let days = 0; days < 4; days += 1) {
      await rig.clock.advance(DAY_MS);
      await rig.run();
    }
    expect((await lanesDone(rig))[1]).toBe(60);
    expect(await rig.ledger.holds()).toEqual([]);
  });

  it("is not asked for again and again within the day by runs under the hold", async () => {
    const rig = await rigOf();
    await rig.take(leads(80));
    await rig.run();
    const before = rig.calls.length;
    for (let runs = 0; runs < 12; runs += 1) {
      await rig.clock.advance(300_000);
      await rig.run();
    }
    expect(rig.calls.length - before).toBeLessThanOrEqual(12);
    expect(rig.simulator.spentToday()).toBeLessThanOrEqual(budget * 0.82);
  });
});

describe("other clients of the budget", () => {
  it("are left what background would need; operational goes on to the end of the budget", async () => {
    const rig = await watchedRig({ simulator: { limits: { dailyTokens: 2_000 } } });
    await rig.take([...leads(2, 900), ...leads(30, 1, { lane: "background" })]);
    rig.simulator.setOthers({ requestsPerSecond: 1, tokensPerSecond: 1_500 });
    await rig.clock.advance(1_000);
    rig.simulator.setOthers(null);
    const report = await rig.run();
    expect(report.hold).toMatchObject({ kind: "dailyQuota", scope: "lane:background" });
    expect((await lanesDone(rig))[0]).toBe(2);
    expect(rig.simulator.spentToday()).toBeLessThan(1_700);
    await rig.take(leads(10, 700));
    expect((await rig.run()).drained.failed).toBe(0);
    expect((await lanesDone(rig))[0]).toBe(12);
  });

  it("that used all of it: the CRM's refusal is a hold that costs no try, asked about with one request", async () => {
    const rig = await watchedRig({ simulator: { limits: { dailyTokens: 1_000 } } });
    await rig.take(leads(10));
    rig.simulator.setOthers({ requestsPerSecond: 1, tokensPerSecond: 990 });
    await rig.clock.advance(1_000);
    rig.simulator.setOthers(null);
    const report = await rig.run();
    expect(report).toMatchObject({ stopped: "hold", hold: { kind: "dailyQuota", scope: "account" } });
    const before = rig.calls.length;
    await rig.clock.advance(300_000);
    expect(await rig.run()).toMatchObject({ stopped: "hold", drained: { failed: 0 } });
    expect(rig.calls.length - before).toBe(1);
    await rig.clock.advance(DAY_MS);
    await rig.runOut();
    expect(rig.simulator.records.deals).toHaveLength(10);
    expect((await rig.story("wf_1")).submission.attempts).toBe(0);
  });
});

describe("what a run may do", () => {
  it("--max-tokens: stops before it would be more, and counts as the CRM does", async () => {
    const rig = await watchedRig();
    await rig.take(leads(20));
    const report = await rig.run({ tokensMax: 150 });
    expect(report).toMatchObject({ stopped: "maxTokens", hold: null, drained: { failed: 0 } });
    expect(report.requests.tokens).toBeLessThanOrEqual(150);
    expect(report.requests.tokens).toBeGreaterThan(120);
    expect(report.requests.tokens).toBe(rig.simulator.requests.tokens);
    expect(await rig.run()).toMatchObject({ stopped: "drained", remaining: 0 });
    expect(judge(rig.simulator, leads(20))).toEqual({ lost: [], doubled: [] });
  });

  it("--limit: so many submissions and no more; drained where there were no more", async () => {
    const rig = await watchedRig();
    await rig.take(leads(20));
    expect(await rig.run({ submissionsMax: 7 })).toMatchObject({
      stopped: "limit",
      drained: { done: 7 },
      remaining: 13,
    });
    expect(await rig.run({ submissionsMax: 13 })).toMatchObject({ stopped: "drained", drained: { done: 13 } });
  });

  it("--max-duration: what is in flight ends and is recorded", async () => {
    const rig = await watchedRig();
    await rig.take(leads(200));
    const began = rig.clock.monoMs();
    const report = await rig.run({ durationMaxMs: 40_000 });
    expect(report).toMatchObject({ stopped: "maxDuration", hold: null });
    expect(rig.clock.monoMs() - began).toBeLessThan(41_000);
    expect(report.drained.done).toBeGreaterThan(10);
    expect((await rig.ledger.queue()).inProgress).toBe(0);
    expect(report.remaining).toBe(200 - report.drained.done);
    await rig.run();
    expect(judge(rig.simulator, leads(200))).toEqual({ lost: [], doubled: [] });
    expect(rig.calls.every((call) => call.status === 200)).toBe(true);
  });

  it("a signal: what is in flight ends and is recorded, nothing new begins", async () => {
    const rig = await watchedRig();
    await rig.take(leads(50));
    const stop = new AbortController();
    let atStop = 0;
    rig.onReply = () => {
      if (rig.simulator.records.deals.length < 10 || stop.signal.aborted) return;
      stop.abort();
      atStop = rig.calls.length;
    };
    const report = await rig.run({}, {}, stop.signal);
    expect(report).toMatchObject({ stopped: "signal", drained: { failed: 0 } });
    expect(rig.calls.length - atStop).toBeLessThanOrEqual(4);
    const queue = await rig.ledger.queue();
    expect(queue).toMatchObject({ inProgress: 0, uncertain: 0 });
    expect(report.remaining).toBe(queue.pending + queue.waiting);
    await rig.run();
    expect(judge(rig.simulator, leads(50))).toEqual({ lost: [], doubled: [] });
  });

  it("a signal before anything: nothing is sent", async () => {
    const rig = await watchedRig();
    await rig.take(leads(3));
    await rig.run();
    await rig.take(leads(3, 10));
    const before = rig.calls.length;
    expect(await rig.run({}, {}, AbortSignal.abort())).toMatchObject({ stopped: "signal", remaining: 3 });
    expect(rig.calls.length).toBe(before);
  });

  it("--max-wait: keeps going for what falls due within it, leaves what is due later", async () => {
    const rig = await watchedRig();
    await rig.take(leads(1));
    rig.simulator.failNext({ kind: "resetAfter", match: { method: "POST", path: /\/deals$/ } });
    expect(await rig.run({ waitMaxMs: 90_000 })).toMatchObject({ stopped: "drained", remaining: 0 });
    await rig.take(leads(1, 2));
    rig.simulator.failNext({ kind: "resetAfter", match: { method: "POST", path: /\/deals$/ } });
    const began = rig.clock.monoMs();
    expect(await rig.run({ waitMaxMs: 30_000 })).toMatchObject({ stopped: "drained", remaining: 1 });
    expect(rig.clock.monoMs() - began).toBeLessThan(30_000);
  });

  it("--source and --lane: only these", async () => {
    const rig = await watchedRig();
    await rig.take([
      ...leads(2, 1, { source: "website" }),
      ...leads(3, 10, { source: "crm-export", lane: "background" }),
      ...leads(1, 20, { source: "website", lane: "background" }),
    ]);
    expect((await rig.run({ source: "website", lane: "background" })).drained.done).toBe(1);
    expect((await rig.run({ lane: "background" })).drained.done).toBe(3);
    expect((await rig.run({ source: "website" })).drained.done).toBe(2);
  });

  it("the report's counts are the ledger's", async () => {
    const rig = await watchedRig();
    await rig.take(leads(30));
    rig.simulator.failNext({ kind: "resetAfter", match: { method: "POST", path: /\/deals$/ }, times: 2 });
    rig.simulator.failNext({ kind: "rateLimit429", match: { method: "POST", path: /\/notes$/ } });
    const report = await rig.run();
    const queue = await rig.ledger.queue();
    expect(report.drained).toEqual({
      done: queue.done,
      waiting: queue.waiting,
      uncertain: queue.uncertain,
      failed: queue.failed,
    });
    expect(report.remaining).toBe(queue.pending + queue.waiting + queue.uncertain);
    expect(report.requests.total).toBe(rig.calls.length);
    expect(report.requests.rateLimited).toBe(1);
  });
});
