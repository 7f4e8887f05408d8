/** Raw records that the ledger knows, by their hash: each submission's own, and others that came to the same. */
import type { SubmissionId } from "../../domain/ids.ts";
import type { Store } from "./store.ts";

/** Submissions by the index of a part of their hash; `hash` is SQL. */
const withHash = (hash: string): string => `substr(raw_hash, 1, 12) = substr(${hash}, 1, 12) AND raw_hash = ${hash}`;

const KNOWN = `
  SELECT 1 FROM submissions WHERE ${withHash("@rawHash")} AND source = @source
  UNION ALL SELECT 1 FROM raw_hashes WHERE source = @source AND raw_hash = @rawHash LIMIT 1`;

/** Whether the source has sent this raw record before. */
export function isRawKnown(store: Store, { source, rawHash }: { source: string; rawHash: string }): boolean {
  return store.one(KNOWN, { source, rawHash }) !== undefined;
}

/** For `foundAmong`: those of the hashes that the source has sent before. */
export const RAW_TAKEN = `
  SELECT value AS text FROM json_each(@texts)
  WHERE EXISTS (SELECT 1 FROM submissions WHERE ${withHash("value")} AND source = @source)
    OR EXISTS (SELECT 1 FROM raw_hashes WHERE source = @source AND raw_hash = value)`;

const KEEP = "INSERT OR IGNORE INTO raw_hashes (source, raw_hash, submission_id) VALUES (?, ?, ?)";

/** Remembers another raw record of a submission that is there. */
export function keepRaw(store: Store, id: number, { source, rawHash }: { source: string; rawHash: string }): void {
  store.run(KEEP, source, rawHash, id);
}

const TAKEN_THERE = `
  SELECT 1 FROM submissions
  WHERE ${withHash("@rawHash")} AND source = @source AND file = @file AND line IS @line`;

/** Whether a submission came from this place as this raw record. */
export function isRawFrom(
  store: Store,
  place: { source: string; rawHash: string; file: string; line: number | null },
): boolean {
  return store.one(TAKEN_THERE, place) !== undefined;
}

const KEEP_OWN = `
  INSERT OR IGNORE INTO raw_hashes (source, raw_hash, submission_id)
  SELECT source, raw_hash, id FROM submissions WHERE id = ? AND raw_hash <> ?`;

/** Before another raw record takes the place of a submission's own: what it came as stays known. */
export function keepOwnRaw(store: Store, id: SubmissionId, replacedBy: string): void {
  store.run(KEEP_OWN, id, replacedBy);
}

const OF_SUBMISSION = `
  SELECT raw_hash AS hash FROM submissions WHERE id = @id
  UNION SELECT raw_hash FROM raw_hashes WHERE submission_id = @id`;

export function rawHashesOf(store: Store, id: SubmissionId): string[] {
  return store.all<{ hash: string }>(OF_SUBMISSION, { id }).map(({ hash }) => hash);
}
