/** Ledgers in memory for one world after the other: migrated once, and emptied in between with its statements kept prepared. */
import Database from "better-sqlite3";
import type { Ledger } from "../../src/ledger/ledger.ts";
import { sqliteLedger } from "../../src/ledger/sqlite/ledger.ts";
import { migrate } from "../../src/ledger/sqlite/migrate.ts";
import { createStore } from "../../src/ledger/sqlite/store.ts";

/** A ledger with the connection beneath it, for what a test asks behind the ledger's back. */
export interface SimLedger {
  ledger: Ledger;
  db: Database.Database;
}

const BORN =
  "INSERT INTO meta (name, value) VALUES ('created_at_ms', '0'), ('run_counter', '0'), ('ledger_id', 'simulated')";

/** Gives the ledger as one that was just made. Whoever had it before must be done with it, and nothing of them wake any more. */
export function ledgerPress(): () => SimLedger {
  const db = new Database(":memory:");
  db.pragma("foreign_keys = ON");
  db.pragma("temp_store = MEMORY");
  const store = createStore(db, ":memory:");
  migrate(store, 0, () => {});
  const tables = db
    .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_stat%' ESCAPE '\\'")
    .pluck()
    .all() as string[];
  const wipe = tables.map((name) => `DELETE FROM ${name};`).join("\n");
  return () => {
    if (db.inTransaction) db.exec("ROLLBACK");
    db.exec(`PRAGMA foreign_keys = OFF; BEGIN; ${wipe} ${BORN}; COMMIT; PRAGMA foreign_keys = ON;`);
    return { db, ledger: sqliteLedger(store) };
  };
}
