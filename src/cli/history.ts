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
  try {
    const searchTokensSaved = run.lookups.mirror === 0 ? 0 : run.lookups.mirror * (await priceOfSearch(shop));
    await shop.ledger.recordHistory({ ...run, searchTokensSaved, credential, now });
  } catch (error) {
    talk.detail(`history: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Known once something was looked for: then the adapter is loaded anyway. */
async function priceOfSearch({ config }: Shop): Promise<number> {
  const { adapterOf } = await import("../crm/registry.ts");
  return adapterOf(config.crm.type).capabilities.cost("search", "person");
}
