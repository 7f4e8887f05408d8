/** A hold is a stop with a scope. It uses up no submission's tries. */
export const HOLD_KINDS = [
  "dailyQuota",
  "burst",
  "blocked",
  "credentials",
  "planCap",
  "outage",
  "source",
  "paused",
  "staleLedger",
] as const;
export type HoldKind = (typeof HOLD_KINDS)[number];

/**
 * What a hold stops. `account` and `credential` end a run; `lane:NAME`, `group:NAME` (a group of operations) and
 * `source:NAME` keep only their own work back, `backfill:NAME` the old part of a source's large backlog.
 */
export type HoldScope =
  | "account"
  | "credential"
  | `lane:${string}`
  | `group:${string}`
  | `source:${string}`
  | `backfill:${string}`;

export interface Hold {
  kind: HoldKind;
  scope: HoldScope;
  /** When to try again; null: until a person acts or a probe succeeds. */
  untilMs: number | null;
  /** A hold from our own count ends with that count; the others are probed with one request. */
  probe: boolean;
  message: string;
}

/** Account and credential holds end a run. */
export function endsRun(hold: Pick<Hold, "scope">): boolean {
  return hold.scope === "account" || hold.scope === "credential";
}
