/** Ledgers in memory: migrated once for all worlds, then copied byte by byte. */
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

/** Gives new ledgers, each as one is that was just made. */
export function ledgerPress(): () => SimLedger {
  const first = new Database(":memory:");
  migrate(createStore(first, ":memory:"), 0, () => {});
  first.exec(
    "INSERT INTO meta (name, value) VALUES ('created_at_ms', '0'), ('run_counter', '0'), ('ledger_id', 'sim')",
  );
  const pattern = first.serialize();
  first.close();
  return () => {
    const db = new Database(pattern);
    db.pragma("foreign_keys = ON");
    db.pragma("temp_store = MEMORY");
    db.pragma("journal_mode = MEMORY");
    return { db, ledger: sqliteLedger(createStore(db, ":memory:")) };
  };
}
