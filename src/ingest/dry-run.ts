/** What the ledger would say of records that a dry run does not give it. */
import { canonicalJson } from "../domain/json.ts";
import type { IncomingSubmission, IngestVerdict, KnownSubmission } from "../ledger/rows.ts";

type Hashes = Pick<KnownSubmission, "rawHash" | "contentHash">;

/** What this run has seen and would have taken. */
export interface DryRun {
  byKey: Map<string, Hashes>;
  byPerson: Map<string, { key: string; atMs: number; content: string }[]>;
}

export const newDryRun = (): DryRun => ({ byKey: new Map(), byPerson: new Map() });

/**
 * Verdicts from what the ledger says outright and from whom it says a record repeats (`outright`, `repeated`, in the order of
 * the records), from what it knows under the same keys, and from what this run has seen. Adds to `seen`.
 */
export function dryVerdicts(
  submissions: readonly IncomingSubmission[],
  outright: readonly (IngestVerdict | null)[],
  known: ReadonlyMap<string, Hashes>,
  repeated: readonly (string | null)[],
  seen: DryRun,
  nowMs: number,
): IngestVerdict[] {
  return submissions.map((item, index): IngestVerdict => {
    const verdict = outright[index] ?? null;
    if (verdict !== null) return verdict;
    const unsent = seen.byKey.get(item.key);
    const before = unsent ?? known.get(item.key);
    if (before !== undefined) {
      if (before.rawHash === item.rawHash || before.contentHash === item.contentHash)
        return { type: "duplicate", otherSource: null };
      if (item.revisions !== "update") return { type: "conflict", rejectId: "" };
      seen.byKey.set(item.key, { rawHash: item.rawHash, contentHash: item.contentHash });
      if (unsent !== undefined) return { type: "duplicate", otherSource: null, revision: "replaced" };
      return { type: "new", revision: true };
    }
    const repeats = repeated[index] ?? repeatedBefore(item, seen, nowMs);
    if (repeats !== null) return { type: "duplicate", otherSource: null, repeats };
    seen.byKey.set(item.key, { rawHash: item.rawHash, contentHash: item.contentHash });
    return item.history ? { type: "history" } : { type: "new" };
  });
}

/** As the ledger does it. A record that repeats none is remembered for those behind it. */
function repeatedBefore(item: IncomingSubmission, seen: DryRun, nowMs: number): string | null {
  const { key, sameWithinMs = 0 } = item;
  if (sameWithinMs === 0) return null;
  const one = { key, atMs: item.submittedAtMs ?? nowMs, content: canonicalJson(item.content) };
  const isSame = (other: typeof one): boolean =>
    other.content === one.content && Math.abs(other.atMs - one.atMs) <= sameWithinMs;
  for (const identity of item.identityKeys) {
    const same = seen.byPerson.get(identity)?.find(isSame);
    if (same !== undefined) return same.key;
  }
  for (const identity of item.identityKeys) seen.byPerson.set(identity, [...(seen.byPerson.get(identity) ?? []), one]);
  return null;
}
