/** The ledger's contract for breakers: one for each group of operations, shared by all processes and kept over runs. */
import type { HoldKind } from "../domain/hold.ts";
import type { AccountId, RunId } from "../domain/ids.ts";
import type { OperationGroup } from "../domain/operation.ts";
import type { Lane } from "../domain/submission.ts";
import type { BreakerRow, Now } from "./rows.ts";

export interface SavedBreaker extends BreakerRow {
  /** Openings without a success between; absent: none. Each doubles the time until the next probe. */
  openings?: number;
  /** What the group was seen to fail at; absent or null: not known, or nothing. */
  down?: "reads" | "writes" | "both" | null;
}

/** What a source spent of the day, and the most that it may. Tokens. */
export interface SourceSpending {
  source: string;
  used: number;
  most: number;
}

export interface BreakersLedger {
  /** Of sources with a part of the day's budget, by `Turn.shares`; empty where nobody knows the budget. */
  sourceSpending(shares: Readonly<Record<string, number>>, now: Now): Promise<SourceSpending[]>;
  /**
   * What waits for a hold of this kind, of a source or a lane, is due now: the hold does not stand any more. What waits for
   * anything else keeps its time. The number of submissions; safe to repeat.
   */
  endWaits(of: { source: string } | { lane: Lane }, kind: HoldKind, now: Now): Promise<number>;
  /** Those that anything is known of, by group. */
  breakers(account: AccountId): Promise<SavedBreaker[]>;
  /** The breaker after a change of state; a probe of the group is over with it. */
  saveBreaker(account: AccountId, breaker: SavedBreaker): Promise<void>;
  /** Only the memory of a closed breaker; one that another process has opened meanwhile stays as it is. */
  saveBreakerMemory(account: AccountId, group: OperationGroup, recent: readonly boolean[]): Promise<void>;
  /**
   * Of all processes one may find out whether a group's hold still stands: true for the first run that asks, until its
   * `saveBreaker` or `giveProbeBack`, until it has ended, or until `untilMs`. An open breaker is half open from then on.
   */
  takeProbe(account: AccountId, group: OperationGroup, run: RunId, nowMs: number, untilMs: number): Promise<boolean>;
  /** The run's probe found nothing out: a half-open breaker is open again. */
  giveProbeBack(account: AccountId, group: OperationGroup, run: RunId): Promise<void>;
}
