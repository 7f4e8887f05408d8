import type { IncomingSubmission, IngestVerdict, KnownSubmission } from "../ledger/rows.ts";

export type SeenSubmission = Pick<KnownSubmission, "rawHash" | "contentHash">;

/** What the ledger would say, from what it knows and what this run has seen. Adds to `seen`. */
export function dryVerdicts(
  submissions: readonly IncomingSubmission[],
  known: ReadonlyMap<string, SeenSubmission>,
  seen: Map<string, SeenSubmission>,
): IngestVerdict[] {
  return submissions.map((item): IngestVerdict => {
    const before = known.get(item.key) ?? seen.get(item.key);
    if (before !== undefined) {
      const same = before.rawHash === item.rawHash || before.contentHash === item.contentHash;
      return same ? { type: "duplicate", otherSource: null } : { type: "conflict", rejectId: "" };
    }
    seen.set(item.key, { rawHash: item.rawHash, contentHash: item.contentHash });
    return item.history ? { type: "history" } : { type: "new" };
  });
}
