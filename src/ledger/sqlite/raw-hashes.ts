/** Raw records that the ledger knows, by their hash: each submission's own, which triggers keep, and others that came to the same. */
import type { SubmissionId } from "../../domain/ids.ts";
import type { Store } from "./store.ts";

const KNOWN = "SELECT 1 FROM raw_hashes WHERE source = ? AND raw_hash = ?";

/** Whether the source has sent this raw record before. */
export function isRawKnown(store: Store, { source, rawHash }: { source: string; rawHash: string }): boolean {
  return store.one(KNOWN, source, rawHash) !== undefined;
}

/** For `foundAmong`: those of the hashes that the source has sent before. */
export const RAW_TAKEN = `
  SELECT raw_hash AS text FROM raw_hashes
  WHERE source = @source AND raw_hash IN (SELECT value FROM json_each(@texts))`;

const KEEP = "INSERT OR IGNORE INTO raw_hashes (source, raw_hash, submission_id, other) VALUES (?, ?, ?, 1)";

/** Remembers another raw record of a submission that is there. */
export function keepRaw(store: Store, id: number, { source, rawHash }: { source: string; rawHash: string }): void {
  store.run(KEEP, source, rawHash, id);
}

const TAKEN_THERE = `
  SELECT 1 FROM raw_hashes h JOIN submissions s ON s.id = h.submission_id
  WHERE h.source = @source AND h.raw_hash = @rawHash AND s.raw_hash = @rawHash AND s.file = @file AND s.line IS @line`;

/** Whether a submission came from this place as this raw record. */
export function isRawFrom(
  store: Store,
  place: { source: string; rawHash: string; file: string; line: number | null },
): boolean {
  return store.one(TAKEN_THERE, place) !== undefined;
}

const KEEP_OWN = `
  UPDATE raw_hashes SET other = 1
  WHERE (source, raw_hash) = (SELECT source, raw_hash FROM submissions WHERE id = @id) AND submission_id = @id
    AND raw_hash <> @replacedBy`;

/** Before another raw record takes the place of a submission's own: what it came as stays known. */
export function keepOwnRaw(store: Store, id: SubmissionId, replacedBy: string): void {
  store.run(KEEP_OWN, { id, replacedBy });
}

const OF_SUBMISSION = `
  SELECT raw_hash AS hash FROM submissions WHERE id = @id
  UNION SELECT raw_hash FROM raw_hashes WHERE submission_id = @id AND other = 1`;

export function rawHashesOf(store: Store, id: SubmissionId): string[] {
  return store.all<{ hash: string }>(OF_SUBMISSION, { id }).map(({ hash }) => hash);
}
