import type { CrmRecord } from "../domain/operation.ts";

/** One person has more records than these at the most for test addresses and the like; nearer ones are likelier. */
const BEFORE_MAX = 50;
const AFTER_MAX = 150;

/** Oldest first; those without a time come first. */
export function byAge(records: readonly CrmRecord[]): CrmRecord[] {
  return [...records].sort((a, b) => (a.createdAtMs ?? 0) - (b.createdAtMs ?? 0));
}

/** Of records by age those that were made around an instant; of few ones all. */
export function nearest(sorted: readonly CrmRecord[], atMs: number | null): readonly CrmRecord[] {
  if (sorted.length <= BEFORE_MAX + AFTER_MAX) return sorted;
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle]!.createdAtMs ?? 0) < (atMs ?? 0)) low = middle + 1;
    else high = middle;
  }
  return sorted.slice(Math.max(0, low - BEFORE_MAX), low + AFTER_MAX);
}
