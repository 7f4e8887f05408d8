/** What a request costs, what limits it, and what the CRM says about its limits. Policy lives in the room `pacer`. */
import type { Lane } from "./submission.ts";

/** Takes `amount` out of the bucket `bucket`. */
export interface Charge {
  bucket: string;
  amount: number;
}

/**
 * `window`: at most `limit` in any rolling `windowMs`. `day`: a budget over the vendor's day (or a rolling 24 hours).
 * `concurrency`: at most `limit` in flight.
 */
export interface BucketSpec {
  name: string;
  kind: "window" | "day" | "concurrency";
  /** Window belongs to the credential, the budget to the company. */
  scope: "credential" | "account";
  windowMs: number;
  /** What to assume until the CRM tells; null: no limit known. */
  defaultLimit: number | null;
}

/** What one reply said about a bucket. Every member is optional: headers come and go. */
export interface LimitReading {
  bucket: string;
  limit?: number;
  remaining?: number;
  resetMs?: number;
  retryAfterMs?: number;
  /** The reply was a refusal for this bucket. */
  exceeded?: boolean;
}

/**
 * A bucket as the ledger keeps it, shared by all processes. The pacer computes `capacity*` and `pausedUntilMonoMs`; the
 * ledger only counts against them, inside the transaction that takes the slots.
 */
export interface BucketState {
  bucket: string;
  kind: BucketSpec["kind"];
  windowMs: number;
  /** Slots (window, concurrency) or tokens (day) that we may use; null: no stop. */
  capacity: number | null;
  /** Day: what the background lane may use of it; null: no stop. */
  capacityBackground: number | null;
  /** Day: the CRM's own remaining count, less what we spent since; null: never told. */
  remaining: number | null;
  /** Day: background stops when `remaining` is at or below this. */
  floorBackground: number;
  /** No slot is given before this instant of the boot's monotonic clock. */
  pausedUntilMonoMs: number;
  pausedBootId: string | null;
  /** The CRM's limit, where it told or was configured. */
  limit: number | null;
  /** What other clients used, by the last reading. */
  usedByOthers: number;
  /**
   * UTC ms. Day: when the present day began, where a reset was seen; spending counts from there, else 24 h back. Window:
   * since when `usedByOthers` stands, which is the highest of the last window.
   */
  periodStartMs: number | null;
  resetsAtMs: number | null;
  /** UTC ms of the newest reading that this row reflects. */
  readAtMs: number;
  /** Backing off after a refusal: part of the capacity in use, 0 to 1. */
  rateFactor: number;
}

/** What the ledger counts for a bucket at the time of a turn. */
export interface BucketUse {
  bucket: string;
  /** Window and concurrency: slots taken now. Day: our spending in the period. */
  used: number;
  usedByLane: Record<Lane, number>;
  /** Earliest instant at which a slot is given back; null when none is taken. Monotonic ms. */
  nextFreeMonoMs: number | null;
}
