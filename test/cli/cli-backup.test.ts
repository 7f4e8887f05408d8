/** A copy of a ledger in use, put back; and a ledger that carries on somewhere else. */
import { copyFileSync, existsSync, readdirSync, rmSync, statSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createSqliteLocks } from "../../src/ledger/sqlite/locks.ts";
import { openSqliteLedger } from "../../src/ledger/sqlite/open.ts";
import { type Child, standsStill, startChild } from "../support/children.ts";
import { type CliWorld, createCliWorld, lead } from "../support/cli-world.ts";
import { createSystemClock } from "../support/system-clock.ts";

let world: CliWorld;
let children: Child[];

beforeEach(async () => {
  children = [];
  world = await createCliWorld();
  world.config();
});

afterEach(async () => {
  for (const child of children) child.process.kill("SIGKILL");
  await Promise.all(children.map((child) => child.ended));
  await world.close();
});

const spool = (...ids: string[]): string =>
  world.write(`spool/${ids[0]}.json`, JSON.stringify(ids.map((id) => lead(id))));
const deals = (): number => world.simulator.records.deals.length;

/** A real `sync` that stands still between two commits, its lock taken and its writes half done. */
async function syncThatStands(): Promise<Child> {
  const child = startChild("sync-child.ts", [world.folder, "stop", "send.after", "9"]);
  children.push(child);
  await child.told("stop ");
  await standsStill(child);
  return child;
}

/** The copy in the place of the ledger, as somebody would put it back. */
function restore(copy: string): void {
  for (const suffix of ["-wal", "-shm"]) rmSync(world.path(`crmledger.db${suffix}`), { force: true });
  copyFileSync(world.path(copy), world.path("crmledger.db"));
}

describe("backup", () => {
  it("copies beside a running sync; put back it is noticed, and nothing is sent twice", async () => {
    spool("1", "2", "3", "4", "5", "6");
    const child = await syncThatStands();
    const { code, json } = await world.run("backup", "copy.db", "--json");
    expect({ code, json }).toMatchObject({ code: 0, json: { moved: false, submissions: 6, warnings: [] } });
    expect(statSync(world.path("copy.db")).mode & 0o777).toBe(0o600);
    expect(readdirSync(world.folder).filter((name) => name.startsWith("copy"))).toEqual(["copy.db"]);
    child.process.kill("SIGCONT");
    expect((await child.ended).code).toBe(0);
    expect(deals()).toBe(6);
    restore("copy.db");
    expect((await world.run("sync", "--json")).json).toMatchObject({ hold: { kind: "staleLedger" } });
    expect(deals()).toBe(6);
  });

  it("waits for another one that is at work: two to one name would write into each other's file", async () => {
    await world.run("ingest");
    const other = createSqliteLocks(world.path("crmledger.db")).take("backup");
    const clock = createSystemClock();
    const { sleep } = clock;
    let waits = 0;
    clock.sleep = (ms, signal) => {
      waits += 1;
      // The other one ends while this one waits for the second time.
      if (waits === 2) other?.release();
      expect(readdirSync(world.folder).filter((name) => name.startsWith("copy"))).toEqual([]);
      return sleep(ms, signal);
    };
    const ran = await world.runWith({ clock }, "backup", "copy.db");
    expect(ran).toMatchObject({ code: 0, err: expect.stringContaining("Another backup is at work") });
    expect(waits).toBe(2);
  });

  it("used under its own name it asks the CRM first, however fresh it is", async () => {
    await world.run("sync");
    expect((await world.run("backup", "copy.db")).code).toBe(0);
    spool("1");
    expect((await world.run("sync")).code).toBe(0);
    spool("2");
    const { json } = await world.run("sync", "--json", "--ledger", "copy.db");
    expect(json).toMatchObject({ hold: { kind: "staleLedger" }, remaining: 1 });
    expect(deals()).toBe(1);
  });

  it("goes on without a word where nothing was sent since it was made", async () => {
    spool("1");
    await world.run("sync");
    await world.run("backup", "copy.db");
    restore("copy.db");
    spool("2");
    expect((await world.run("sync", "--json")).json).toMatchObject({ hold: null, drained: { done: 1 } });
  });

  it("refuses to overwrite, and a folder that is not there, with 64; without a ledger 74", async () => {
    expect((await world.run("backup", "copy.db", "--json")).json.error.code).toBe("ledgerUnreadable");
    await world.run("sync");
    for (const file of ["crmledger.db", "crmledger.yaml", "no/copy.db", "spool"]) {
      expect((await world.run("backup", file)).code, file).toBe(64);
    }
    expect(existsSync(world.path("crmledger.db.part"))).toBe(false);
  });
});

describe("backup --move", () => {
  it("retires the old ledger with the new place in its hint; the copy carries on as if nothing had been", async () => {
    spool("1");
    await world.run("sync");
    const moved = await world.run("backup", "new.db", "--move");
    expect(moved.code).toBe(0);
    expect(moved.out).toContain(`ledger: ${world.path("new.db")}`);
    spool("2");
    for (const command of [["sync"], ["status"], ["backup", "third.db"], ["backup", "third.db", "--move"]]) {
      const { code, json } = await world.run(...command, "--json");
      expect({ code, error: json.error }, command[0]).toMatchObject({ code: 78, error: { code: "ledgerMoved" } });
      expect(json.error.message).toContain(world.path("new.db"));
    }
    expect((await world.run("doctor")).code).toBe(78);
    expect((await world.run("sync", "--ledger", "new.db", "--json")).json).toMatchObject({
      hold: null,
      drained: { done: 1 },
    });
    expect(deals()).toBe(2);
  });

  it("leaves with 4 while a run is working, and the ledger stays in use", async () => {
    spool("1", "2", "3");
    const child = await syncThatStands();
    const refused = await world.run("backup", "new.db", "--move", "--json");
    expect(refused).toMatchObject({ code: 4, json: { error: { code: "alreadyRunning" } } });
    child.process.kill("SIGCONT");
    expect((await child.ended).code).toBe(0);
    expect(deals()).toBe(3);
  });

  it.each(["before", "after"])("broken off %s its copy was made, the same command ends it", async (when) => {
    spool("1");
    await world.run("sync");
    const ledger = await openSqliteLedger({ path: world.path("crmledger.db"), create: false, nowMs: Date.now() });
    await ledger.retire({ place: world.path("new.db"), done: false });
    const options = { nowMs: Date.now(), signal: new AbortController().signal, observe: () => {} };
    if (when === "after") await ledger.copyTo(world.path("new.db"), { as: "move", ...options });
    await ledger.close();
    const refused = await world.run("sync", "--json");
    expect(refused.code).toBe(78);
    expect(refused.json.error.hint).toContain(`crmledger backup ${world.path("new.db")} --move`);
    expect((await world.run("backup", "new.db", "--move")).code).toBe(0);
    spool("2");
    expect((await world.run("sync", "--ledger", "new.db", "--json")).json).toMatchObject({
      hold: null,
      drained: { done: 1 },
    });
  });
});
