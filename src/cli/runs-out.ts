import { hostname } from "node:os";
import { CrmledgerError } from "../domain/errors.ts";
import type { RunLock } from "../ledger/ledger.ts";
import type { Shop } from "./compose.ts";
import { JOINERS_MAX, SYNC_LOCK } from "./drain-run.ts";
import { isGone } from "./gone-run.ts";
import { IMPORT_LOCKS } from "./import-lock.ts";

/** The locks of all runs that send and of imports: also of those that could begin meanwhile. Rejects with `alreadyRunning`. Release them. */
export async function lockRunsOut(ledgerPath: string): Promise<RunLock[]> {
  const { createSqliteLocks } = await import("../ledger/sqlite/locks.ts");
  const locks = createSqliteLocks(ledgerPath);
  const taken: RunLock[] = [];
  const joiners = Array.from({ length: JOINERS_MAX }, (_, index) => `join-${index + 1}`);
  const names = [SYNC_LOCK, ...joiners, ...IMPORT_LOCKS];
  for (const name of names) {
    const lock = locks.take(name);
    if (lock !== null) taken.push(lock);
    else {
      for (const one of taken) one.release();
      throw running(IMPORT_LOCKS.includes(name) ? "import" : "sync");
    }
  }
  return taken;
}

/** Checks and the like have no lock. Those of another machine can't be asked: a dead one must not stand in the way. */
export async function refuseRunning({ ledger }: Pick<Shop, "ledger">): Promise<void> {
  const other = (await ledger.openRuns()).find(
    (run) => run.lockName === null && run.host === hostname() && !isGone(run),
  );
  if (other !== undefined) throw running(other.kind);
}

function running(kind: string): CrmledgerError {
  return new CrmledgerError("alreadyRunning", `A run (${kind}) is working on this ledger`, {
    hint: "Nothing was done. Wait for its end, or stop it.",
  });
}
