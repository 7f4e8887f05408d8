/** Several processes that open one ledger at the same moment, where it has to be made or brought up to date first. */
import { existsSync, mkdtempSync, readdirSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { afterEach, beforeEach, expect, it } from "vitest";
import { createSqliteLocks } from "../../src/ledger/sqlite/locks.ts";
import { MIGRATIONS } from "../../src/ledger/sqlite/migrations.ts";
import { openSqliteLedger } from "../../src/ledger/sqlite/open.ts";
import { type Child, startChild } from "../support/children.ts";

let folder = "";
let path = "";
let children: Child[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "crmledger-at-once-"));
  path = join(folder, "ledger.db");
});
afterEach(async () => {
  for (const { process: child } of children) child.kill("SIGKILL");
  await Promise.all(children.map(({ ended }) => ended));
  children = [];
  rmSync(folder, { recursive: true, force: true });
});

const openAtOnce = (count: number): Child[] => {
  children = Array.from({ length: count }, () => startChild("ledger-child.ts", ["open", path, "never"]));
  return children;
};

/** Resolves when the process has that file open, or has ended. */
async function hasOpen({ process: child }: Child, file: string): Promise<void> {
  const fds = `/proc/${child.pid}/fd`;
  while (child.exitCode === null && child.signalCode === null) {
    for (const fd of readdirSync(fds)) if (linkOf(join(fds, fd)) === file) return;
    await new Promise((done) => setTimeout(done, 5));
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}

async function allOpened(): Promise<void> {
  const ends = await Promise.all(children.map(({ ended }) => ended));
  expect(ends).toEqual(children.map(() => ({ code: 0, signal: null, err: "" })));
  for (const { lines } of children) expect(lines).toEqual(["opened"]);
}

it("waits for the process that makes the ledger, instead of giving up", async () => {
  const maker = createSqliteLocks(path).take("create");
  const waiting = openAtOnce(3);
  await Promise.all(waiting.map((child) => hasOpen(child, `${path}.create.lock`)));
  maker?.release();
  await allOpened();
  expect(readdirSync(folder).filter((name) => name.includes(".new"))).toEqual([]);
}, 180_000);

/** A ledger of the first schema, large enough for its copy to take a while. */
function olderLedger(): void {
  const older = new Database(path);
  older.exec(MIGRATIONS[0]!.sql);
  older.exec("INSERT INTO meta (name, value) VALUES ('run_counter', '5'), ('created_at_ms', '9')");
  older.exec("INSERT INTO meta (name, value) VALUES ('ballast', hex(randomblob(20000000)))");
  older.pragma(`application_id = ${0x63726d4c}`);
  older.pragma("user_version = 1");
  older.close();
}

it("waits for the process that copies an older ledger before it is changed: none of them takes the other's half copy", async () => {
  olderLedger();
  const copier = createSqliteLocks(path).take("migrate");
  const waiting = openAtOnce(3);
  await Promise.all(waiting.map((child) => hasOpen(child, `${path}.migrate.lock`)));
  expect(existsSync(`${path}.before-v2`)).toBe(false);
  copier?.release();
  await allOpened();
  const copy = new Database(`${path}.before-v2`, { readonly: true });
  expect(copy.pragma("integrity_check", { simple: true })).toBe("ok");
  expect(copy.pragma("user_version", { simple: true })).toBe(1);
  copy.close();
  expect(existsSync(`${path}.before-v2.part`)).toBe(false);
  const ledger = await openSqliteLedger({ path, create: false, nowMs: 1 });
  expect(await ledger.check()).toEqual([]);
  await ledger.close();
}, 180_000);
