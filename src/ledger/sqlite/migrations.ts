/**
 * The numbered migrations. Each is one module `migrations/NNNN-name.sql.ts` that exports its SQL as text (a `.sql` file
 * would not reach `dist`); its number is its place in this list, and what `user_version` holds once it ran. Numbers are
 * never reused, and the same on every engine.
 */
import { sql as submissions } from "./migrations/0001-submissions.sql.ts";
import { sql as limitsAndMirror } from "./migrations/0002-limits-and-mirror.sql.ts";
import { sql as checks } from "./migrations/0003-checks.sql.ts";
import { sql as accountsReport } from "./migrations/0004-accounts-report.sql.ts";
import { sql as retention } from "./migrations/0005-retention.sql.ts";
import { sql as forgotten } from "./migrations/0006-forgotten.sql.ts";
import { sql as watch } from "./migrations/0007-watch.sql.ts";
import { sql as retrySample } from "./migrations/0008-retry-sample.sql.ts";

export interface Migration {
  version: number;
  name: string;
  sql: string;
}

export const MIGRATIONS: readonly Migration[] = [
  { version: 1, name: "0001-submissions", sql: submissions },
  { version: 2, name: "0002-limits-and-mirror", sql: limitsAndMirror },
  { version: 3, name: "0003-checks", sql: checks },
  { version: 4, name: "0004-accounts-report", sql: accountsReport },
  { version: 5, name: "0005-retention", sql: retention },
  { version: 6, name: "0006-forgotten", sql: forgotten },
  { version: 7, name: "0007-watch", sql: watch },
  { version: 8, name: "0008-retry-sample", sql: retrySample },
];

/** What this program writes. */
export const LEDGER_VERSION = MIGRATIONS.length;
