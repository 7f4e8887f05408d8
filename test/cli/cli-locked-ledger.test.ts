/**
 * Another program that keeps the ledger locked for longer than anybody waits: what the built program and people say and leave
 * with, that nothing is lost by it, and that the same command works once the lock is gone.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type CliWorld, createCliWorld, lead, WEBSITE } from "../support/cli-world.ts";
import type { Given } from "../support/drain-rig.ts";
import { ROOT } from "../support/house-source.ts";
import { judge } from "../support/oracle.ts";
import { BUILT, documentOf, FROM_SOURCE, misbehaved, type Program, startProgram } from "../support/program.ts";

// Each waits out the busy time of a statement, some for two of them, on a machine that may be busy.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

let world: CliWorld;
let holder: Database.Database;
let programs: Program[];

beforeEach(async () => {
  programs = [];
  world = await createCliWorld({ roundTripMs: 5 });
  world.config(`retry: { settle: [200ms, 400ms], baseDelay: 50ms }\n${WEBSITE}    onBadValue: reject\n`);
});
afterEach(async () => {
  for (const { process: child } of programs) child.kill("SIGKILL");
  holder?.close();
  await world.close();
});

function start(command: readonly string[], ...args: string[]): Program {
  const program = startProgram(command, [...args, "--json"], { cwd: world.folder, env: { HOME: world.folder } });
  programs.push(program);
  return program;
}

/** Takes the lock from here: the program is another process. */
function lock(how: "IMMEDIATE" | "EXCLUSIVE"): void {
  holder = new Database(world.path("crmledger.db"), { timeout: 60_000 });
  holder.exec(`BEGIN ${how}`);
}

const given = (...ids: string[]): Given[] => ids.map((id) => ({ key: id, content: lead(id) }) as unknown as Given);

/** What somebody who looks at the output knows afterwards. */
function expectLocked(code: number | null, out: string): void {
  const { error } = documentOf(out);
  expect([code, error?.code]).toEqual([74, "ledgerLocked"]);
  expect(error.message).toContain(world.path("crmledger.db"));
  expect(error.hint).toContain("run the same command again");
}

describe("a ledger that another program keeps locked", () => {
  it("ends commands that write with 74; nothing is lost, and they work once it is free", async () => {
    const deal = { title: "Nobody's", owner: "nobody@example.com" };
    world.write("spool/a.json", JSON.stringify([lead("a"), lead("f", { deal })]));
    expect((await world.run("sync")).code).toBe(3);
    world.write("spool/b.json", JSON.stringify(lead("b")));
    world.write("missed.json", JSON.stringify([lead("m")]));
    lock("EXCLUSIVE");
    const lines = [
      ["sync"],
      ["import", "missed.json", "--source", "website"],
      ["retry-failed", "--all"],
      ["pause", "--why", "x"],
    ];
    const ends = await Promise.all(lines.map((line) => start(FROM_SOURCE, ...line).ended));
    for (const { code, out } of ends) expectLocked(code, out);
    expect(existsSync(world.path("spool/b.json"))).toBe(true);
    expect(world.simulator.records.deals).toHaveLength(1);
    holder.exec("ROLLBACK");
    for (const line of lines.slice(0, 3)) {
      const { code, out, err } = await start(FROM_SOURCE, ...line).ended;
      expect([line, code, err], out).toEqual([line, 0, expect.any(String)]);
    }
    expect((await world.run("resume", "--json")).json).toMatchObject({ resumed: 0 });
    // The failed one failed again.
    expect((await world.run("sync")).code).toBe(3);
    expect(judge(world.simulator, given("a", "b", "m"))).toEqual({ lost: [], doubled: [] });
  });

  it.each(["IMMEDIATE", "EXCLUSIVE"] as const)("still shows how things stand (%s)", async (how) => {
    world.write("spool/a.json", JSON.stringify(lead("a")));
    await world.run("ingest");
    lock(how);
    const { code, out } = await start(FROM_SOURCE, "status").ended;
    expect([code, documentOf(out).queue?.pending]).toEqual([0, 1]);
  });
});

const THREAD = join(ROOT, "dist/ledger/sqlite/write-thread.js");
const MANY = Array.from({ length: 120 }, (_, n) => String(n));

it.skipIf(!existsSync(THREAD))(
  "the thread that writes meets such a lock: 74, nothing is sent after it, nothing twice",
  async () => {
    world.write("spool/a.json", JSON.stringify(MANY.map((id) => lead(id))));
    await world.run("ingest");
    const sync = start(BUILT, "sync");
    await vi.waitUntil(() => world.simulator.records.deals.length >= 10, {
      timeout: 120_000,
      interval: 1,
    });
    lock("IMMEDIATE");
    const { code, out, err } = await sync.ended;
    const { error, remaining } = documentOf(out);
    expect([code, error?.code, remaining], err).toEqual([74, "ledgerLocked", expect.any(Number)]);
    expect(misbehaved({ code, signal: null, out, err }, [74])).toBeNull();
    // Whatever left had its intent committed.
    const begun = holder.prepare<[], number>("SELECT count(*) FROM requests").pluck().get()!;
    expect(world.simulator.requests.total).toBeLessThanOrEqual(begun);
    holder.exec("ROLLBACK");
    let next = await start(BUILT, "sync").ended;
    for (let run = 0; run < 8 && documentOf(next.out).remaining > 0; run += 1) next = await start(BUILT, "sync").ended;
    expect([next.code, documentOf(next.out).remaining], next.err).toEqual([0, 0]);
    expect(judge(world.simulator, given(...MANY))).toEqual({ lost: [], doubled: [] });
  },
);
