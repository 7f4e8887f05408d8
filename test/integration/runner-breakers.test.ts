/** One dead endpoint stops what needs it and nothing else; of all processes one asks whether it is over. */
import { beforeEach, describe, expect, it } from "vitest";
import type { OperationGroup } from "../../src/domain/operation.ts";
import type { HttpRequest } from "../../src/domain/wire.ts";
import { drain } from "../../src/runner/drain.ts";
import type { DrainReport } from "../../src/runner/runner.ts";
import { lead, NO_LIMITS, PLAN, type RigOptions, SETTINGS } from "../support/drain-rig.ts";
import { judge } from "../support/oracle.ts";
import { type Call, type WatchedRig, watchedRig } from "../support/watched-rig.ts";

const leads = (count: number, from = 1) => Array.from({ length: count }, (_, n) => lead(from + n));
const MINUTE_MS = 60_000;

let rig: WatchedRig;
/** Requests that get no useful answer. */
let isDown: (request: HttpRequest) => boolean;
const NOTES = (request: HttpRequest) => request.method === "POST" && /\/notes/.test(request.url);

async function start(options: RigOptions = {}): Promise<void> {
  isDown = () => false;
  rig = await watchedRig({
    ...options,
    transport: async (request) => {
      if (!isDown(request)) return await rig.simulator.handle(request);
      await rig.clock.sleep(20);
      return { type: "response", status: 503, headers: {}, body: "" };
    },
  });
}

beforeEach(() => start());

const breaker = async (group: OperationGroup) =>
  (await rig.ledger.breakers((await rig.ledger.account())!.id)).find((row) => row.group === group);
const hold = async () => (await rig.ledger.holds()).map(({ kind, scope }) => `${kind} ${scope}`);
const attempts = async (keys: readonly string[]) =>
  Math.max(...(await Promise.all(keys.map(async (key) => (await rig.story(key)).submission.attempts))));
const writesOf = (calls: readonly Call[], path: RegExp) =>
  calls.filter(({ method, path: at }) => method === "POST" && path.test(at));

/** Several processes on one ledger, each with its own run. */
function together(count: number): Promise<DrainReport[]> {
  return rig.clock.run(() =>
    Promise.all(
      Array.from({ length: count }, async (_, index) => {
        const { wallMs, monoMs, bootId } = rig.clock;
        const now = { wallMs: wallMs.call(rig.clock), monoMs: monoMs.call(rig.clock), bootId };
        const runId = await rig.ledger.openRun({ kind: "sync", pid: index, host: "test", lockName: null, now });
        const report = await drain(rig.deps(runId), NO_LIMITS, new AbortController().signal);
        const end = { stopped: report.stopped, exitCode: 0, summary: null, nowMs: rig.clock.wallMs() };
        await rig.ledger.closeRun(runId, end);
        return report;
      }),
    ),
  );
}

/** Notes are down, everything else is written, and thirty chains wait for their notes. */
async function notesDown(): Promise<void> {
  await rig.take(leads(30));
  isDown = NOTES;
  await rig.run();
  // Until the looks for the first ones are over, what was lost may still turn up.
  await rig.clock.advance(6 * MINUTE_MS);
}

describe("the breaker of a group", () => {
  it("goes from closed over open and half open back to closed, and each is in the ledger", async () => {
    await rig.take(leads(3, 100));
    await rig.run();
    expect((await breaker("notes"))?.state ?? "closed").toBe("closed");
    await notesDown();
    expect(await breaker("notes")).toMatchObject({ state: "open", openings: 1, down: "writes" });
    expect(await hold()).toEqual(["outage group:notes"]);
    const seen: Promise<unknown>[] = [];
    rig.onSend = (call) => {
      if (writesOf([call], /notes/).length > 0) seen.push(breaker("notes"));
    };
    await rig.run();
    expect(await Promise.all(seen)).toMatchObject([{ state: "halfOpen" }]);
    expect(await breaker("notes")).toMatchObject({ state: "open", openings: 2, down: "writes" });
    isDown = () => false;
    await rig.clock.advance(2 * MINUTE_MS);
    await rig.runOut();
    expect(await breaker("notes")).toMatchObject({ state: "closed", openings: 0, down: null });
    expect(await hold()).toEqual([]);
    expect(judge(rig.simulator, [...leads(3, 100), ...leads(30)])).toEqual({ lost: [], doubled: [] });
  });

  it("is probed once by all processes on the ledger together", async () => {
    await notesDown();
    for (let round = 0; round < 3; round += 1) {
      const before = rig.calls.length;
      await together(3);
      expect(writesOf(rig.calls.slice(before), /notes/)).toHaveLength(1);
      await rig.clock.advance(20 * MINUTE_MS);
    }
    isDown = () => false;
    await together(3);
    expect(await breaker("notes")).toMatchObject({ state: "closed" });
  });

  it("that another process found closed lets everybody through, and one that it opened stops everybody", async () => {
    await rig.take(leads(200));
    isDown = NOTES;
    await together(2);
    // Ten outcomes open it, in whichever process, and what is in flight ends.
    expect(writesOf(rig.calls, /notes/).length).toBeLessThan(60);
    await rig.clock.advance(6 * MINUTE_MS);
    isDown = () => false;
    const reports = await together(2);
    expect(reports.map(({ hold: left }) => left)).toEqual([null, null]);
    await rig.runOut();
    expect(judge(rig.simulator, leads(200))).toEqual({ lost: [], doubled: [] });
  });

  it("is asked ever more rarely within a run, and the next run goes on from there", async () => {
    await notesDown();
    const asked = () => writesOf(rig.calls, /notes/).map(({ atMs }) => atMs);
    const before = asked().length;
    await rig.run({ waitMaxMs: 10 * MINUTE_MS });
    const times = asked().slice(before);
    const gaps = times.slice(1).map((atMs, index) => atMs - times[index]!);
    expect(gaps.length).toBeGreaterThan(1);
    for (const [index, gap] of gaps.entries()) expect(gap).toBeGreaterThanOrEqual(60_000 * 2 ** index);
    const { openings } = (await breaker("notes"))!;
    await rig.clock.advance(20 * MINUTE_MS);
    await rig.run();
    expect((await breaker("notes"))!.openings).toBe(openings! + 1);
  });

  it("opens by the failures of short runs too", async () => {
    isDown = NOTES;
    for (let runs = 1; runs <= 5 && (await hold()).length === 0; runs += 1) {
      await rig.take(leads(3, 10 * runs));
      await rig.run();
    }
    expect(await hold()).toEqual(["outage group:notes"]);
    expect(rig.calls.length).toBeLessThan(100);
  });

  it("uses up no tries, however long it lasts, and shows what waits for it", async () => {
    await notesDown();
    for (let runs = 0; runs < 12; runs += 1) {
      await rig.run();
      await rig.clock.advance(30 * MINUTE_MS);
    }
    expect(await rig.ledger.failed({})).toEqual([]);
    expect(await attempts(leads(30).map(({ key }) => key))).toBe(0);
    const { waits, steps } = await rig.story("wf_30");
    expect(waits.at(-1)).toMatchObject({ kind: "outage", detail: expect.stringContaining("notes") });
    expect(steps.map(({ name, state }) => `${name} ${state}`)).toEqual(["person done", "deal done", "note.1 open"]);
  });
});

describe("a dead endpoint", () => {
  it("of searches: the look-ups are answered by list pages", async () => {
    for (let n = 1; n <= 2_100; n += 1) {
      const emails = [{ value: `known.${n}@example.com`, primary: true, label: "work" }];
      rig.simulator.addPerson({ name: `Known ${n}`, emails });
    }
    await rig.clock.advance(MINUTE_MS);
    isDown = ({ url }) => /\/search/.test(url);
    await rig.take([lead(7, { person: { name: "Known", email: "known.7@example.com" } })]);
    const report = await rig.run();
    expect(rig.calls.some(({ path }) => /\/search/.test(path))).toBe(true);
    expect(report).toMatchObject({ remaining: 0, drained: { done: 1, failed: 0 } });
    expect(rig.simulator.records.persons).toHaveLength(2_100);
  });

  it("of persons: chains that have their person end, the others wait without a try", async () => {
    // With a named source a run after an hour's absence looks whether its ledger is an old one.
    await start({ settings: { ...SETTINGS, plans: { default: PLAN, website: PLAN } } });
    await rig.take(leads(15));
    isDown = ({ method, url }) => method === "POST" && /\/deals/.test(url);
    await rig.run();
    expect(rig.simulator.records.persons.length).toBeGreaterThanOrEqual(10);
    await rig.clock.advance(3 * 60 * MINUTE_MS);
    isDown = ({ url }) => /\/persons/.test(url);
    await rig.take(leads(15, 100));
    for (let runs = 0; runs < 6; runs += 1) {
      await rig.run();
      await rig.clock.advance(6 * MINUTE_MS);
    }
    expect(rig.simulator.records.deals.length).toBe(rig.simulator.records.persons.length);
    expect(rig.simulator.records.notes.length).toBe(rig.simulator.records.deals.length);
    expect(await rig.ledger.failed({})).toEqual([]);
    expect(await attempts(leads(15, 100).map(({ key }) => key))).toBe(0);
    isDown = () => false;
    await rig.runOut();
    expect(judge(rig.simulator, [...leads(15), ...leads(15, 100)])).toEqual({ lost: [], doubled: [] });
  });

  it("of organizations: submissions without one go on", async () => {
    isDown = ({ url }) => /\/organizations/.test(url);
    const named = Array.from({ length: 12 }, (_, n) => lead(200 + n, { organization: { name: `Acme ${n}` } }));
    await rig.take([...named, ...leads(12)]);
    for (let runs = 0; runs < 4; runs += 1) {
      await rig.run();
      await rig.clock.advance(6 * MINUTE_MS);
    }
    expect(rig.simulator.records.deals).toHaveLength(12);
    expect(await rig.ledger.failed({})).toEqual([]);
    isDown = () => false;
    await rig.runOut();
    expect(judge(rig.simulator, [...named, ...leads(12)])).toEqual({ lost: [], doubled: [] });
  });
});
