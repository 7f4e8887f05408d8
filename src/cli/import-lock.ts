import { CrmledgerError } from "../domain/errors.ts";
import { IMPORT_LOCK } from "../ledger/arriving.ts";
import type { RunLock } from "../ledger/ledger.ts";
import type { RunRow } from "../ledger/rows.ts";

const IMPORTS_MAX = 16;

/** Kernel locks of imports. Whether one of another host's name, or of a number that somebody else has now, is dead tells nothing else. */
export const IMPORT_LOCKS: readonly string[] = Array.from(
  { length: IMPORTS_MAX },
  (_, index) => `${IMPORT_LOCK}${index + 1}`,
);

/** Rejects with `alreadyRunning` where all are taken. Release it after the end of its run. */
export async function lockImport(ledgerPath: string): Promise<RunLock> {
  const { createSqliteLocks } = await import("../ledger/sqlite/locks.ts");
  const locks = createSqliteLocks(ledgerPath);
  for (const name of IMPORT_LOCKS) {
    const lock = locks.take(name);
    if (lock !== null) return lock;
  }
  throw new CrmledgerError("alreadyRunning", "Another command has this ledger for itself, or very many imports run", {
    hint: "Nothing was taken in. Import the file once more in a moment.",
  });
}

/** Those of the imports whose lock is free, or taken by whoever asks: `own`. */
export async function deadImports(ledgerPath: string, runs: readonly RunRow[], own: RunLock | null): Promise<RunRow[]> {
  const imports = runs.filter(({ lockName }) => lockName?.startsWith(IMPORT_LOCK));
  if (imports.length === 0) return [];
  const { createSqliteLocks } = await import("../ledger/sqlite/locks.ts");
  const locks = createSqliteLocks(ledgerPath);
  const isFree = (name: string): boolean => {
    const lock = locks.take(name);
    lock?.release();
    return lock !== null;
  };
  return imports.filter(({ lockName }) => lockName === own?.name || isFree(lockName!));
}
