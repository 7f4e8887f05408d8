import type { RunLock } from "../ledger/ledger.ts";
import type { Invocation } from "./command.ts";
import type { Shop } from "./compose.ts";

const LOOK_AGAIN_MS = 250;

/**
 * The turn of one check: the ledger keeps of each record who saw it last, so two at once would take what they saw from each
 * other, and say that all is well. And of one backup: two to the same file would write into each other's. Waits until no
 * other process has it. Rejects where the signal comes first.
 */
export async function awaitTurn(
  { ledgerPath, clock }: Pick<Shop, "ledgerPath" | "clock">,
  { talk }: Pick<Invocation, "talk">,
  signal: AbortSignal,
  what: "check" | "backup" = "check",
): Promise<RunLock> {
  const { createSqliteLocks } = await import("../ledger/sqlite/locks.ts");
  const locks = createSqliteLocks(ledgerPath);
  for (let isFirst = true; ; isFirst = false) {
    signal.throwIfAborted();
    const lock = locks.take(what);
    if (lock !== null) return lock;
    if (isFirst) talk.say(`Another ${what} is at work on this ledger: this one begins when that has ended.`);
    await clock.sleep(LOOK_AGAIN_MS, signal);
  }
}
