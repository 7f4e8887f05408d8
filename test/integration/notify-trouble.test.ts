import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { look } from "../../src/notify/notifier.ts";
import { type AlertWorld, createAlertWorld } from "../support/alert-world.ts";
import { incoming, take } from "../support/ledger-fixture.ts";

const HOUR_MS = 3_600_000;

let world: AlertWorld;

beforeEach(async () => {
  world = await createAlertWorld();
});

afterEach(() => world.close());

const late = (source: string) =>
  take(world.bench, incoming({ source, submittedAtMs: world.bench.now.wallMs - HOUR_MS / 2 }));

describe("channels in trouble", () => {
  test("one that never answers is given up in time, and the others are told meanwhile", async () => {
    // The program has the time that the settings give: on a busy machine it needs more than the server gets here.
    const { send } = world.deps;
    const times: number[] = [];
    world.deps.send = (request) => {
      times.push(request.timeoutMs);
      return send({ ...request, timeoutMs: 300 });
    };
    world.server.answer("silence");
    await late("website");
    const [trouble, ...more] = await world.tell();
    expect(trouble).toContain("webhook did not take the alerts");
    expect(trouble).toContain("TIMEOUT");
    expect(more).toEqual([]);
    expect(world.commands()).toEqual(["warning 1"]);
    expect(times).toEqual([world.deps.timeoutMs]);
    world.deps.send = send;
    world.server.answer(200);
    world.told();
    expect(await world.tell()).toEqual([]);
    expect(world.told()).toMatchObject([{ event: "opened", kind: "delay" }]);
    expect(world.commands()).toHaveLength(1);
  });

  test("one that is away for hours is told of what is over by then, as over", async () => {
    world.server.answer(503);
    world.freeBytes = 1e6;
    await world.tell();
    world.bench.pass(HOUR_MS);
    world.freeBytes = 1e12;
    await world.tell();
    world.bench.pass(HOUR_MS);
    await world.tell();
    world.server.answer(200);
    world.told();
    await world.tell();
    expect(world.told()).toMatchObject([{ event: "recovered", kind: "disk", seconds: 3600 }]);
  });

  test("one that takes nothing for a day is given up with a word", async () => {
    world.server.answer(404);
    await late("website");
    await world.tell();
    for (let hour = 0; hour < 24; hour += 6) {
      world.bench.pass(6 * HOUR_MS);
      expect((await world.tell())[0]).toContain("answered 404");
    }
    world.bench.pass(HOUR_MS);
    world.server.answer(200);
    expect((await world.tell()).join()).toMatch(/webhook took no alerts for a day: \d of them were given up/);
  });

  test("processes side by side tell each thing once", async () => {
    await late("website");
    await late("fair");
    world.freeBytes = 1e6;
    await Promise.all(Array.from({ length: 8 }, () => world.tell()));
    expect(
      world
        .told()
        .map(({ kind, subject }) => `${kind} ${subject}`)
        .sort(),
    ).toEqual(["delay fair", "delay website", "disk ledger"]);
    expect(
      world
        .commands()
        .map((line) => Number(line.split(" ")[1]))
        .reduce((sum, count) => sum + count),
    ).toBe(3);
  });
});

describe("the look before a run", () => {
  test("judges nothing but whether runs are missing", async () => {
    await late("website");
    await world.tell();
    world.freeBytes = 1e6;
    const { bench, deps, settings } = world;
    const around = { now: { ...bench.now }, credential: "", settings, freeBytes: 1e6, stateOf: () => "died" as const };
    await look(deps, around, ["noRun"]);
    expect(await bench.ledger.alerts()).toMatchObject([{ kind: "delay" }]);
  });
});
