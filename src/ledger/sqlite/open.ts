/** Opens a ledger file, or makes a new one: modes, owner, pragmas, schema. Nothing damaged is ever started afresh. */
import { chmodSync, closeSync, existsSync, fsyncSync, linkSync, openSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname } from "node:path";
import Database from "better-sqlite3";
import { CrmledgerError } from "../../domain/errors.ts";
import { NO_FAILPOINT } from "../../domain/failpoint.ts";
import type { Ledger } from "../ledger.ts";
import type { LedgerFailpoint } from "./failpoints.ts";
import { damaged, ledgerError } from "./faults.ts";
import { sqliteLedger } from "./ledger.ts";
import { awaitLock, createPrivateFile } from "./locks.ts";
import { isLogDamaged } from "./log-check.ts";
import { ledgerVersion, migrate } from "./migrate.ts";
import { refuseMoved } from "./moved.ts";
import { createStore, type Store } from "./store.ts";
import { closeUntouched } from "./untouched.ts";

/** How long a statement waits for another process's transaction. Ours stay under 50 ms; a backup's lock is short too. */
const BUSY_TIMEOUT_MS = 5_000;
const MEMORY = ":memory:";

export interface OpenOptions {
  /** Path of the file, or `:memory:`. */
  path: string;
  /** Whether a missing ledger is made. */
  create: boolean;
  busyTimeoutMs?: number;
  nowMs: number;
  /** The user that runs this; a ledger of another owner is refused. Left out where the system knows no such numbers. */
  uid?: number;
  /** Whether one that is being moved is opened all the same: by the command that ends a move which was broken off. */
  evenMoving?: boolean;
  /** A test may kill at these. */
  failpoint?: LedgerFailpoint;
}

/**
 * Opens the ledger at `path`. Rejects with `ledgerUnreadable` (not there, and `create` is false; or the system refuses),
 * `ledgerOwner`, `ledgerMoved`, `ledgerForeign`, `ledgerDamaged`, `ledgerNewer`, `ledgerLocked` or `diskFull`.
 */
export async function openSqliteLedger(options: OpenOptions): Promise<Ledger> {
  const failpoint = options.failpoint ?? NO_FAILPOINT;
  try {
    if (options.path === MEMORY) {
      const store = connect(MEMORY, options, true);
      migrate(store, 0);
      stampBirth(store, options.nowMs);
      return sqliteLedger(store);
    }
    if (!existsSync(options.path)) create(options, failpoint);
    checkFile(options.path, options.uid);
    if (isLogDamaged(options.path)) throw damaged(options.path, new Error("commits behind a damaged frame of its log"));
    const store = connect(options.path, options, false);
    try {
      const version = ledgerVersion(store);
      if (version > 0) refuseMoved(store, options.evenMoving === true);
      migrate(store, version);
    } catch (error) {
      closeUntouched(store.db, options.path);
      throw error;
    }
    failpoint("ledger.open.after");
    return sqliteLedger(store);
  } catch (error) {
    // Statements that fail on every ledger would fail in tests: this one's schema is not that of the version that it names.
    const isOther = (error as { code?: unknown }).code === "SQLITE_ERROR";
    throw isOther ? damaged(options.path, error) : ledgerError(options.path, error);
  }
}

/** One more connection of this process to a ledger that it has open: nothing of the file is checked again. */
export function openBeside(path: string): Store {
  return connect(path, { path, create: false, nowMs: 0 }, false);
}

/**
 * Builds a new ledger under another name and links it into place when it is whole: so a file of no bytes, or half a
 * schema, at the ledger's path is always damage and never a beginning.
 */
function create(options: OpenOptions, failpoint: LedgerFailpoint): void {
  if (!options.create) {
    throw new CrmledgerError("ledgerUnreadable", `There is no ledger at ${options.path}.`, {
      hint: "Run crmledger init or crmledger sync to make one, or name the right file with --ledger.",
    });
  }
  if (!existsSync(dirname(options.path))) {
    throw new CrmledgerError("ledgerUnreadable", `The folder of the ledger ${options.path} is not there.`, {
      hint: "Make the folder, or name another path with --ledger or in the config.",
    });
  }
  const lock = awaitLock(options.path, "create", options.busyTimeoutMs ?? BUSY_TIMEOUT_MS);
  if (lock === null) {
    throw new CrmledgerError("ledgerLocked", `Another process is making the ledger ${options.path} right now.`, {
      hint: "Run the same command again.",
    });
  }
  try {
    if (!existsSync(options.path)) build(options, failpoint);
  } finally {
    lock.release();
  }
}

function build(options: OpenOptions, failpoint: LedgerFailpoint): void {
  const unfinished = `${options.path}.new`;
  for (const suffix of ["", "-wal", "-shm", "-journal"]) rmSync(unfinished + suffix, { force: true });
  createPrivateFile(unfinished);
  failpoint("ledger.create.before");
  const store = connect(unfinished, options, true);
  migrate(store, 0);
  stampBirth(store, options.nowMs);
  // Closing moves the write-ahead log into the file too, but says nothing where it can't.
  store.db.pragma("wal_checkpoint(TRUNCATE)");
  store.db.close();
  failpoint("ledger.create.built");
  place(unfinished, options.path);
  failpoint("ledger.create.linked");
  rmSync(unfinished, { force: true });
}

/** Unlike a rename, a link never replaces a file that came to be meanwhile; not every file system has links. */
function place(unfinished: string, path: string): void {
  try {
    linkSync(unfinished, path);
  } catch (error) {
    if ((error as { code?: unknown }).code === "EEXIST") return;
    renameSync(unfinished, path);
  }
  // The name must survive a power loss too: submissions are acknowledged against this file from here on.
  const folder = openSync(dirname(path), "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

function stampBirth(store: Store, nowMs: number): void {
  store.write(() => {
    const insert = "INSERT OR IGNORE INTO meta (name, value) VALUES (?, ?)";
    store.run(insert, "created_at_ms", String(nowMs));
    store.run(insert, "run_counter", "0");
    store.run("INSERT OR IGNORE INTO meta (name, value) VALUES ('ledger_id', lower(hex(randomblob(16))))");
  });
}

/** Without opening the file: see `createPrivateFile`. */
function checkFile(path: string, user: number | undefined): void {
  const file = statSync(path);
  if (!file.isFile()) {
    throw new CrmledgerError("ledgerUnreadable", `The ledger ${path} is not a file.`, {
      hint: "Name the ledger's file with --ledger or in the config.",
    });
  }
  if (user !== undefined && file.uid !== user) {
    throw new CrmledgerError("ledgerOwner", `The ledger ${path} belongs to user ${file.uid}, not to user ${user}.`, {
      hint: `Run it as its owner: sudo -u '#${file.uid}' crmledger ... (files made by another user would lock the owner out).`,
      details: { ownerUid: file.uid, uid: user },
    });
  }
  if ((file.mode & 0o077) !== 0) chmodSync(path, 0o600);
}

/** One connection with every pragma set and, where it matters, read back. */
function connect(path: string, options: OpenOptions, fresh: boolean): Store {
  const db = new Database(path, { timeout: options.busyTimeoutMs ?? BUSY_TIMEOUT_MS, fileMustExist: path !== MEMORY });
  try {
    // Reading first: a file that is no database fails here, before anything could be written.
    db.pragma("schema_version");
    const store = createStore(db, path, options.failpoint);
    // The journal mode is written into the file: never into one that is not ours.
    if (!fresh) ledgerVersion(store);
    db.pragma("journal_mode = WAL");
    // Not only once: better-sqlite3 is compiled to fall back to NORMAL on a database that is already in WAL mode, where
    // a power loss takes back commits, intents among them.
    db.pragma("synchronous = FULL");
    if (db.pragma("synchronous", { simple: true }) !== 2) {
      throw new CrmledgerError("ledgerUnreadable", `The ledger ${path} can't be opened with synchronous=FULL.`, {
        hint: "This build of SQLite refuses durable commits; run npm rebuild better-sqlite3.",
      });
    }
    db.pragma("foreign_keys = ON");
    // A long check or backup lets the write-ahead log grow; afterwards the file gives the room back.
    db.pragma("journal_size_limit = 67108864");
    // By default a commit that finds 4 MiB in the log moves them into the file before it returns, also those that a long
    // import put there. The import makes room itself, long before this is reached.
    db.pragma("wal_autocheckpoint = 8000");
    // Pages of a claim's and a turn's working set; twice as many took a long check over its bound of memory.
    db.pragma("cache_size = -16000");
    db.pragma("temp_store = MEMORY");
    return store;
  } catch (error) {
    closeUntouched(db, path);
    throw error;
  }
}
