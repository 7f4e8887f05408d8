import { CHAIN_TOKENS } from "../pacer/day.ts";
import { counted } from "../report/human.ts";
import { instant } from "../runner/instant.ts";
import type { Shop } from "./compose.ts";
import { type Finding, ok, warn } from "./doctor-finding.ts";

const TELL_THE_DAY = "Set crm.plan and crm.seats, or limits.dailyTokens.";

/**
 * Whether anybody knows the account's budget of a day, and whether what sources may spend of it pays for anything. After a
 * request: a reply has told the budget, where the CRM does.
 */
export async function checkDay(shop: Shop): Promise<Finding[]> {
  const { config, ledger, clock } = shop;
  const shares = config.drain.dailyShares ?? {};
  if (Object.keys(shares).length === 0) return await dayFindings(shop);
  const parts = await ledger.sourceSpending(shares, instant(clock));
  if (parts.length === 0) {
    const message = "nobody knows the account's tokens a day, so no source is stopped at its dailyShare";
    return [warn("dailyShare", message, TELL_THE_DAY)];
  }
  return parts.map(({ source, most }) => {
    const message = `source ${source} may spend ${counted(most, "token")} a day`;
    if (most >= CHAIN_TOKENS)
      return ok("dailyShare", `${message}: ${counted(Math.floor(most / CHAIN_TOKENS), "submission")} at the least`);
    const less = `${message}, and one submission costs up to ${CHAIN_TOKENS}: it takes days, or never arrives`;
    return warn(
      "dailyShare",
      less,
      `Raise sources.${source}.dailyShare, or leave it out: lane: background goes behind other work without a bound of its own.`,
    );
  });
}

async function dayFindings({ config, ledger, now }: Shop): Promise<Finding[]> {
  const { dailyTokens, planDailyTokens } = config.drain.limits;
  if (dailyTokens !== null || planDailyTokens !== null) return [];
  const account = await ledger.account();
  // The day is the account's: no credential is needed to read it.
  const { states } = account === null ? { states: [] } : await ledger.buckets(account.id, "", now());
  if (states.some(({ kind, limit }) => kind === "day" && limit !== null)) return [];
  const message =
    "nobody knows the account's tokens a day: crmledger goes on until the CRM refuses, and leaves nothing of them to others";
  return [warn("daily budget", message, TELL_THE_DAY)];
}
