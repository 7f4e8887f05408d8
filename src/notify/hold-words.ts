import type { HoldKind, HoldScope } from "../domain/hold.ts";

interface HoldWords {
  /** What is the matter, with what it keeps back. */
  message(what: string): string;
  hint: string;
}

/** In our own words: a hold's message may hold text of the CRM, or of whoever paused. */
export const HOLD_WORDS: Readonly<Record<HoldKind, HoldWords>> = {
  dailyQuota: {
    message: (what) => `the day's budget of API tokens is used up: ${what} waits for the next day`,
    hint: "see what else spends the company's budget; raise the plan, or lower limits.share",
  },
  burst: {
    message: (what) => `the CRM refuses requests for their pace: ${what} waits`,
    hint: "it ends by itself; see which other tools use this token",
  },
  blocked: {
    message: (what) => `the CRM's front blocks this token or address: ${what} waits`,
    hint: "wait; see which other tools use this token and ignore refusals; lower limits.share",
  },
  credentials: {
    message: (what) => `the CRM refuses the credentials: ${what} waits`,
    hint: "put a working token into crm.apiTokenFile; the next run tries it",
  },
  planCap: {
    message: (what) => `the CRM refuses new records, the plan's allowance is used up: ${what} waits`,
    hint: "close, archive or delete records at the CRM, or change the plan; a run tries the next one that is due",
  },
  outage: {
    message: (what) => `the CRM does not answer usefully: ${what} waits`,
    hint: "it ends by itself once the CRM answers; crmledger status shows what was tried",
  },
  source: {
    message: (what) => `${what} waits for a person`,
    hint: "crmledger status shows why; mend the map or the CRM, then crmledger resume",
  },
  paused: {
    message: (what) => `paused by hand: ${what} waits`,
    hint: "crmledger resume",
  },
  staleLedger: {
    message: (what) => `the ledger looks older than the last one used here: ${what} waits`,
    hint: "put the newest copy back, or crmledger reconcile --repair",
  },
};

export function scopeWords(scope: HoldScope): string {
  if (scope === "account" || scope === "credential") return "everything";
  const [name = "", ...rest] = scope.split(":");
  const of = rest.join(":");
  if (name === "lane") return `the ${of} lane`;
  if (name === "group") return `what needs ${of}`;
  if (name === "backfill") return `the old part of ${of}`;
  return `source ${of}`;
}
