/** Locks that the kernel drops with the process: an exclusive transaction on a tiny database beside the ledger. */
import { closeSync, existsSync, openSync } from "node:fs";
import Database from "better-sqlite3";
import type { RunLock, RunLocks } from "../ledger.ts";
import { ledgerError } from "./faults.ts";

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;

/**
 * Locks beside the ledger at `path`, one file `<path>.<name>.lock` (mode 0600) each. The files stay; only an open
 * transaction means "taken". `take` never waits.
 */
export function createSqliteLocks(path: string): RunLocks {
  return { take: (name) => takeLock(`${path}.${name}.lock`, name, 0) };
}

/** As `take`, but waits for whoever has it, this whole process with it: for the few things that every opening may have to do. */
export function awaitLock(path: string, name: string, timeoutMs: number): RunLock | null {
  return takeLock(`${path}.${name}.lock`, name, timeoutMs);
}

function takeLock(file: string, name: string, timeoutMs: number): RunLock | null {
  if (!NAME.test(name)) throw new RangeError(`A lock can't be called ${JSON.stringify(name)}.`);
  try {
    createPrivateFile(file);
    const db = new Database(file, { timeout: timeoutMs });
    try {
      db.exec("BEGIN EXCLUSIVE");
    } catch (error) {
      db.close();
      if (String((error as { code?: unknown }).code).startsWith("SQLITE_BUSY")) return null;
      throw error;
    }
    return { name, release: () => db.close() };
  } catch (error) {
    throw ledgerError(file, error);
  }
}

/**
 * Makes an empty file that only its owner can read; one that is there already is not even opened: closing any descriptor
 * of a file drops all POSIX locks that this process has on it (https://www.sqlite.org/howtocorrupt.html, 2.2).
 */
export function createPrivateFile(file: string): void {
  if (existsSync(file)) return;
  try {
    closeSync(openSync(file, "wx", 0o600));
  } catch (error) {
    if ((error as { code?: unknown }).code !== "EEXIST") throw error;
  }
}
