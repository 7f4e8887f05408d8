import type { EndedRun } from "../ledger/history.ts";
import type { Invocation } from "./command.ts";
import type { Shop } from "./compose.ts";
import { surroundingsOf } from "./notify-deps.ts";

/** Keeps how things stand at the end of a run, for charts and counters. It never changes how a run ends. */
export async function keepHistory(
  shop: Shop,
  { talk }: Pick<Invocation, "talk">,
  run: Pick<EndedRun, "kind" | "exitCode" | "durationMs" | "lookups">,
): Promise<void> {
  const { credential, now } = surroundingsOf(shop);
  await shop.ledger.recordHistory({ ...run, credential, now }).catch((error: unknown) => {
    talk.detail(`history: ${error instanceof Error ? error.message : String(error)}`);
  });
}
