/** docs/operations.md: what it has people type to move the ledger and to leave the tool does what it says. */
import { cpSync, readFileSync, renameSync, rmSync } from "node:fs";
import Database from "better-sqlite3";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type CliWorld, createCliWorld, WEBSITE } from "../support/cli-world.ts";
import { readText } from "../support/house-source.ts";

const PAGE = readText("docs/operations.md");
const part = (heading: string): string => PAGE.split(`\n## ${heading}\n`)[1]!.split("\n## ")[0]!;
const lead = (id: string): string => JSON.stringify({ id, person: { name: `Lead ${id}`, email: `${id}@example.com` } });

/** The command lines of a part, each a list of words. */
const typed = (heading: string): string[][] =>
  [...part(heading).matchAll(/^\$ (.*?) *(?:#.*)?$/gm)].map(([, line]) => line!.trim().split(/\s+/));

let world: CliWorld;
beforeEach(async () => {
  world = await createCliWorld();
  world.config();
  world.write("spool/a.json", lead("a"));
  expect((await world.run("sync")).code).toBe(0);
});
afterEach(() => world.close());

/** Runs each of crmledger's own lines in the world, with its folder for the page's; gives the exit codes. */
async function play(lines: readonly string[][]): Promise<string[]> {
  const codes: string[] = [];
  for (const [program, ...words] of lines) {
    if (program === "rm")
      for (const name of words.filter((word) => word !== "-f")) rmSync(world.path(name), { force: true });
    if (program === "mv") {
      const [from, to, , , ...more] = words;
      renameSync(world.path(from!), world.path(to!));
      if (more.length === 2) renameSync(world.path(more[0]!), world.path(more[1]!));
    }
    if (program !== "crmledger") continue;
    const args = words.map((word) =>
      word.replace("/srv/crmledger/", `${world.folder}/`).replace(/^(\w+\.(csv|jsonl))$/, `${world.folder}/$1`),
    );
    codes.push(`${args[0]} ${(await world.run(...args)).code}`);
  }
  return codes;
}

describe("moving to a new server", () => {
  test("the old one sends nothing any more, the new one goes on and misses nothing", async () => {
    const lines = typed("Moving to a new server");
    const there = lines.findIndex(([program]) => program === "rm");
    world.write("spool/b.json", lead("b"));
    expect(await play(lines.slice(0, there))).toEqual(["backup 0", "sync 78"]);
    cpSync(world.folder, `${world.folder}-old`, { recursive: true });
    try {
      expect(await play(lines.slice(there))).toEqual(["doctor 0", "sync 0", "reconcile 0"]);
      expect(world.simulator.records.persons.map(({ name }) => name)).toEqual(["Lead a", "Lead b"]);
      const old = await world.run("sync", "--ledger", `${world.folder}-old/crmledger.db`);
      expect(old).toMatchObject({ code: 78 });
      expect(old.err).toContain("moved");
    } finally {
      rmSync(`${world.folder}-old`, { recursive: true });
    }
  });
});

describe("leaving the tool", () => {
  test("everything is there in plain formats", async () => {
    await world.run("pause", "--why", "leaving");
    world.write("spool/b.json", lead("b"));
    world.write("spool/c.json", '{"id": "c"}');
    const codes = await play(typed("Leaving the tool"));
    expect(codes.slice(-3)).toEqual(["export 0", "export 0", "rejects 0"]);
    expect(readFileSync(world.path("delivered.csv"), "utf8")).toContain("website");
    expect(readFileSync(world.path("waiting.jsonl"), "utf8")).toContain("b@example.com");
    expect(readFileSync(world.path("rejects.jsonl"), "utf8")).toContain('"c"');
  });
});

describe("a program that copies the ledger's log all the time", () => {
  test("may keep a read open and tables of its own in it", async () => {
    const db = new Database(world.path("crmledger.db"));
    try {
      db.exec(
        "CREATE TABLE _litestream_seq (id INTEGER PRIMARY KEY, seq INTEGER); CREATE TABLE _litestream_lock (id);",
      );
      db.exec("BEGIN");
      db.prepare("SELECT count(*) FROM _litestream_seq").get();
      world.config(WEBSITE);
      world.write("spool/b.json", lead("b"));
      expect((await world.run("sync")).code).toBe(0);
      expect((await world.run("doctor")).code).toBe(0);
      db.exec("COMMIT; PRAGMA wal_checkpoint(RESTART)");
    } finally {
      db.close();
    }
    world.write("spool/c.json", lead("c"));
    expect((await world.run("sync")).code).toBe(0);
    expect((await world.run("reconcile")).code).toBe(0);
  });
});
