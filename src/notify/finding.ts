import type { Condition } from "../domain/alert.ts";

/** What one room of facts found, without how patient to be with it. */
export type Finding = Omit<Condition, "lastsMs" | "quietMs" | "recovers" | "sinceMs"> & {
  sinceMs?: number | null;
  /** Instead of the kind's own. */
  lastsMs?: number;
};

/** Ten times as many are worth another word. */
export const tenfold = (value: number): number => Math.floor(Math.log10(Math.max(1, value)) + 1e-9);
