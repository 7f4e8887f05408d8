import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { adviceOf } from "../../src/cli/measure-advice.ts";
import type { Config } from "../../src/config/config.ts";
import type { Clock } from "../../src/domain/clock.ts";
import type { Lag, Measurement } from "../../src/domain/measurement.ts";
import { type CliWorld, createCliWorld } from "../support/cli-world.ts";
import { createSystemClock } from "../support/system-clock.ts";

let world: CliWorld;

/** So many times as fast as the machine's: a measurement waits for minutes. */
const FACTOR = 20;

function fastClock(): Clock {
  const real = createSystemClock();
  const from = { wallMs: real.wallMs(), monoMs: real.monoMs() };
  const passedMs = (): number => (real.monoMs() - from.monoMs) * FACTOR;
  return {
    ...{
      bootId: real.bootId,
      wallMs: () => Math.round(from.wallMs + passedMs()),
      monoMs: () => from.monoMs + passedMs(),
    },
    sleep: (ms, signal) => real.sleep(ms / FACTOR, signal),
  };
}

let clock: Clock;
const run = (...args: string[]) => world.runWith({ clock }, ...args);

beforeEach(async () => {
  clock = fastClock();
  world = await createCliWorld({ clock, searchLagMs: 2_000, limits: { burst: 200, dailyTokens: 100_000 } });
  world.config();
});

afterEach(() => world.close());

function there(): number {
  const { persons, organizations, deals, notes } = world.simulator.records;
  return [...persons, ...organizations, ...deals, ...notes].filter((record) => !record.is_deleted).length;
}

describe("doctor --measure", () => {
  it("is refused where nobody can be asked, before anything is sent", async () => {
    const ran = await run("doctor", "--measure", "--json");
    expect([ran.code, ran.json.error.code]).toEqual([64, "usage"]);
    expect((await run("doctor", "--measure", "--fix", "--yes")).code).toBe(64);
    expect(world.simulator.requests.total).toBe(0);
  });

  it("says what it will do and what that costs, and does nothing without a yes", async () => {
    const ran = await world.runWith({ clock, answers: ["n"] }, "doctor", "--measure");
    expect(ran.code).toBe(0);
    expect(ran.err).toMatch(
      /makes 1 organization, 3 persons, 1 deal and 1 note at .*about \d+ tokens \([\d,]+ tokens at the most\)/,
    );
    expect(ran.out).toContain("not wanted; nothing was written");
    expect(world.simulator.log).toEqual([]);
  });

  it("measures, proposes settings, leaves nothing behind, and is remembered", async () => {
    const ran = await run("doctor", "--measure", "--yes", "--json");
    expect(ran.code).toBe(0);
    expect(ran.json).toMatchObject({ ok: true, left: [], measurement: { burst: 200, changes: ["limits.burst"] } });
    expect(ran.json.measurement.proposals).toContain("  settle: [60s, 300s]  # lists show a write after at most 0.0 s");
    expect(world.simulator.records.persons).toHaveLength(3);
    expect(there()).toBe(0);
    const { measured } = (await run("status", "--json")).json;
    expect(measured).toMatchObject({ at: ran.json.measurement.at, burst: 200 });
    expect((await run("status")).out).toMatch(
      /^measured +on \d{4}-\d\d-\d\d: reads show a write at once, lists show .*searches show a write/m,
    );
    const { checks } = (await run("doctor", "--json")).json;
    expect(checks).toContainEqual(expect.objectContaining({ name: "measured", status: "ok" }));
    expect((await run("sync", "--json")).json).toMatchObject({ warnings: [], drained: { done: 0 } });
  }, 180_000);

  it("takes away what it made when it is stopped, and says so", async () => {
    let stop: (signal: "SIGINT") => void = () => {};
    const watched = setInterval(() => {
      if (world.simulator.records.deals.length === 0) return;
      clearInterval(watched);
      stop("SIGINT");
    }, 1);
    const onStart = (send: typeof stop): void => {
      stop = send;
    };
    const ran = await world.runWith({ clock, onStart }, "doctor", "--measure", "--yes", "--json");
    expect(ran.code).toBe(130);
    expect(ran.json).toMatchObject({ measurement: null, left: [] });
    expect(ran.json.checks).toContainEqual(
      expect.objectContaining({ message: "stopped before its end; what it had made is deleted" }),
    );
    expect(world.simulator.records.deals).toHaveLength(1);
    expect(there()).toBe(0);
  }, 180_000);

  it("names what it could not take away, and doctor names it until the next one did", async () => {
    world.simulator.failNext({ kind: "error503", match: { method: "DELETE", path: /organizations/ }, times: 3 });
    const ran = await run("doctor", "--measure", "--yes", "--json");
    expect(ran.code).toBe(3);
    const [organization] = world.simulator.records.organizations;
    expect(ran.json.left).toMatchObject([{ entity: "organization", id: String(organization!.id) }]);
    const told = expect.objectContaining({
      name: "test records",
      message: expect.stringContaining(`organization ${organization!.id}`),
    });
    expect((await run("doctor", "--json")).json.checks).toContainEqual(told);
    expect((await run("doctor", "--measure", "--yes", "--json")).json.left).toEqual([]);
    expect(there()).toBe(0);
  }, 180_000);

  it("measures nothing under a hold, nor before the stamp fields are there", async () => {
    await run("sync", "--json");
    await run("pause", "--why", "holidays");
    const paused = await run("doctor", "--measure", "--yes", "--json");
    expect(paused.code).toBe(75);
    await world.close();
    world = await createCliWorld({ clock, withStampFields: false });
    world.config();
    const bare = await run("doctor", "--measure", "--yes", "--json");
    expect([bare.code, bare.json.measurement]).toEqual([78, null]);
    expect(world.simulator.records.persons).toEqual([]);
  });
});

describe("what a measurement proposes", () => {
  const lag = (way: Lag["way"], atLeastMs: number, atMostMs: number | null): Lag => ({
    entity: "person",
    way,
    atLeastMs,
    atMostMs,
  });
  const advice = (lags: Lag[], drain: object = {}) => {
    const settings = { retry: { settleMs: [60_000, 300_000] }, limits: { burst: null }, freshnessMs: 0, ...drain };
    return adviceOf({ lags, burst: 80 } as Measurement, { drain: settings } as unknown as Config);
  };
  const lines = (lags: Lag[]) => advice(lags).yaml.map((line) => line.split("  #")[0]!.trim());

  it("follows the lag of lists, and stays with the defaults where there is none", () => {
    expect(lines([lag("list", 0, 900), lag("search", 9_000, 14_000)])).toEqual([
      ...["retry:", "settle: [60s, 300s]", "limits:", "burst: auto", "persons:", "freshness: 0s"],
    ]);
    expect(lines([lag("list", 15_000, 20_000)])).toContain("settle: [200s, 1000s]");
    expect(lines([lag("list", 15_000, 20_000)])).toContain("freshness: 20s");
    expect(lines([lag("list", 58_000, null)])).toContain("settle: [600s, 3000s]");
  });

  it("says what of it the config has otherwise", () => {
    expect(advice([lag("list", 0, 900)]).changes).toEqual([]);
    expect(advice([lag("list", 15_000, 20_000)]).changes).toEqual(["retry.settle", "persons.freshness"]);
    expect(advice([], { limits: { burst: 40 } }).changes).toEqual(["limits.burst"]);
  });
});
