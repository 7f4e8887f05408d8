/**
 * A hold of our own count is counted anew by each run, with today's settings. Where it does not stand any more (a part of
 * the day was raised or taken away), what it had stopped must not wait for the time that it was given then.
 */
import { CHAIN_TOKENS, dayStop } from "../pacer/day.ts";
import type { Connection } from "./connect.ts";
import { instant } from "./instant.ts";
import type { Review } from "./review-holds.ts";
import type { RunnerDeps } from "./runner.ts";
import { paysChain } from "./source-shares.ts";

type Held = Review["ownCount"][number];

/** Nothing is asked where no such hold is open. */
export async function endWaitsOver(deps: RunnerDeps, connection: Connection, ownCount: readonly Held[]): Promise<void> {
  const holds = ownCount.filter(({ kind }) => kind === "dailyQuota");
  if (holds.length === 0) return;
  // The rows of the quota as today's settings make them.
  await connection.wheel.committed();
  for (const { scope, kind } of holds) {
    const now = instant(deps.clock);
    const source = scope.startsWith("source:") ? scope.slice("source:".length) : null;
    if (source !== null && (await sourceHasRoom(deps, source))) await deps.ledger.endWaits({ source }, kind, now);
    if (scope === "lane:background" && (await backgroundHasRoom(deps, connection)))
      await deps.ledger.endWaits({ lane: "background" }, kind, now);
  }
}

async function sourceHasRoom(deps: RunnerDeps, source: string): Promise<boolean> {
  const share = deps.settings.dailyShares?.[source];
  if (share === undefined) return true;
  const spent = await deps.ledger.sourceSpending({ [source]: share }, instant(deps.clock));
  return spent.every(({ most, used }) => paysChain(most - used, most));
}

async function backgroundHasRoom(deps: RunnerDeps, { wheel }: Connection): Promise<boolean> {
  const { states, use } = await deps.ledger.buckets(wheel.accountId, deps.credential, instant(deps.clock));
  const stops = states.map((state, index) => dayStop(state, use[index]!, "background", CHAIN_TOKENS));
  return stops.every((stop, index) => states[index]!.kind !== "day" || stop === null);
}
