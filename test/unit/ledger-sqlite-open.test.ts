import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Ledger } from "../../src/ledger/ledger.ts";
import { ledgerError } from "../../src/ledger/sqlite/faults.ts";
import { sqliteLedger } from "../../src/ledger/sqlite/ledger.ts";
import { LEDGER_VERSION, MIGRATIONS } from "../../src/ledger/sqlite/migrations.ts";
import { openSqliteLedger } from "../../src/ledger/sqlite/open.ts";
import { createStore } from "../../src/ledger/sqlite/store.ts";
import { benchOn, incoming, START_MS, take } from "../support/ledger-fixture.ts";

let folder = "";
let path = "";
let open: Ledger[] = [];

const openLedger = async (more: { create?: boolean; uid?: number; busyTimeoutMs?: number } = {}): Promise<Ledger> => {
  const ledger = await openSqliteLedger({ path, create: true, nowMs: START_MS, ...more });
  open.push(ledger);
  return ledger;
};
const close = async (): Promise<void> => {
  for (const ledger of open) await ledger.close();
  open = [];
};

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "crmledger-"));
  path = join(folder, "ledger.db");
});
afterEach(async () => {
  await close();
  rmSync(folder, { recursive: true, force: true });
});

describe("opening", () => {
  test("commits are durable on every connection, also on those after the first", async () => {
    for (let times = 0; times < 3; times += 1) {
      const ledger = await openLedger();
      expect(await ledger.facts()).toMatchObject({ synchronous: "FULL", journalMode: "wal", version: LEDGER_VERSION });
    }
    await close();
    expect((await (await openLedger()).facts()).synchronous).toBe("FULL");
  });

  test("everything beside the ledger is for its owner alone, whatever the umask", async () => {
    const before = process.umask(0o000);
    try {
      const bench = await benchOn(await openLedger());
      await take(bench, incoming());
      const modes = readdirSync(folder).map((name) => [name, statSync(join(folder, name)).mode & 0o777]);
      expect(modes.map(([name]) => name)).toContain("ledger.db-wal");
      expect(modes.filter(([, mode]) => mode !== 0o600)).toEqual([]);
    } finally {
      process.umask(before);
    }
  });

  test("a ledger that others could read is closed to them", async () => {
    await openLedger();
    await close();
    chmodSync(path, 0o644);
    await openLedger();
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  test("a missing ledger is made only on request", async () => {
    await expect(openLedger({ create: false })).rejects.toMatchObject({ code: "ledgerUnreadable", exitCode: 74 });
    expect(readdirSync(folder)).toEqual([]);
    await openLedger();
    await close();
    await openLedger({ create: false });
  });

  test("a folder that is not there is named", async () => {
    path = join(folder, "no", "ledger.db");
    await expect(openLedger()).rejects.toMatchObject({ code: "ledgerUnreadable" });
  });

  test("several at once make one ledger", async () => {
    const ledgers = await Promise.all([openLedger(), openLedger(), openLedger()]);
    const bench = await benchOn(ledgers[0]!);
    await take(bench, incoming());
    expect((await ledgers[2]!.queue()).pending).toBe(1);
  });

  test("another user's ledger is refused, with the way to run it", async () => {
    await openLedger();
    await close();
    const owner = statSync(path).uid;
    await expect(openLedger({ uid: owner + 1 })).rejects.toMatchObject({
      code: "ledgerOwner",
      exitCode: 78,
      hint: expect.stringContaining(`sudo -u '#${owner}' crmledger`),
    });
    await openLedger({ uid: owner });
  });
});

describe("files that are no ledger of ours are left as they are", () => {
  const refused = async (code: string): Promise<void> => {
    const before = readFileSync(path);
    await expect(openLedger()).rejects.toMatchObject({ code });
    expect(readFileSync(path).equals(before)).toBe(true);
  };

  test("a database of another program", async () => {
    const db = new Database(path);
    db.exec("CREATE TABLE t (x)");
    db.close();
    await refused("ledgerForeign");
  });

  test("a text, an empty file, a folder", async () => {
    writeFileSync(
      path,
      "these are my notes, not a database, and they are long enough to be read as a header of one....",
    );
    await refused("ledgerDamaged");
    writeFileSync(path, "");
    await refused("ledgerDamaged");
    path = folder;
    await expect(openLedger()).rejects.toMatchObject({ code: "ledgerUnreadable" });
  });

  test("a ledger of a newer crmledger", async () => {
    await openLedger();
    await close();
    const db = new Database(path);
    db.pragma(`user_version = ${LEDGER_VERSION + 1}`);
    db.pragma("journal_mode = DELETE");
    db.close();
    await refused("ledgerNewer");
  });

  test("a ledger whose pages turn out to be damaged only when they are read, and its log", async () => {
    const bench = await benchOn(await openLedger());
    await take(bench, ...Array.from({ length: 50 }, () => incoming()));
    await close();
    await openLedger();
    const killed = new Database(path);
    killed.pragma("wal_autocheckpoint = 0");
    killed.exec("UPDATE meta SET value = '7' WHERE name = 'run_counter'");
    const rootOf = "SELECT rootpage FROM sqlite_schema WHERE name = 'queue_counts'";
    const page = killed.prepare<[], number>(rootOf).pluck().get()!;
    const [file, log] = [readFileSync(path), readFileSync(`${path}-wal`)];
    killed.close();
    await close();
    file.fill(0xff, (page - 1) * 4096, page * 4096);
    rmSync(`${path}-shm`, { force: true });
    writeFileSync(path, file);
    writeFileSync(`${path}-wal`, log);
    const ledger = await openLedger();
    await expect(ledger.queue()).rejects.toMatchObject({ code: "ledgerDamaged" });
    await close();
    expect(readFileSync(path).equals(file)).toBe(true);
    expect(existsSync(`${path}-wal`) && readFileSync(`${path}-wal`).equals(log)).toBe(true);
  });

  test("a ledger that was cut off anywhere, or whose bytes were turned, is never begun afresh", async () => {
    const bench = await benchOn(await openLedger());
    await take(bench, ...Array.from({ length: 50 }, () => incoming()));
    await close();
    const whole = readFileSync(path);
    let seed = 7;
    const chance = (below: number): number => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      return seed % below;
    };
    let noticed = 0;
    for (let round = 0; round < 60; round += 1) {
      const damaged = Buffer.from(whole);
      const cut = round % 2 === 0;
      if (!cut) for (let flips = 0; flips < 64; flips += 1) damaged[chance(damaged.length)]! ^= 1 << chance(8);
      writeFileSync(path, damaged);
      if (cut) truncateSync(path, chance(whole.length));
      const size = statSync(path).size;
      const problems = await inspect();
      if (cut) expect(problems).not.toEqual([]);
      if (problems.length > 0) noticed += 1;
      expect(statSync(path).size).toBeGreaterThanOrEqual(Math.min(size, 1));
      rmSync(`${path}-wal`, { force: true });
      rmSync(`${path}-shm`, { force: true });
    }
    expect(noticed).toBeGreaterThan(30);
  });

  /** What a user hears of it: an error on the way, or the problems that the check finds. Never an empty ledger. */
  async function inspect(): Promise<string[]> {
    try {
      const ledger = await openLedger();
      const problems = await ledger.check();
      if (problems.length === 0) expect((await ledger.queue()).pending).toBe(50);
      return problems;
    } catch (error) {
      const code = (error as { code?: string }).code;
      expect(["ledgerDamaged", "ledgerForeign", "ledgerNewer", "ledgerUnreadable"]).toContain(code);
      return [code!];
    } finally {
      await close().catch(() => {});
      open = [];
    }
  }
});

describe("this machine's troubles", () => {
  test("a full disk takes nothing back and leaves nothing half", async () => {
    const bench = await benchOn(await openLedger());
    await take(bench, incoming());
    const db = new Database(path);
    db.pragma("wal_checkpoint(TRUNCATE)");
    db.close();
    await close();
    const pages = statSync(path).size / 4096;
    for (let spare = 0; spare < 12; spare += 1) {
      const small = new Database(path);
      small.pragma(`max_page_count = ${pages + spare}`);
      const full = sqliteLedger(createStore(small, path));
      const many = Array.from({ length: 200 }, () => incoming({ raw: "x".repeat(500) }));
      await expect(take({ ...bench, ledger: full }, ...many)).rejects.toMatchObject({ code: "diskFull", exitCode: 74 });
      expect((await full.queue()).pending).toBe(1);
      expect(await full.check()).toEqual([]);
      await full.close();
    }
    const roomy = await openLedger();
    await take({ ...bench, ledger: roomy }, incoming());
    expect((await roomy.queue()).pending).toBe(2);
  });

  test("a ledger that another program keeps locked says so, and goes on afterwards", async () => {
    const bench = await benchOn(await openLedger({ busyTimeoutMs: 20 }));
    const other = new Database(path);
    other.exec("BEGIN IMMEDIATE");
    await expect(take(bench, incoming())).rejects.toMatchObject({ code: "ledgerLocked" });
    other.exec("ROLLBACK");
    other.close();
    await take(bench, incoming());
    expect((await bench.ledger.queue()).pending).toBe(1);
  });

  test.each([
    ["SQLITE_FULL", "diskFull"],
    ["ENOSPC", "diskFull"],
    ["SQLITE_BUSY_SNAPSHOT", "ledgerLocked"],
    ["SQLITE_CORRUPT_VTAB", "ledgerDamaged"],
    ["SQLITE_NOTADB", "ledgerDamaged"],
    ["SQLITE_IOERR_WRITE", "ledgerUnreadable"],
    ["SQLITE_READONLY", "ledgerUnreadable"],
    ["EACCES", "ledgerUnreadable"],
  ])("%s is told as %s, with the path and what to do", (code, told) => {
    const fault = ledgerError("x/ledger.db", Object.assign(new Error("raw"), { code })) as Error & { hint: string };
    expect(fault).toMatchObject({ code: told, hint: expect.stringMatching(/\w/) });
    expect(fault.message).toContain("x/ledger.db");
  });

  test("a mistake of the program stays one", () => {
    const mistake = new TypeError("undefined is not a function");
    expect(ledgerError("x/ledger.db", mistake)).toBe(mistake);
  });
});

describe("the run counter beside the ledger", () => {
  test("tells a restored backup from the ledger that was last used", async () => {
    const bench = await benchOn(await openLedger());
    await close();
    const backup = readFileSync(path);
    const later = await openLedger();
    await later.openRun({ kind: "sync", pid: 1, host: "h", lockName: null, now: bench.now });
    expect(await later.facts()).toMatchObject({ runCounter: 2, runCounterBeside: 2 });
    await close();
    writeFileSync(path, backup);
    const restored = await openLedger();
    expect(await restored.facts()).toMatchObject({ runCounter: 1, runCounterBeside: 2 });
    await restored.openRun({ kind: "sync", pid: 1, host: "h", lockName: null, now: bench.now });
    await restored.openRun({ kind: "sync", pid: 1, host: "h", lockName: null, now: bench.now });
    expect((await restored.facts()).runCounterBeside).toBe(4);
    expect(await restored.holds()).toMatchObject([{ kind: "staleLedger", scope: "account" }]);
    await restored.closeHolds({ kind: "staleLedger" }, 1);
    await restored.openRun({ kind: "sync", pid: 1, host: "h", lockName: null, now: bench.now });
    expect(await restored.holds()).toEqual([]);
  });
});

describe("migrations", () => {
  test("are numbered by their place, and each is in a file of its number", () => {
    const files = readdirSync(new URL("../../src/ledger/sqlite/migrations/", import.meta.url)).sort();
    expect(MIGRATIONS.map((migration) => `${migration.name}.sql.ts`)).toEqual(files);
    MIGRATIONS.forEach((migration, index) => {
      expect(migration.version).toBe(index + 1);
      expect(migration.name).toMatch(new RegExp(`^${String(index + 1).padStart(4, "0")}-[a-z-]+$`));
    });
  });

  test("an older ledger is copied whole before it is changed", async () => {
    const older = new Database(path);
    older.exec(MIGRATIONS[0]!.sql);
    older.exec("INSERT INTO meta (name, value) VALUES ('run_counter', '5'), ('created_at_ms', '9')");
    older.pragma(`application_id = ${0x63726d4c}`);
    older.pragma("user_version = 1");
    older.close();
    const ledger = await openLedger();
    expect(await ledger.facts()).toMatchObject({ version: LEDGER_VERSION, runCounter: 5, createdAtMs: 9 });
    const copy = `${path}.before-v2`;
    expect(existsSync(`${copy}.part`)).toBe(false);
    expect(statSync(copy).mode & 0o777).toBe(0o600);
    const kept = new Database(copy, { readonly: true });
    expect(kept.pragma("user_version", { simple: true })).toBe(1);
    expect(kept.prepare("SELECT value FROM meta WHERE name = 'run_counter'").pluck().get()).toBe("5");
    kept.close();
  });
});
