/** Several processes at work on one ledger, and one that is paused for longer than its lease lasts. */
import { readFileSync } from "node:fs";
import Database from "better-sqlite3";
import { afterEach, describe, expect, it } from "vitest";
import { drain } from "../../src/runner/drain.ts";
import { type Child, standsStill, startChild } from "../support/children.ts";
import { type CliWorld, lead as cliLead, createCliWorld } from "../support/cli-world.ts";
import { createRig, type Given, lead, NO_LIMITS } from "../support/drain-rig.ts";
import { judge } from "../support/oracle.ts";

const PEOPLE = 60;
const SUBMISSIONS = 200;

/** Everybody comes several times, and the organizations are shared by people. */
function crowd(make: (n: number, more: Record<string, unknown>) => Given): Given[] {
  return Array.from({ length: SUBMISSIONS }, (_, n) =>
    make(n, {
      person: { name: `Person ${n % PEOPLE}`, email: `person.${n % PEOPLE}@example.com` },
      notes: n % 10 === 0 ? ["A note."] : [],
      ...(n % 7 === 0 && { organization: { name: `Organization ${n % 5}` } }),
    }),
  );
}

describe("three runs side by side on one ledger", () => {
  it("share Lite's quota without a 429 of their own, and make nothing twice", async () => {
    const rig = await createRig({ simulator: { limits: {}, roundTripMs: { leastMs: 20, mostMs: 300 } } });
    const given = crowd((n, more) => lead(n, more));
    await rig.take(given);
    const now = { wallMs: rig.clock.wallMs(), monoMs: rig.clock.monoMs(), bootId: rig.clock.bootId };
    const one = async (number: number) => {
      const lockName = number === 0 ? "sync" : `join-${number}`;
      const runId = await rig.ledger.openRun({ kind: "sync", pid: number, host: "test", lockName, now });
      return await drain(rig.deps(runId), NO_LIMITS, new AbortController().signal);
    };
    const reports = await rig.clock.run(Promise.all([0, 1, 2].map(one)));
    expect(reports.map(({ stopped, hold }) => [stopped, hold])).toEqual(Array(3).fill(["drained", null]));
    expect(reports.reduce((sum, report) => sum + report.drained.done, 0)).toBe(SUBMISSIONS);
    // The pace is one quota: whoever claimed last may find that nothing is left.
    expect(reports.filter((report) => report.drained.done > 0).length).toBeGreaterThan(1);
    expect(judge(rig.simulator, given)).toEqual({ lost: [], doubled: [] });
    expect(rig.simulator.records.organizations).toHaveLength(5);
    const { limited, blocked, peakWindow } = rig.simulator.requests;
    expect([limited.burst, limited.search, limited.daily, blocked]).toEqual([0, 0, 0, 0]);
    // And what two of them ask before there is an account to count it for: taken for others, it stays below the limit.
    expect(peakWindow).toBeLessThanOrEqual(16 + 2);
  });
});

describe("real processes", () => {
  let world: CliWorld;
  let children: Child[] = [];
  afterEach(async () => {
    for (const { process: child } of children) child.kill("SIGKILL");
    await Promise.all(children.map(({ ended }) => ended));
    children = [];
    await world.close();
  });

  function start(...args: string[]): Child {
    const child = startChild("sync-child.ts", [world.folder, ...args]);
    children.push(child);
    return child;
  }

  it("that join each other deliver everything once and overrun no limit", async () => {
    world = await createCliWorld({ roundTripMs: 20, limits: { burst: 160, dailyTokens: null } });
    world.config();
    const config = readFileSync(world.path("crmledger.yaml"), "utf8");
    world.write("crmledger.yaml", config.replace("burst: 2000, share: 1", "burst: auto"));
    const given = crowd((n, more) => {
      const content = cliLead(String(n), more) as unknown as Given["content"];
      return { key: String(n), content };
    });
    world.write("spool/a.json", JSON.stringify(given.map(({ content }) => content)));
    expect((await world.run("ingest")).code).toBe(0);
    for (let number = 0; number < 3; number += 1) start("kill", "never", "1", "join");
    const ends = await Promise.all(children.map(({ ended }) => ended));
    expect(ends).toEqual(Array(3).fill({ code: 0, signal: null, err: "" }));
    const last = await world.run("sync", "--json");
    expect([last.code, last.json.remaining]).toEqual([0, 0]);
    expect(judge(world.simulator, given)).toEqual({ lost: [], doubled: [] });
    expect(world.simulator.records.organizations).toHaveLength(5);
    expect(world.simulator.requests.limited).toEqual({ burst: 0, search: 0, daily: 0, injected: 0 });
    const done = children.map(({ lines }) => (JSON.parse(lines.at(-1)!) as { drained: { done: number } }).drained.done);
    expect(done.filter((count) => count > 0).length).toBeGreaterThan(1);
  });

  it("of which one sleeps past its lease: another looks first and finishes, and the sleeper changes nothing any more", async () => {
    world = await createCliWorld({ roundTripMs: 10 });
    // One at a time, so that it has nothing begun that it would send when it wakes: that no lease can prevent.
    world.config(
      "retry: { settle: [300ms, 600ms], baseDelay: 100ms }\nsources:\n  website:\n    spool: ./spool\n",
      ", concurrency: 1",
    );
    const given = Array.from({ length: 6 }, (_, n) => ({
      key: String(n),
      content: cliLead(String(n)) as unknown as Given["content"],
    }));
    world.write("spool/a.json", JSON.stringify(given.map(({ content }) => content)));
    // It has the answer to its first writes in hand, and has told nobody.
    const sleeper = start("stop", "send.after", "12");
    await sleeper.told("stop");
    await standsStill(sleeper);
    const ledger = new Database(world.path("crmledger.db"));
    expect(ledger.prepare("UPDATE claims SET until_ms = 0").run().changes).toBeGreaterThan(0);
    const other = await world.run("sync", "--join", "--json");
    expect([other.code, other.json.remaining]).toEqual([0, 0]);
    const rows = () => ledger.prepare("SELECT id, state, crm_id, attempts FROM steps ORDER BY id").all();
    const before = rows();
    sleeper.process.kill("SIGCONT");
    expect(await sleeper.ended).toEqual({ code: 0, signal: null, err: "" });
    expect(rows()).toEqual(before);
    ledger.close();
    expect(judge(world.simulator, given)).toEqual({ lost: [], doubled: [] });
    const { queue } = (await world.run("status", "--json")).json;
    expect(queue).toMatchObject({ done: 6, pending: 0, waiting: 0, uncertain: 0, inProgress: 0, failed: 0 });
  });
});
