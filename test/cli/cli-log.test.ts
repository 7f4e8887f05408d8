import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  closeSync,
  constants,
  existsSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  truncateSync,
} from "node:fs";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { LOG_EVENTS, LOG_FIELDS } from "../../src/telemetry/log-lines.ts";
import { peopleIn } from "../support/canary.ts";
import { startChild } from "../support/children.ts";
import { type CliWorld, createCliWorld, lead, WEBSITE } from "../support/cli-world.ts";

// Processes of their own, on a machine that may be busy.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

let world: CliWorld;

beforeEach(async () => {
  world = await createCliWorld();
  world.config(`log: ./crmledger.log\nretry: { settle: [100ms, 1s] }\n${WEBSITE}`);
});

afterEach(async () => {
  const log = existsSync(world.path("crmledger.log")) ? readFileSync(world.path("crmledger.log"), "utf8") : "";
  const texts = /Lead |Deal |Note of|ada\b/.exec(log);
  await world.close();
  expect({ people: peopleIn(log, []), texts }).toEqual({ people: [], texts: null });
});

type Line = Record<string, unknown> & { event: string };
const linesOf = (name: string): Line[] =>
  readFileSync(world.path(name), "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Line);
const events = (name = "crmledger.log"): string[] => linesOf(name).map(({ event }) => event);
const spool = (name: string, record: object): string => world.write(`spool/${name}.json`, JSON.stringify(record));

describe("the log", () => {
  it("tells a submission's way in the order in which it was committed, with ids only", async () => {
    spool("a", lead("ada-1"));
    expect((await world.run("sync")).code).toBe(0);
    const lines = linesOf("crmledger.log");
    const of = lines.filter(({ submission }) => submission === 1).map(({ event, step, to }) => [event, step, to]);
    const applied = (step: string) => [["step.changed", step, "done"]];
    expect(of.map((line) => line.filter((part) => part !== undefined))).toEqual([
      ["submission.claimed"],
      ["submission.planned"],
      ...["person", "deal", "note.1"].flatMap(applied),
      ["submission.done"],
    ]);
    expect(lines[0]).toMatchObject({ level: "info", event: "run.started", run: 1, kind: "sync", pid: process.pid });
    expect(lines.at(-1)).toMatchObject({ event: "run.ended", run: 1, stopped: "drained", exitCode: 0 });
    expect(lines[1]).toMatchObject({ event: "records.taken", source: "website", new: 1, rejected: 0 });
    const post = lines.find(({ event, method }) => event === "request.sent" && method === "POST");
    expect(post).toMatchObject({ route: "/api/v2/persons", submissions: [1], step: "person", action: "create" });
    const answer = lines.find(({ event, request }) => event === "request.ended" && request === post!.request);
    expect(answer).toMatchObject({ status: 200, outcome: "applied", durationMs: expect.any(Number) });
    const shown = lines.map(({ time, level, ...fields }) => {
      expect(time).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
      expect(["info", "warn", "error"]).toContain(level);
      return Object.keys(fields).filter((name) => !(LOG_FIELDS as readonly string[]).includes(name));
    });
    expect(shown.flat()).toEqual([]);
    expect(lines.filter(({ event }) => !(LOG_EVENTS as readonly string[]).includes(event))).toEqual([]);
    expect(statSync(world.path("crmledger.log")).mode & 0o777).toBe(0o600);
  });

  it("loses no line to a kill: the request that was on its way is its last one, and the next run goes on below", async () => {
    spool("a", lead("1"));
    const child = startChild("sync-child.ts", [world.folder, "kill", "send.before", "1"]);
    expect(await child.ended).toMatchObject({ signal: "SIGKILL" });
    expect(linesOf("crmledger.log").at(-1)).toMatchObject({ event: "request.sent", run: 1 });
    expect((await world.run("sync")).code).toBe(0);
    expect(linesOf("crmledger.log").filter(({ event }) => event.startsWith("run."))).toMatchObject([
      { event: "run.started", run: 1 },
      { event: "run.recovered", level: "warn", runs: [1] },
      { event: "run.started", run: 2 },
      { event: "run.ended", run: 2, exitCode: 0 },
    ]);
  });

  it("goes on behind logrotate, whether the file is moved away or copied and cut", async () => {
    await world.run("sync");
    renameSync(world.path("crmledger.log"), world.path("crmledger.log.1"));
    await world.run("sync");
    expect(events()).toEqual(events("crmledger.log.1"));
    truncateSync(world.path("crmledger.log"));
    await world.run("sync");
    expect(events()).toEqual(["run.started", "run.ended"]);
    // What somebody else wrote into it stays.
    appendFileSync(world.path("crmledger.log"), "{}\n");
    await world.run("sync");
    expect(events().length).toBe(5);
  });

  it("tells what people decide, and what failed by its code", async () => {
    world.config(`log: ./crmledger.log\n${WEBSITE}    onBadValue: reject\n`);
    spool("a", lead("1", { deal: { title: "Deal 1", owner: "nobody@example.com" } }));
    expect((await world.run("sync")).code).toBe(3);
    await world.run("retry-failed", "--all");
    await world.run("pause", "--why", "ask ada@example.com");
    await world.run("resume");
    await world.run("sync");
    await world.run("failed", "drop", "1", "--why", "ask ada@example.com");
    const told = linesOf("crmledger.log").filter(({ event }) => /failed|requeued|hold|dropped/.test(event));
    expect(told.map(({ time: _, ...line }) => line)).toEqual([
      { level: "error", event: "submission.failed", run: 1, submission: 1, cause: "BAD_VALUE" },
      { level: "info", event: "submission.requeued", submissions: [1], count: 1 },
      { level: "warn", event: "hold.opened", kind: "paused", scope: "account", until: null },
      { level: "info", event: "hold.closed", kind: "paused", count: 1 },
      { level: "error", event: "submission.failed", run: 2, submission: 1, cause: "BAD_VALUE" },
      { level: "info", event: "submission.dropped", submission: 1 },
    ]);
  });

  it("is kept where CRMLEDGER_LOG says, and nowhere by commands that change nothing", async () => {
    await world.runWith({ env: { CRMLEDGER_LOG: "first.log" } }, "sync");
    expect((await world.run("status")).code).toBe(0);
    expect(existsSync(world.path("crmledger.log"))).toBe(false);
    await world.runWith({ env: { CRMLEDGER_LOG: "other.log" } }, "sync");
    expect(events("other.log")).toEqual(["run.started", "run.ended"]);
    expect(existsSync(world.path("crmledger.log"))).toBe(false);
    world.config();
    await world.run("sync");
    expect(existsSync(world.path("crmledger.log"))).toBe(false);
  });

  it("that can't be written changes nothing but for one warning", async () => {
    spool("a", lead("1"));
    const fifos = ["unread.fifo", "read.fifo"].map((name) => world.path(name));
    execFileSync("mkfifo", fifos);
    const reader = openSync(fifos[1]!, constants.O_RDONLY | constants.O_NONBLOCK);
    for (const place of ["no/such/folder.log", "/dev/full", ...fifos]) {
      const ran = await world.runWith({ env: { CRMLEDGER_LOG: place } }, "sync", "--json");
      expect([ran.code, ran.json.warnings]).toEqual([0, []]);
      expect(ran.err.match(/the log .* can't be written/g)).toHaveLength(1);
    }
    closeSync(reader);
    expect(world.simulator.records.persons.length).toBe(1);
  });
});
