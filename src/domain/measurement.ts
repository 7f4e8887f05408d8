/** What a measurement saw of an account: facts of that account where the vendor's documents are silent. */
import type { Entity } from "./catalog.ts";

export const LAG_WAYS = ["read", "list", "search"] as const;
/** By its id; on the first page of what changed since; by its name. */
export type LagWay = (typeof LAG_WAYS)[number];

/** How late one way of looking shows a record after the answer to its write. */
export interface Lag {
  entity: Entity;
  way: LagWay;
  /** When the last look that did not show it was sent; 0: the first one did. */
  atLeastMs: number;
  /** When the first look that showed it was sent; null: none did in the time that was given. */
  atMostMs: number | null;
}

/** What a kind of request took from the company's budget, by the budget's own count, where replies have one. */
export interface SeenCost {
  operation: string;
  entity: Entity;
  /** By the vendor's table. */
  expected: number;
  /** The least that was seen: others spend at the same time. */
  seen: number;
}

export interface Measurement {
  /** UTC ms. */
  atMs: number;
  requests: number;
  tokens: number;
  lags: Lag[];
  roundTrip: { p50Ms: number; p95Ms: number };
  /** The CRM's clock less ours, from the dates of replies; null: they had none. */
  clock: { offsetMs: number; withinMs: number } | null;
  /** Headers that speak of limits, with the number of replies that had them. */
  headers: { name: string; replies: number }[];
  replies: number;
  /** As replies told; null: none did. */
  burst: number | null;
  daily: { limit: number | null; remaining: number | null };
  costs: SeenCost[];
  /** Refused (429) requests that came up by themselves, and whether they took tokens; nothing is done to provoke one. */
  refused: { requests: number; cost: "none" | "counted" | "unknown" };
}
