/** Brings an opened ledger to this program's schema, one numbered migration and one transaction at a time. */
import { existsSync, renameSync, rmSync } from "node:fs";
import { CrmledgerError } from "../../domain/errors.ts";
import type { LedgerFailpoint } from "./failpoints.ts";
import { damaged } from "./faults.ts";
import { awaitLock, createPrivateFile } from "./locks.ts";
import { LEDGER_VERSION, MIGRATIONS, type Migration } from "./migrations.ts";
import type { Store } from "./store.ts";

/** "crmL": tells a ledger from any other SQLite file. https://www.sqlite.org/pragma.html#pragma_application_id */
export const APPLICATION_ID = 0x63726d4c;

/** A copy of a few gigabytes takes as long. */
const COPY_WAIT_MS = 60_000;

/** Reads what the file says of itself. Rejects foreign and newer files before anything is written. */
export function ledgerVersion(store: Store): number {
  const applicationId = store.db.pragma("application_id", { simple: true });
  if (applicationId !== APPLICATION_ID) {
    // A file of no bytes reads as an empty database: a ledger is never made out of one, it may be one that was cut off.
    if (store.db.pragma("page_count", { simple: true }) === 0) throw damaged(store.path);
    throw new CrmledgerError("ledgerForeign", `${store.path} is a SQLite database of another program, not a ledger.`, {
      hint: "Give another path with --ledger or in the config; the file was left as it is.",
    });
  }
  const version = store.db.pragma("user_version", { simple: true }) as number;
  if (version > LEDGER_VERSION) {
    throw new CrmledgerError(
      "ledgerNewer",
      `The ledger ${store.path} has schema ${version}; this crmledger knows ${LEDGER_VERSION} and older.`,
      { hint: "Install the newer crmledger that wrote it. Nothing was changed." },
    );
  }
  return version;
}

/**
 * Runs the migrations that are missing. Before the first one of an older ledger a copy is written to
 * `<path>.before-v<N>`. Safe to repeat after a crash at any instant, and beside another process that does the same.
 */
export function migrate(
  store: Store,
  from: number,
  failpoint: LedgerFailpoint = store.failpoint,
  migrations: readonly Migration[] = MIGRATIONS,
): void {
  const missing = migrations.filter((migration) => migration.version > from);
  const first = missing[0];
  if (first === undefined) return;
  if (from > 0) copyBefore(store, first.version);
  for (const migration of missing) {
    failpoint("ledger.migrate.before");
    store.write(() => {
      // Another process may have been here first.
      if ((store.db.pragma("user_version", { simple: true }) as number) >= migration.version) return;
      // A blank line stands between statements, and never within one.
      for (const group of migration.sql.split("\n\n")) {
        store.db.exec(group);
        failpoint("ledger.migrate.within");
      }
      store.db.pragma(`application_id = ${APPLICATION_ID}`);
      store.db.pragma(`user_version = ${migration.version}`);
    });
    failpoint("ledger.migrate.after");
  }
}

/** Written whole under another name first: a copy that is there is a good one. One process at a time: they share the name. */
function copyBefore(store: Store, version: number): void {
  const copy = `${store.path}.before-v${version}`;
  if (store.path === ":memory:" || existsSync(copy)) return;
  const lock = awaitLock(store.path, "migrate", COPY_WAIT_MS);
  if (lock === null) {
    throw new CrmledgerError(
      "ledgerLocked",
      `Another process is copying the ledger ${store.path} before it changes it.`,
      {
        hint: "Nothing was changed. Run the same command again when that has ended.",
      },
    );
  }
  try {
    if (existsSync(copy)) return;
    const unfinished = `${copy}.part`;
    rmSync(unfinished, { force: true });
    // VACUUM INTO takes an empty file that is there, and keeps its mode.
    createPrivateFile(unfinished);
    store.run("VACUUM INTO ?", unfinished);
    store.failpoint("ledger.migrate.copied");
    renameSync(unfinished, copy);
  } finally {
    lock.release();
  }
}
