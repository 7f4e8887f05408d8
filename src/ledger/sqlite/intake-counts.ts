/** Records that became neither submission nor reject, counted for reports. */
import type { CountedBatch } from "../accounts.ts";
import type { IncomingReject, IncomingSubmission, Now } from "../rows.ts";
import { isRawFrom } from "./raw-hashes.ts";
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

const REJECTED_THERE =
  "SELECT 1 FROM rejects WHERE source = @source AND raw_hash = @rawHash AND file = @file AND line IS @line";

/** One record of a time that came again. */
export function countArrivedAgain(store: Store, source: string, atMs: number): void {
  add(store, source, atMs, "duplicate", 1);
}

type Place = { source: string; rawHash: string; file: string; line: number | null };

/** Whether the record was refused at this very place. */
export function isRejectedThere(store: Store, place: Place): boolean {
  return store.one(REJECTED_THERE, place) !== undefined;
}

/** After a crash, and where a file could not be moved away, the same place of the same file is read once more. */
function isSamePlace(store: Store, { source, rawHash, origin }: IncomingSubmission | IncomingReject): boolean {
  // What comes through a pipe has no place.
  if (origin.file === "-") return false;
  const place = { source, rawHash, file: origin.file, line: origin.line };
  return isRawFrom(store, place) || isRejectedThere(store, place);
}
