import type { RunId, SubmissionId } from "../../domain/ids.ts";
import type { IncomingSubmission, Now } from "../rows.ts";
import { keepStamp } from "./own-writes.ts";
import type { Store } from "./store.ts";

export const RAW_KEEP = "INSERT OR IGNORE INTO raw_hashes (source, raw_hash, submission_id) VALUES (?, ?, ?)";

const INSERT = `
  INSERT INTO submissions (source, key, state, lane, submitted_at_ms, received_at_ms, target_ms, due_at_ms, run_id, file,
    line, revises, raw_hash, content_hash, content, raw)
  VALUES (@source, @key, @state, @lane, @submittedAtMs, @nowMs, @targetMs, @nowMs, @runId, @file,
    @line, @revises, @rawHash, @contentHash, @content, @raw)`;

/** Puts a record into the queue, or into history. `revises`: the first version of what it is a revision of. */
export function insertSubmission(
  store: Store,
  runId: RunId,
  record: IncomingSubmission,
  revises: SubmissionId | null,
  now: Now,
): void {
  const submittedAtMs = Math.round(record.submittedAtMs ?? now.wallMs);
  const { id } = store.run(INSERT, {
    source: record.source,
    key: record.key,
    state: record.history ? "history" : "pending",
    lane: record.lane,
    submittedAtMs,
    nowMs: now.wallMs,
    targetMs: Math.round(record.targetMs),
    runId,
    file: record.origin.file,
    line: record.origin.line,
    revises,
    rawHash: record.rawHash,
    contentHash: record.contentHash,
    content: JSON.stringify(record.content),
    raw: record.raw,
  });
  keepIdentity(store, id as SubmissionId, record, now);
}

const KEEP_KEY = `
  INSERT OR IGNORE INTO submission_keys (submission_id, position, key, lane, submitted_at_ms, open)
  SELECT id, ?, ?, lane, submitted_at_ms, state = 'pending' FROM submissions WHERE id = ?`;

/** Its identity keys, its raw record as known, and its stamp where that does not show source and key. */
export function keepIdentity(store: Store, id: SubmissionId, record: IncomingSubmission, now: Now): void {
  for (const [position, key] of record.identityKeys.entries()) store.run(KEEP_KEY, position, key, id);
  store.run(RAW_KEEP, record.source, record.rawHash, id);
  keepStamp(store, id, record.source, record.key);
  // The same raw record was refused under an earlier map.
  store.run(
    `UPDATE rejects SET closed_at_ms = ?, closed_why = 'taken', submission_id = ?
     WHERE source = ? AND raw_hash = ? AND kind = 'reject' AND closed_at_ms IS NULL`,
    now.wallMs,
    id,
    record.source,
    record.rawHash,
  );
}
