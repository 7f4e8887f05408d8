import { CHAIN_TOKENS } from "../pacer/day.ts";
import { counted } from "../report/human.ts";
import { instant } from "../runner/instant.ts";
import type { Shop } from "./compose.ts";
import { type Finding, ok, warn } from "./doctor-finding.ts";

/** Whether what sources may spend of a day pays for anything. After a request: a reply has told the account's budget. */
export async function checkShares({ config, ledger, clock }: Shop): Promise<Finding[]> {
  const shares = config.drain.dailyShares ?? {};
  if (Object.keys(shares).length === 0) return [];
  const parts = await ledger.sourceSpending(shares, instant(clock));
  if (parts.length === 0) {
    const message = "nobody knows the account's tokens a day, so no source is stopped at its dailyShare";
    return [warn("dailyShare", message, "Set crm.plan and crm.seats, or limits.dailyTokens.")];
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
