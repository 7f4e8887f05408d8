import type { Entity } from "../domain/catalog.ts";
import type { Way } from "./reconcile.ts";

/** How far a check got: kept with each page, so that one that was stopped by a hold goes on behind it. Plain JSON. */
export interface Progress {
  /** Entities that are done with. */
  done: Entity[];
  /** Those of them whose lists were read whole. */
  walked: Entity[];
  /** Part of the entity at work: its lists, the deals that lists leave out, or single records by id. */
  part: "lists" | "archived" | "deleted" | "byId";
  way: Way | null;
  /** Cursor of the next page; null at the start of a list. */
  cursor: string | null;
  /** Of a walk that the mirror does. */
  walk?: unknown;
  /** Records of the entity at work that were shown so far. */
  seen: number;
  expected: number;
  /** Deals that the CRM listed, where all of them were read: neither archived nor deleted ones. */
  deals?: number;
}

/** The first entity where nothing is `before`, else the one behind what was done. */
export function begin(before: Pick<Progress, "done" | "walked" | "deals"> | null, expected: number): Progress {
  const { done = [], walked = [], deals } = before ?? {};
  const kept = { done: [...done], walked: [...walked], ...(deals !== undefined && { deals }) };
  return { ...kept, part: "lists", way: null, cursor: null, seen: 0, expected };
}

/** Nothing of the next entity has begun. */
export function finished(entity: Entity, { done, walked, way, deals }: Progress): Progress {
  const before = { done: [...done, entity], walked: way === "walk" ? [...walked, entity] : walked, deals };
  return begin(before, 0);
}

/** Progress as the ledger gave it back; a check that has just begun has none. */
export function readProgress(saved: unknown): Progress | null {
  const known = typeof saved === "object" && saved !== null && Array.isArray((saved as Progress).walked);
  return known ? (saved as Progress) : null;
}
