/** Sources that may use a part of the day's budget only: no more of theirs is claimed than it can pay. */
import { CHAIN_TOKENS } from "../pacer/day.ts";
import type { DriveContext } from "./context.ts";
import { instant } from "./instant.ts";

export interface ShareStops {
  /** Not to be claimed now. */
  sources: string[];
  /** Submissions that one claim may bring, so that no source gets more than its part pays. */
  claimMax: number;
}

/** What is claimed should not stop halfway. Of a part that is smaller than a chain whatever is whole of it. */
export function paysChain(left: number, most: number): boolean {
  return left >= Math.min(CHAIN_TOKENS, most);
}

/** What is in hand, of any process, is not spent yet, and counts as if it were. `kept`: sources that are not claimed anyway. */
export async function shareStops(context: DriveContext, kept: readonly string[]): Promise<ShareStops> {
  const { deps, wheel } = context;
  const shares = deps.settings.dailyShares ?? {};
  const stops: ShareStops = { sources: [], claimMax: Number.POSITIVE_INFINITY };
  if (Object.keys(shares).length === 0) return stops;
  for (const { source, used, most } of await deps.ledger.sourceSpending(shares, instant(deps.clock))) {
    const { pending, waiting, inProgress } = await deps.ledger.queue({ source });
    if (pending + waiting === 0) continue;
    const left = most - used - inProgress * CHAIN_TOKENS;
    if (paysChain(left, most)) {
      wheel.board.heldBack.delete(`source:${source}`);
      // What is not claimed now must not make the claims of all others small: each has look-ups of its own.
      if (!kept.includes(source))
        stops.claimMax = Math.min(stops.claimMax, Math.max(1, Math.floor(left / CHAIN_TOKENS)));
      continue;
    }
    stops.sources.push(source);
    const isTold = wheel.board.heldBack.has(`source:${source}`);
    if (inProgress === 0 && !isTold) wheel.raise(wheel.shareHold(source));
  }
  return stops;
}
