import type { Entity } from "../domain/catalog.ts";
import type { Way } from "./reconcile.ts";

/** How far a check got: kept with each page, so that one that was stopped by a hold goes on behind it. Plain JSON. */
export interface Progress {
  /** Entities that are done with. */
  done: Entity[];
  /** Part of the entity at work: its lists, the deals that lists leave out, or single records by id. */
  part: "lists" | "hidden" | "byId";
  way: Way | null;
  /** Cursor of the next page; null at the start of a list. */
  cursor: string | null;
  /** Of a walk that the mirror does. */
  walk?: unknown;
  /** Records of the entity at work that were shown so far. */
  seen: number;
  expected: number;
}

export function begin(done: readonly Entity[], expected: number): Progress {
  return { done: [...done], part: "lists", way: null, cursor: null, seen: 0, expected };
}

/** Progress as the ledger gave it back; a check that has just begun has none. */
export function readProgress(saved: unknown): Progress | null {
  const known = typeof saved === "object" && saved !== null && Array.isArray((saved as Progress).done);
  return known ? (saved as Progress) : null;
}
