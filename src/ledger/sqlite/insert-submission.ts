import type { RunId, SubmissionId } from "../../domain/ids.ts";
import { HELD_BACK_UNTIL_MS, type IncomingSubmission, type Now } from "../rows.ts";
import type { Arrivals } from "./arrivals.ts";
import { keepStamp } from "./own-writes.ts";
import type { Store } from "./store.ts";
import { keysText, saveKeys } from "./submission-rows.ts";

const INSERT = `
  INSERT INTO submissions (source, key, state, lane, submitted_at_ms, received_at_ms, target_ms, due_at_ms, run_id, file,
    line, revises, raw_hash, content_hash, tallied, identity_keys, content, raw)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;

const HELD = "INSERT INTO waits (submission_id, at_ms, kind, until_ms, detail) VALUES (?, ?, 'backfill', NULL, ?)";

/** How a record is taken in, beside what it says itself. */
export interface Taking {
  runId: RunId;
  now: Now;
  /** The first version of what it is a revision of. */
  revises?: SubmissionId;
  /** Counts it together with the others of its transaction. Absent: it is counted by itself. */
  arrivals?: Arrivals;
  /** It waits until somebody lets it go, and keeps nobody of its person waiting. The text says why. */
  heldBack?: string;
}

/**
 * Puts a record into the queue, or into history, under its identity keys, and remembers its raw record and its stamp.
 * Whether it was refused before is left to `closeRefused`.
 */
export function insertSubmission(store: Store, record: IncomingSubmission, taking: Taking): SubmissionId {
  const { runId, now, revises = null, arrivals, heldBack } = taking;
  const submittedAtMs = Math.round(record.submittedAtMs ?? now.wallMs);
  const state = record.history ? "history" : heldBack === undefined ? "pending" : "waiting";
  const { id } = store.run(
    INSERT,
    ...[record.source, record.key, state, record.lane, submittedAtMs, now.wallMs, Math.round(record.targetMs)],
    ...[heldBack === undefined ? now.wallMs : HELD_BACK_UNTIL_MS, runId, record.origin.file, record.origin.line],
    ...[revises, record.rawHash, record.contentHash, arrivals === undefined ? 0 : 1, keysText(record.identityKeys)],
    record.contentText ?? JSON.stringify(record.content),
    record.raw,
  );
  arrivals?.add(record, state);
  if (heldBack !== undefined) store.run(HELD, id, now.wallMs, heldBack);
  keepStamp(store, id as SubmissionId, record.source, record.key);
  return id as SubmissionId;
}

/** The identity keys of a submission that is there, and its stamp where that does not show source and key. */
export function keepIdentity(store: Store, id: SubmissionId, record: IncomingSubmission): void {
  saveKeys(store, id, record.identityKeys);
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
