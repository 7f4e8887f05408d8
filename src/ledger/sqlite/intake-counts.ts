/** Records that became neither submission nor reject, counted for reports. */
import type { CountedBatch } from "../accounts.ts";
import type { IncomingReject, IncomingSubmission, Now } from "../rows.ts";
import type { Store } from "./store.ts";

/** Every zone's day begins at a quarter of an hour. */
const SLOT_MS = 900_000;

const ADD = `INSERT INTO intake_counts (source, slot_ms, verdict, n) VALUES (?, ?, ?, ?)
  ON CONFLICT DO UPDATE SET n = n + excluded.n`;

export function countSkipped(store: Store, { skipped }: CountedBatch, now: Now): void {
  if (skipped !== undefined && skipped.records > 0) add(store, skipped.source, now.wallMs, "skipped", skipped.records);
}

/** Counts a record that came again. One that is read once more from where it was read before did not. */
export function countDuplicate(
  store: Store,
  record: IncomingSubmission | IncomingReject,
  batch: CountedBatch,
  now: Now,
): void {
  if (batch.rereads?.has(record.rawHash) || isSamePlace(store, record)) return;
  const atMs = ("submittedAtMs" in record ? record.submittedAtMs : null) ?? now.wallMs;
  add(store, record.source, atMs, "duplicate", 1);
}

function add(store: Store, source: string, atMs: number, verdict: "duplicate" | "skipped", n: number): void {
  store.run(ADD, source, Math.floor(atMs / SLOT_MS) * SLOT_MS, verdict, n);
}

const TAKEN_THERE = `
  SELECT 1 FROM raw_hashes h JOIN submissions s ON s.id = h.submission_id
  WHERE h.source = ? AND h.raw_hash = ? AND s.raw_hash = h.raw_hash AND s.file = ? AND s.line IS ?`;
const REJECTED_THERE = "SELECT 1 FROM rejects WHERE source = ? AND raw_hash = ? AND file = ? AND line IS ?";

/** After a crash, and where a file could not be moved away, the same place of the same file is read once more. */
function isSamePlace(store: Store, { source, rawHash, origin }: IncomingSubmission | IncomingReject): boolean {
  // What comes through a pipe has no place.
  if (origin.file === "-") return false;
  const place = [source, rawHash, origin.file, origin.line] as const;
  return store.one(TAKEN_THERE, ...place) !== undefined || store.one(REJECTED_THERE, ...place) !== undefined;
}
