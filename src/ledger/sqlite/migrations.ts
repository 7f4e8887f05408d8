/**
 * The numbered migrations. Each is one module `migrations/NNNN-name.sql.ts` that exports its SQL as text (a `.sql` file
 * would not reach `dist`); its number is its place in this list, and what `user_version` holds once it ran. Numbers are
 * never reused, and the same on every engine.
 */
import { sql as firstLedger } from "./migrations/0001-first-ledger.sql.ts";

export interface Migration {
  version: number;
  name: string;
  sql: string;
}

export const MIGRATIONS: readonly Migration[] = [{ version: 1, name: "0001-first-ledger", sql: firstLedger }];

/** What this program writes. */
export const LEDGER_VERSION = MIGRATIONS.length;
