/** `doctor --measure` on a virtual clock: what it sees follows the CRM's real lags, and nothing of it stays there. */
import { describe, expect, it } from "vitest";
import type { Lag } from "../../src/domain/measurement.ts";
import { openDesk } from "../../src/runner/desk.ts";
import { type Measured, measure, measureCost } from "../../src/runner/measure.ts";
import { watchSends } from "../../src/runner/measure-watch.ts";
import { removeTestRecords, TEST_NAME } from "../../src/runner/test-records.ts";
import type { SimulatorOptions } from "../../src/simulator/options.ts";
import { type WatchedRig, watchedRig } from "../support/watched-rig.ts";

const PARTS = ["fields:person", "fields:organization", "fields:deal"] as const;

async function measured(rig: WatchedRig, signal = new AbortController().signal): Promise<Measured> {
  return await rig.clock.run(async () => {
    const now = { wallMs: rig.clock.wallMs(), monoMs: rig.clock.monoMs(), bootId: rig.clock.bootId };
    const runId = await rig.ledger.openRun({ kind: "doctor", pid: 1, host: "test", lockName: null, now });
    const deps = rig.deps(runId);
    const watch = watchSends(deps.send, deps.adapter, rig.clock);
    const desk = await openDesk({ ...deps, send: watch.send });
    await desk.catalog(PARTS, 0);
    const given = {
      desk,
      ledger: rig.ledger,
      clock: rig.clock,
      watch,
      capabilities: deps.adapter.capabilities,
      signal,
    };
    const result = await measure({ ...given, name: `${runId}` });
    await desk.close().catch(() => undefined);
    return result;
  });
}

/** Records at the CRM that nobody deleted. */
function there({ simulator: { records } }: WatchedRig): string[] {
  const all = [...records.persons, ...records.organizations, ...records.deals, ...records.notes];
  return all.filter((record) => !record.is_deleted).map((record) => JSON.stringify(record));
}

const rigWith = (simulator: Partial<SimulatorOptions>) => watchedRig({ simulator: { roundTripMs: 100, ...simulator } });

const of = (lags: readonly Lag[], way: string): Lag[] => lags.filter((lag) => lag.way === way);

describe("a measurement", () => {
  it.each([
    { searchLagMs: 3_000, listLagMs: 0, readLagMs: 0 },
    { searchLagMs: 0, listLagMs: 0, readLagMs: 0 },
    { searchLagMs: 12_000, listLagMs: 7_000, readLagMs: 1_500 },
  ])("sees how late reads, lists and searches are: $searchLagMs, $listLagMs, $readLagMs ms", async (lag) => {
    const rig = await rigWith(lag);
    const { measurement, left, error } = await measured(rig);
    expect([left, error]).toEqual([[], null]);
    const { lags } = measurement!;
    for (const [way, realMs] of [
      ["read", lag.readLagMs],
      ["list", lag.listLagMs],
      ["search", lag.searchLagMs],
    ] as const) {
      expect(of(lags, way)).toHaveLength(way === "search" ? 3 : 4);
      for (const { atLeastMs, atMostMs } of of(lags, way)) {
        // The write was executed at most a round trip before its answer.
        expect(atLeastMs).toBeLessThanOrEqual(realMs);
        expect(atMostMs).toBeGreaterThanOrEqual(realMs - 100);
        expect(atMostMs! - atLeastMs).toBeLessThanOrEqual(0.7 * realMs + 700);
      }
    }
    expect(there(rig)).toEqual([]);
    expect(await rig.ledger.testRecords((await rig.ledger.account())!.id)).toEqual([]);
    expect(await rig.ledger.lastMeasurement((await rig.ledger.account())!.id)).toEqual(measurement);
  });

  it("says so where something is not shown within a minute, and stays within what it said it costs", async () => {
    const rig = await rigWith({ searchLagMs: 3_600_000, listLagMs: 3_600_000 });
    const spent = rig.simulator.spentToday();
    const { measurement } = await measured(rig);
    expect(of(measurement!.lags, "search").map(({ atMostMs }) => atMostMs)).toEqual([null]);
    expect(of(measurement!.lags, "list")[0]!.atLeastMs).toBeGreaterThan(50_000);
    const set = 2 + 3 * 10;
    const { tokensMax, tokensMin } = measureCost(rig.deps(0 as never).adapter.capabilities.cost);
    expect(rig.simulator.spentToday() - spent).toBeLessThanOrEqual(tokensMax + set);
    expect(there(rig)).toEqual([]);
    const quick = await rigWith({ searchLagMs: 0 });
    await measured(quick);
    expect(quick.simulator.spentToday()).toBe(tokensMin + set);
  });

  it("learns limits, costs, clock and round trip from the replies", async () => {
    const rig = await rigWith({ limits: { burst: 80, dailyTokens: 60_000 }, clockSkewMs: 90_300, roundTripMs: 240 });
    const { measurement } = await measured(rig);
    expect(measurement).toMatchObject({
      burst: 80,
      daily: { limit: 60_000 },
      refused: { requests: 0, cost: "unknown" },
    });
    expect(measurement!.headers).toContainEqual({ name: "x-ratelimit-limit", replies: measurement!.replies });
    expect(measurement!.roundTrip).toEqual({ p50Ms: 240, p95Ms: 240 });
    const { offsetMs, withinMs } = measurement!.clock!;
    expect(Math.abs(offsetMs - 90_300)).toBeLessThanOrEqual(withinMs);
    expect(withinMs).toBeLessThan(600);
    expect(measurement!.costs.length).toBeGreaterThan(8);
    for (const { expected, seen } of measurement!.costs) expect(seen).toBe(expected);
  });

  it("knows nothing of limits where no reply speaks of them", async () => {
    const rig = await rigWith({ limits: null });
    const { measurement } = await measured(rig);
    expect(measurement).toMatchObject({ burst: null, daily: { limit: null, remaining: null }, headers: [], costs: [] });
  });

  it("makes records that anybody knows for what they are", async () => {
    const rig = await rigWith({});
    await measured(rig);
    const made = rig.writes().filter(({ method }) => method === "POST");
    expect(made).toHaveLength(6);
    for (const { body } of made) expect(JSON.stringify(body)).toContain(TEST_NAME);
  });

  it("takes away what it made when it is stopped", async () => {
    const rig = await rigWith({ searchLagMs: 3_600_000 });
    const stop = new AbortController();
    rig.onSend = ({ path }) => {
      if (path.endsWith("/notes")) stop.abort();
    };
    expect(await measured(rig, stop.signal)).toEqual({ measurement: null, left: [], error: null });
    expect(there(rig)).toEqual([]);
  });

  it("leaves nothing behind whichever request its process dies at, or loses the answer to", async () => {
    const whole = await rigWith({ searchLagMs: 400 });
    await measured(whole);
    expect(whole.calls.length).toBeGreaterThan(20);
    for (const [when, first] of [
      ["sent", 5],
      ["answered", 6],
    ] as const) {
      for (let nth = first; nth < whole.calls.length; nth += 3) {
        const rig = await rigWith({ searchLagMs: 400 });
        let count = 0;
        const die = (): void => {
          count += 1;
          if (count >= nth) throw new Error("the process is gone");
        };
        if (when === "sent") rig.onSend = die;
        else rig.onReply = die;
        await measured(rig);
        rig.onSend = () => {};
        rig.onReply = () => {};
        // What may have been under way is not there any more.
        await rig.clock.run(() => rig.clock.sleep(11 * 60_000));
        expect(await measured(rig), `${when} ${nth}`).toMatchObject({ left: [], error: null });
        expect(there(rig), `${when} ${nth}`).toEqual([]);
      }
    }
  });

  it("says what the CRM answered where the token may not delete", async () => {
    const refusal = { success: false, error: "You do not have permissions to delete this." };
    const rig: WatchedRig = await watchedRig({
      simulator: { roundTripMs: 100 },
      transport: async (request) =>
        request.method === "DELETE"
          ? { type: "response", status: 403, headers: {}, body: JSON.stringify(refusal) }
          : await rig.simulator.handle(request),
    });
    const { left, error } = await measured(rig);
    expect(error).toBeNull();
    expect(left).toHaveLength(6);
    for (const one of left) expect(one.refusal).toContain("You do not have permissions");
    const again = await measured(rig);
    expect([again.left.length, again.error]).toEqual([6, expect.objectContaining({ code: "held" })]);
    expect(there(rig)).toHaveLength(6);
  });

  it("names what it could not take away, for the next one", async () => {
    const rig = await rigWith({});
    rig.simulator.failNext({ kind: "error503", match: { method: "DELETE", path: /notes/ }, times: 3 });
    const { left } = await measured(rig);
    expect(left).toMatchObject([{ entity: "note", stamp: expect.stringMatching(/^crmledger-measure\/.*-note$/) }]);
    expect(there(rig)).toHaveLength(1);
    await rig.clock.run(async () => {
      const now = { wallMs: rig.clock.wallMs(), monoMs: rig.clock.monoMs(), bootId: rig.clock.bootId };
      const runId = await rig.ledger.openRun({ kind: "doctor", pid: 1, host: "test", lockName: null, now });
      const desk = await openDesk(rig.deps(runId));
      expect(await removeTestRecords({ desk, ledger: rig.ledger, clock: rig.clock })).toEqual([]);
      await desk.close();
    });
    expect(there(rig)).toEqual([]);
  });
});
