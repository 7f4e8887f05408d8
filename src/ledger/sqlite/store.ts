/** One connection with its prepared statements. Statements are made once, at first use; transactions never span an await. */
import type Database from "better-sqlite3";
import { NO_FAILPOINT } from "../../domain/failpoint.ts";
import type { LedgerFailpoint } from "./failpoints.ts";
import { ledgerError } from "./faults.ts";

export type Value = string | number | bigint | Uint8Array | null;
export type Values = readonly (Value | Record<string, Value>)[];

export interface Store {
  readonly path: string;
  readonly db: Database.Database;
  readonly failpoint: LedgerFailpoint;
  /** The first row, or undefined. */
  one<Row>(sql: string, ...values: Values): Row | undefined;
  all<Row>(sql: string, ...values: Values): Row[];
  /** Rows changed, and the id of the row that an INSERT made. */
  run(sql: string, ...values: Values): { changes: number; id: number };
  /**
   * One write transaction. It takes the write lock at its beginning: a transaction that reads first and writes later
   * fails at once, whatever the busy timeout, when another process wrote in between. Within another one it is a part of it, which
   * is taken back alone where `work` throws.
   */
  write<Result>(work: () => Result): Result;
  /**
   * The same for what nobody is told of before another transaction is written: its commit does not wait for the disk. A power loss
   * may take it back, with all that was committed since, up to the next commit that waits: that one brings it to the disk too.
   */
  writeUnsynced<Result>(work: () => Result): Result;
  /**
   * The same for work that may be done twice: first without a way back for its parts, which costs a copy of each page that they
   * touch. Where one would be needed, all of it is taken back and done again, each part apart.
   */
  writeTwice<Result>(work: () => Result): Result;
  /** Several reads of one state of the ledger. */
  read<Result>(work: () => Result): Result;
  /** A part of a write transaction that can be taken back alone: `work` returns false to do so. */
  attempt(work: () => boolean): boolean;
}

export function createStore(db: Database.Database, path: string, failpoint: LedgerFailpoint = NO_FAILPOINT): Store {
  const statements = new Map<string, Database.Statement>();
  const prepare = (sql: string): Database.Statement => {
    let statement = statements.get(sql);
    if (statement === undefined) {
      statement = db.prepare(sql);
      statements.set(sql, statement);
    }
    return statement;
  };
  return {
    path,
    db,
    failpoint,
    one: <Row>(sql: string, ...values: Values) => prepare(sql).get(...values) as Row | undefined,
    all: <Row>(sql: string, ...values: Values) => prepare(sql).all(...values) as Row[],
    run: (sql, ...values) => {
      const result = prepare(sql).run(...values);
      return { changes: result.changes, id: Number(result.lastInsertRowid) };
    },
    ...transactions(db, path, prepare, failpoint),
  };
}

const BEGIN_WRITE = "BEGIN IMMEDIATE";
const RETRY_MS = 0.5;
const never = new Int32Array(new SharedArrayBuffer(4));

/**
 * Takes the write lock. SQLite has no queue for it and looks again later and later, up to each 100 ms: beside somebody who writes
 * again and again, as a large import does, it would come too late each time. So it is looked for each half a millisecond, for as long
 * as SQLite would.
 */
function beginWrite(prepare: (sql: string) => Database.Statement): void {
  const { timeout: timeoutMs } = prepare("PRAGMA busy_timeout").get() as { timeout: number };
  for (let waitedMs = 0; ; waitedMs += RETRY_MS) {
    prepare("PRAGMA busy_timeout = 0").get();
    try {
      prepare(BEGIN_WRITE).run();
      return;
    } catch (error) {
      if (!String((error as { code?: unknown }).code).startsWith("SQLITE_BUSY") || waitedMs >= timeoutMs) throw error;
    } finally {
      prepare(`PRAGMA busy_timeout = ${timeoutMs}`).get();
    }
    Atomics.wait(never, 0, 0, RETRY_MS);
  }
}

function transactions(
  db: Database.Database,
  path: string,
  prepare: (sql: string) => Database.Statement,
  failpoint: LedgerFailpoint,
): Pick<Store, "write" | "writeUnsynced" | "writeTwice" | "read" | "attempt"> {
  const transaction = <Result>(begin: string, work: () => Result): Result => {
    try {
      if (begin === BEGIN_WRITE) beginWrite(prepare);
      else prepare(begin).run();
      const result = work();
      prepare("COMMIT").run();
      return result;
    } catch (error) {
      // SQLite takes some failed transactions back by itself (a full disk).
      if (db.inTransaction) prepare("ROLLBACK").run();
      throw ledgerError(path, error);
    }
  };
  const written = <Result>(work: () => Result): Result => {
    const result = transaction(BEGIN_WRITE, () => {
      failpoint("ledger.write.begun");
      const inner = work();
      failpoint("ledger.write.within");
      return inner;
    });
    failpoint("ledger.write.after");
    return result;
  };
  let isWhole = false;
  const write = <Result>(work: () => Result): Result => {
    if (!db.inTransaction) return written(work);
    return isWhole ? partOfWhole(work) : asPart(db, path, prepare, work);
  };
  return {
    write,
    writeUnsynced: (work) => (db.inTransaction ? write(work) : unsynced(db, () => write(work))),
    writeTwice: (work) => {
      if (db.inTransaction) return write(work);
      isWhole = true;
      try {
        return written(work);
      } catch (error) {
        if (!isPartFailed(error)) throw error;
      } finally {
        isWhole = false;
      }
      return written(work);
    },
    read: (work) => transaction("BEGIN DEFERRED", work),
    attempt: (work) => {
      if (isWhole) return work() || failPart();
      prepare("SAVEPOINT part").run();
      const kept = work();
      if (!kept) prepare("ROLLBACK TO part").run();
      prepare("RELEASE part").run();
      return kept;
    },
  };
}

function unsynced<Result>(db: Database.Database, work: () => Result): Result {
  // Not as prepared statements, which do it once only.
  db.exec("PRAGMA synchronous = NORMAL");
  try {
    return work();
  } finally {
    db.exec("PRAGMA synchronous = FULL");
  }
}

const PART_FAILED = new Error("A part of a transaction failed, which is done again part by part.");

/** Thrown through work that is done as a whole at first: it is for `writeTwice`, and nobody else's to catch. */
export function isPartFailed(error: unknown): boolean {
  return error === PART_FAILED;
}

function failPart(): never {
  throw PART_FAILED;
}

function partOfWhole<Result>(work: () => Result): Result {
  try {
    return work();
  } catch {
    // Whatever it is: the second time it is told where it belongs.
    return failPart();
  }
}

/** A write within another one: taken back alone where it fails, unless SQLite took the whole transaction back. */
function asPart<Result>(
  db: Database.Database,
  path: string,
  prepare: (sql: string) => Database.Statement,
  work: () => Result,
): Result {
  prepare("SAVEPOINT verb").run();
  try {
    const result = work();
    prepare("RELEASE verb").run();
    return result;
  } catch (error) {
    if (db.inTransaction) {
      prepare("ROLLBACK TO verb").run();
      prepare("RELEASE verb").run();
    }
    throw ledgerError(path, error);
  }
}
