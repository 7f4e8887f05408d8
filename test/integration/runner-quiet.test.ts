/** Quiet hours of sources and lanes, and tries of a lane of its own. */
import { afterEach, describe, expect, it } from "vitest";
import type { DrainSettings, QuietHours } from "../../src/domain/settings.ts";
import { openSqliteLedger } from "../../src/ledger/sqlite/open.ts";
import { previewDrain } from "../../src/runner/preview.ts";
import { type CliWorld, createCliWorld } from "../support/cli-world.ts";
import { type Given, lead, NO_LIMITS, SETTINGS, START_MS } from "../support/drain-rig.ts";
import { judge } from "../support/oracle.ts";
import { createVirtualClock } from "../support/virtual-clock.ts";
import { type WatchedRig, watchedRig } from "../support/watched-rig.ts";

const HOUR_MS = 3_600_000;
const leads = (count: number, from = 1, more: Partial<Given> = {}) =>
  Array.from({ length: count }, (_, n) => ({ ...lead(from + n), ...more }));
/** The virtual clock begins at 08:00. */
const between = (fromHour: number, toHour: number): QuietHours => ({
  timezone: "UTC",
  windows: [{ days: [1, 2, 3, 4, 5, 6, 7], fromMinute: fromHour * 60, toMinute: toHour * 60 }],
});
const rigOf = (more: Partial<DrainSettings>) => watchedRig({ settings: { ...SETTINGS, ...more } });
const done = async (rig: WatchedRig, filter: { source?: string; lane?: string }) =>
  (await rig.ledger.queue(filter)).done;

describe("quiet hours of a source", () => {
  it("let nothing of it begin; others go on, nobody fails, and afterwards all goes", async () => {
    const rig = await rigOf({ quiet: { sources: { night: between(7, 10) }, lanes: {} } });
    const given = [...leads(5, 1, { source: "night" }), ...leads(5, 100)];
    await rig.take(given);
    const report = await rig.run();
    expect(report).toMatchObject({ stopped: "drained", hold: null, drained: { done: 5, failed: 0 }, remaining: 5 });
    expect(await done(rig, { source: "night" })).toBe(0);
    await rig.clock.advance(2 * HOUR_MS);
    expect(await rig.run()).toMatchObject({ drained: { done: 5 }, remaining: 0 });
    expect(judge(rig.simulator, given)).toEqual({ lost: [], doubled: [] });
    expect(await rig.ledger.holds()).toEqual([]);
  });

  it("that begin during a run end what was begun and begin nothing more", async () => {
    const rig = await rigOf({ quiet: { sources: { website: between(9, 10) }, lanes: {} } });
    await rig.take(leads(400));
    await rig.clock.advance(HOUR_MS - 10_000);
    await rig.run();
    const { done: before, inProgress, uncertain } = await rig.ledger.queue();
    expect(before).toBeGreaterThan(10);
    expect(before).toBeLessThan(300);
    expect([inProgress, uncertain]).toEqual([0, 0]);
    // Whoever was begun is whole.
    expect(rig.simulator.records.notes).toHaveLength(rig.simulator.records.persons.length);
    const calls = rig.calls.length;
    await rig.clock.advance(30 * 60_000);
    const began = rig.clock.monoMs();
    await rig.run();
    expect(rig.calls.length).toBe(calls);
    // A run that has nothing to do does not wait about for what is not to be sent.
    expect(rig.clock.monoMs() - began).toBeLessThan(1_000);
    await rig.clock.advance(HOUR_MS);
    await rig.runOut();
    expect(judge(rig.simulator, leads(400))).toEqual({ lost: [], doubled: [] });
  });

  it("settle a write in doubt, so that nobody of another source waits for its person", async () => {
    const rig = await rigOf({ quiet: { sources: { night: between(8, 20) }, lanes: {} } });
    await rig.clock.advance(-60_000 + 0);
    await rig.clock.advance(13 * HOUR_MS);
    await rig.take([{ ...lead(1), source: "night", lane: "background" }]);
    rig.simulator.failNext({ kind: "resetAfter", match: { method: "POST", path: /\/persons$/ } });
    await rig.run();
    expect(await rig.ledger.queue()).toMatchObject({ uncertain: 1 });
    await rig.clock.advance(11 * HOUR_MS + 5 * 60_000);
    const person = lead(1).content.person!;
    await rig.take([{ ...lead(2, { person }), source: "day" }]);
    await rig.run({ waitMaxMs: 0 });
    await rig.run({ waitMaxMs: 0 });
    expect(await done(rig, { source: "day" })).toBe(1);
    expect(rig.simulator.records.persons).toHaveLength(1);
    expect((await rig.ledger.queue()).uncertain).toBe(0);
  });

  it("are in the plan of a dry run: nothing of it is among the writes", async () => {
    const rig = await rigOf({ quiet: { sources: { night: between(7, 10) }, lanes: {} } });
    await rig.take([...leads(3, 1, { source: "night" }), ...leads(2, 100)]);
    const plan = await previewDrain(rig.deps(1 as never), NO_LIMITS, []);
    expect(plan.submissions).toBe(2);
    expect(plan.writes.every(({ source }) => source === "website")).toBe(true);
    expect(plan.why).toContain(
      "source night has quiet hours until 2026-11-24T10:00:00.000Z: 3 of its submissions wait",
    );
  });
});

describe("quiet hours of a lane", () => {
  it("keep back that lane of every source, and let the other one go", async () => {
    const rig = await rigOf({ quiet: { sources: {}, lanes: { background: between(8, 18) } } });
    await rig.take([...leads(4, 1, { lane: "background" }), ...leads(4, 100)]);
    await rig.run();
    expect([await done(rig, { lane: "operational" }), await done(rig, { lane: "background" })]).toEqual([4, 0]);
    await rig.clock.advance(11 * HOUR_MS);
    expect(await rig.run()).toMatchObject({ remaining: 0 });
  });
});

describe("a lane's own retries", () => {
  it("give it another number of tries and other delays than the rest", async () => {
    const laneRetry = { background: { maxAttempts: 2, baseDelayMs: 600_000, maxDelayMs: 600_000 } };
    const rig = await rigOf({ laneRetry, breaker: { failureRate: 1.1, window: 20, cooldownMs: 30_000 } });
    await rig.take([{ ...lead(1), lane: "background" }, lead(2)]);
    rig.simulator.failNext({ kind: "error500Before", match: { method: "POST", path: /\/deals$/ }, times: 1_000 });
    for (let minutes = 0; minutes < 120; minutes += 2) {
      await rig.run({ waitMaxMs: 0 });
      await rig.clock.advance(120_000);
    }
    const stepOf = async (key: string) => (await rig.story(key)).steps.find(({ name }) => name === "deal")!;
    const tries = async (key: string) => (await stepOf(key)).history.filter(({ method }) => method === "POST").length;
    expect([await tries("wf_1"), await tries("wf_2")]).toEqual([2, 5]);
    expect((await rig.ledger.failed({})).map(({ key }) => key).sort()).toEqual(["wf_1", "wf_2"]);
  });
});

describe("quiet hours on the command line", () => {
  let world: CliWorld;
  afterEach(() => world.close());

  it("are told by sync, status, show and the dry run, and are no delay", async () => {
    world = await createCliWorld();
    world.config(
      'sources:\n  website: { spool: ./spool, lane: operational, target: 1m, quiet: "22:00-07:00", timezone: Europe/Tallinn }\n',
    );
    const clock = createVirtualClock(Date.UTC(2026, 10, 24, 21, 0));
    const run = (...args: string[]) => world.runWith({ clock }, ...args);
    const ledger = await openSqliteLedger({ path: world.path("crmledger.db"), create: true, nowMs: START_MS });
    await ledger.close();
    world.write("spool/a.json", JSON.stringify({ id: "1", person: { email: "ada@example.com" } }));
    const synced = await run("sync", "--max-wait", "0s");
    expect(synced.code).toBe(0);
    expect(synced.err).toMatch(/Quiet hours: source website until .*; 1 waits\./);
    await clock.advance(HOUR_MS);
    const until = "2026-11-25T05:00:00.000Z";
    const status = (await run("status", "--json")).json;
    expect(status.quiet).toEqual([{ scope: "source:website", until, waiting: 1 }]);
    expect(status.alerts.filter(({ kind }: { kind: string }) => kind === "delay")).toEqual([]);
    expect((await run("status")).out).toMatch(/quiet +source website until .*; 1 waits/);
    expect((await run("show", "1", "--json")).json.quiet).toEqual({ scope: "source:website", until });
    expect((await run("show", "1")).out).toMatch(/waits for +the end of quiet hours of source:website/);
    const { plan } = (await run("sync", "--dry-run", "--json")).json;
    expect(plan).toMatchObject({ submissions: 0, writes: [] });
    expect(plan.why.join()).toContain("quiet hours until 2026-11-25T05:00:00.000Z: 1 of its submissions wait");
    await clock.advance(8 * HOUR_MS);
    const late = (await run("status", "--json")).json;
    expect(late.quiet).toEqual([]);
    expect(late.alerts).toMatchObject([{ kind: "delay", subject: "website" }]);
  });
});
