import type { HoldDocument } from "./sync-summary.ts";

export type ItemClass = "break" | "edit";
export type ItemState = "new" | "open" | "accepted" | "repaired" | "gone";

/** One difference between source, ledger and CRM. Instants are RFC 3339 in UTC. */
export interface ReconcileItem {
  id: string;
  class: ItemClass;
  /** Of the contract's table, such as `deal-missing`. */
  kind: string;
  state: ItemState;
  source: string | null;
  key: string | null;
  email: string | null;
  /** `link` opens the record in the CRM's own pages; null where there is none. */
  crm: { type: string; id: string; link: string | null } | null;
  expected: unknown;
  actual: unknown;
  /** One sentence. */
  message: string;
  since: string;
  /** What `--repair` may do about it; null: nothing. */
  repair: string | null;
  safe: boolean;
  /** What the repair would cost, in the CRM's tokens. */
  tokens: number;
  /** Of an accepted one: why it is all right. */
  why: string | null;
  /** How often a repair of it was queued. */
  repairs: number;
}

/** The document of `reconcile --json`. */
export interface ReconcileDocument {
  /** What was looked at: submissions of this source (null: all), submitted from `since` on and before `until`. */
  scope: { source: string | null; since: string | null; until: string | null };
  checkedAt: string;
  durationMs: number;
  /** Submissions in the scope, and those of them that are in the CRM just as they were sent. */
  checked: number;
  matched: number;
  /** Breaks by kind that are new or open. */
  counts: Record<string, number>;
  /** Edits by kind that are new or open. */
  edits: Record<string, number>;
  discrepancies: ReconcileItem[];
  bySource: Record<string, ReconcileTotals>;
  /** By how long ago it was submitted; in the order in which it is shown, such as `today`, `this week`, `older`. */
  byAge: { age: string; totals: ReconcileTotals }[];
  /** What this check could not see, one sentence each. */
  notChecked: string[];
  requests: { total: number; tokens: number };
  /** Differences that `--repair` did something about. */
  repairsQueued: number;
  /** The same by kind: what the next sync sends, what was done in the ledger at once, what was left as people changed it. */
  repairs: Record<"queued" | "done" | "left", Record<string, number>>;
  /** Why it ended before it had seen everything; null: it had. */
  stopped: "hold" | "signal" | "maxTokens" | null;
  hold: HoldDocument | null;
}

export interface ReconcileTotals {
  checked: number;
  matched: number;
  breaks: number;
  edits: number;
}
