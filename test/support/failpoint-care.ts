/** Commands that care for the ledger itself, and what must come right when they die. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import Database from "better-sqlite3";
import { openSqliteLedger } from "../../src/ledger/sqlite/open.ts";
import type { Given } from "./drain-rig.ts";
import { changesNothing, eachOnce, LEDGER, ledgerIsSound, runs } from "./failpoint-proofs.ts";
import type { Scenario } from "./failpoint-walk.ts";
import type { MortalWorld } from "./mortal-world.ts";

const SOURCES = "sources:\n  website: { spool: ./spool, lane: operational }\n";

function lead(key: string, person: Given["content"]["person"] = { email: `lead-${key}@example.com` }): Given {
  return { key, content: { person, deal: { title: `Deal ${key}` }, notes: [`Note of ${key}`] } };
}

function spool(world: MortalWorld, file: string, given: readonly Given[]): void {
  const records = given.map(({ key, content }) => ({ id: key, submittedAt: new Date().toISOString(), ...content }));
  world.write(`spool/${file}`, JSON.stringify(records));
}

/** One delivered, one that waits. */
async function halfWay(world: MortalWorld): Promise<Given[]> {
  world.config(SOURCES);
  const given = [lead("done"), lead("waits")];
  spool(world, "a.json", given.slice(0, 1));
  await runs(world, [0], "sync");
  spool(world, "b.json", given.slice(1));
  await runs(world, [0], "ingest");
  return given;
}

/** A copy that has its name is whole. */
function copyIsWhole(world: MortalWorld, file: string, submissions: number): void {
  const db = new Database(world.path(file), { readonly: true });
  try {
    assert.equal(db.pragma("integrity_check", { simple: true }), "ok", "integrity of the copy");
    const count = db.prepare("SELECT count(*) FROM submissions").pluck().get();
    assert.equal(count, submissions, "submissions in the copy");
  } finally {
    db.close();
  }
}

const unfinished = (world: MortalWorld): string[] => world.files().filter((file) => /\.part|\.new/.test(file));

const BACKUP: Scenario = {
  name: "backup",
  line: ["backup", "copy.db", "--json"],
  async prepare(world) {
    const given = await halfWay(world);
    return async () => {
      const isThere = existsSync(world.path("copy.db"));
      if (isThere) copyIsWhole(world, "copy.db", given.length);
      await runs(world, [isThere ? 64 : 0], ...BACKUP.line);
      copyIsWhole(world, "copy.db", given.length);
      assert.deepEqual(unfinished(world), [], "unfinished files");
      await runs(world, [0], "sync", "--json");
      eachOnce(world, given);
      await ledgerIsSound(world, { done: given.length, pending: 0 });
    };
  },
};

/** Whether runs may begin on it. */
async function isInUse(path: string): Promise<boolean> {
  if (!existsSync(path)) return false;
  try {
    await (await openSqliteLedger({ path, create: false, nowMs: Date.now() })).close();
    return true;
  } catch (error) {
    if ((error as { code?: unknown }).code === "ledgerMoved") return false;
    throw error;
  }
}

const MOVED = "elsewhere/moved.db";

const MOVE: Scenario = {
  name: "backup --move",
  line: ["backup", MOVED, "--move", "--json"],
  async prepare(world) {
    const given = await halfWay(world);
    mkdirSync(world.path("elsewhere"));
    const inUse = async (): Promise<boolean[]> => [await isInUse(world.path(LEDGER)), await isInUse(world.path(MOVED))];
    return async () => {
      assert.notDeepEqual(await inUse(), [true, true], "both ledgers are in use");
      const again = await world.run(...MOVE.line);
      if (again.code !== 0) assert.equal(again.json.error.code, "ledgerMoved", again.err);
      assert.deepEqual(await inUse(), [false, true], "which ledger is in use");
      assert.deepEqual(unfinished(world), [], "unfinished files");
      const before = world.simulator.log.length;
      assert.equal((await world.run("sync", "--json")).json.error.code, "ledgerMoved");
      assert.equal(world.simulator.log.length, before, "sent from the old place");
      await runs(world, [0], "sync", "--json", "--ledger", MOVED);
      eachOnce(world, given);
      await ledgerIsSound(world, { done: given.length, pending: 0 }, MOVED);
    };
  },
};

const ADA = { name: "Ada Lovelace", email: "ada@example.com", phone: "+441234567890" };
const BOB = { name: "Bob", email: "bob@example.com" };

/** Files of the whole folder in which some bytes stand. */
const filesWith = (world: MortalWorld, text: string): string[] =>
  world.files().filter((file) => readFileSync(world.path(file), "latin1").toLowerCase().includes(text.toLowerCase()));

const FORGET: Scenario = {
  name: "forget",
  line: ["forget", ADA.email, "--yes", "--json"],
  async prepare(world) {
    world.config(SOURCES);
    const given = [lead("1", ADA), lead("2", BOB)];
    spool(world, "a.json", given);
    spool(world, "ada.json", [lead("3", ADA)]);
    const row = (key: string, { name, email }: typeof BOB): string => `${key},${name},${email}\n`;
    world.write("spool/c.csv", `id,person.name,person.email\n${row("c1", ADA)}${row("c2", BOB)}${row("c3", ADA)}`);
    world.write("spool/nobody.json", JSON.stringify([{ id: "r", notes: [ADA.email] }]));
    await runs(world, [3], "sync", "--json");
    const delivered = world.simulator.log.length;
    return async () => {
      await runs(world, [0], ...FORGET.line);
      for (const text of [ADA.email, ADA.name]) assert.deepEqual(filesWith(world, text), [], `files with ${text}`);
      assert.ok(filesWith(world, BOB.email).length >= 3, "the others are kept");
      const { json } = await runs(world, [0], "sync", "--json");
      assert.deepEqual([json.ingested.new, json.ingested.conflict, json.remaining], [0, 0, 0], "taken in again");
      assert.equal(world.simulator.log.length, delivered, "writes to the CRM");
      assert.equal(
        (await runs(world, [0], "report", "--since", "1d", "--json")).json.accountedFor,
        true,
        "every record is accounted for",
      );
      await ledgerIsSound(world, { done: 6, rejected: 0 });
      await changesNothing(world, ...FORGET.line);
    };
  },
};

export const CARE: readonly Scenario[] = [BACKUP, MOVE, FORGET];
