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

const INSERT_KEY = `
  INSERT OR IGNORE INTO submission_keys (submission_id, position, key, lane, submitted_at_ms, open)
  VALUES (?, ?, ?, ?, ?, ?)`;

/**
 * Puts a record into the queue, or into history, under its identity keys, and remembers its raw record and its stamp.
 * `revises`: the first version of what it is a revision of. Whether it was refused before is left to `closeRefused`.
 */
export function insertSubmission(
  store: Store,
  runId: RunId,
  record: IncomingSubmission,
  revises: SubmissionId | null,
  now: Now,
): SubmissionId {
  const submittedAtMs = Math.round(record.submittedAtMs ?? now.wallMs);
  const run = store.run(INSERT, {
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
  const id = run.id as SubmissionId;
  record.identityKeys.forEach((key, position) => {
    store.run(INSERT_KEY, id, position, key, record.lane, submittedAtMs, record.history ? 0 : 1);
  });
  keepRecord(store, id, record);
  return id;
}

const KEEP_KEY = `
  INSERT OR IGNORE INTO submission_keys (submission_id, position, key, lane, submitted_at_ms, open)
  SELECT id, ?, ?, lane, submitted_at_ms, state = 'pending' FROM submissions WHERE id = ?`;

/** The identity keys of a submission that is there, its raw record as known, and its stamp. */
export function keepIdentity(store: Store, id: SubmissionId, record: IncomingSubmission): void {
  for (const [position, key] of record.identityKeys.entries()) store.run(KEEP_KEY, position, key, id);
  keepRecord(store, id, record);
}

/** Its raw record as known, and its stamp where that does not show source and key. */
function keepRecord(store: Store, id: SubmissionId, record: IncomingSubmission): void {
  store.run(RAW_KEEP, record.source, record.rawHash, id);
  keepStamp(store, id, record.source, record.key);
}

/** Ends the reject of a record that was taken: the same raw record was refused under an earlier map. */
export function closeRefused(store: Store, id: SubmissionId, record: IncomingSubmission, now: Now): void {
  store.run(
    `UPDATE rejects SET closed_at_ms = ?, closed_why = 'taken', submission_id = ?
     WHERE source = ? AND raw_hash = ? AND kind = 'reject' AND closed_at_ms IS NULL`,
    now.wallMs,
    id,
    record.source,
    record.rawHash,
  );
}
