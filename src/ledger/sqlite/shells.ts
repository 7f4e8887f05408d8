/**
 * Shells: done submissions without payload, made for records that carry our stamp and that this ledger did not know (it was
 * lost, or is older). The record that comes in later under their name fills them in.
 */
import type { RunId, SubmissionId } from "../../domain/ids.ts";
import { stampOf } from "../../domain/stamp.ts";
import { submissionName } from "../../domain/submission.ts";
import type { IncomingSubmission, Now } from "../rows.ts";
import { closeRefused, keepIdentity } from "./insert-submission.ts";
import { IS_NAMED } from "./named.ts";
import { keepStamp } from "./own-writes.ts";
import type { Store } from "./store.ts";

/** No hash of content or raw record begins like this. */
const SHELL_HASH = "adopted:";
/** SQL for submissions that are one. */
export const IS_SHELL = `content_hash LIKE '${SHELL_HASH}%'`;
/** Until its record comes in: what a background submission has. */
const TARGET_MS = 24 * 3_600_000;

export const isShell = ({ contentHash }: { contentHash: string }): boolean => contentHash.startsWith(SHELL_HASH);

const INSERT = `
  INSERT INTO submissions (source, key, state, lane, submitted_at_ms, received_at_ms, target_ms, due_at_ms, planned, run_id,
    done_at_ms, file, raw_hash, content_hash)
  VALUES (@source, @key, 'done', 'background', @submittedAtMs, @nowMs, @targetMs, @nowMs, 1, @run, @submittedAtMs,
    '(found at the CRM)', @hash, @hash)`;

export function insertShell(
  store: Store,
  run: RunId,
  { source, key, submittedAtMs }: { source: string; key: string; submittedAtMs: number },
  nowMs: number,
): SubmissionId {
  const hash = `${SHELL_HASH}${submissionName(source, key)}`;
  const values = { source, key, run, nowMs, hash, targetMs: TARGET_MS, submittedAtMs: Math.round(submittedAtMs) };
  const id = store.run(INSERT, values).id as SubmissionId;
  keepStamp(store, id, source, key);
  return id;
}

export interface Shell {
  id: SubmissionId;
  busy: 0 | 1;
}

const FIND = `SELECT id, state = 'inProgress' AS busy FROM submissions WHERE ${IS_NAMED} AND ${IS_SHELL}`;

/** The shell that waits for this record: under its key, or under the hash that stands in its stamp. */
export function findShell(store: Store, { source, key }: IncomingSubmission): Shell | undefined {
  const shell = store.one<Shell>(FIND, source, key);
  const stamp = stampOf(source, key);
  if (shell !== undefined || stamp === submissionName(source, key)) return shell;
  return store.one<Shell>(FIND, source, stamp.slice(stamp.lastIndexOf("/") + 1));
}

const FILL = `
  UPDATE submissions SET key = @key, state = @state, lane = @lane, submitted_at_ms = coalesce(@submittedAtMs, submitted_at_ms),
    received_at_ms = @nowMs, target_ms = @targetMs, due_at_ms = @nowMs, blocked_until_ms = 0, attempts = 0, planned = 0,
    run_id = @run, file = @file, line = @line, raw_hash = @rawHash, content_hash = @contentHash, content = @content,
    raw = @raw
  WHERE id = @id`;

/** From now on it is the record's submission: its adopted steps are done, the rest of its chain is planned and written. */
export function fillShell(store: Store, run: RunId, id: SubmissionId, record: IncomingSubmission, now: Now): void {
  store.run(FILL, {
    id,
    run,
    key: record.key,
    state: record.history ? "history" : "pending",
    lane: record.lane,
    submittedAtMs: record.submittedAtMs === null ? null : Math.round(record.submittedAtMs),
    nowMs: now.wallMs,
    targetMs: Math.round(record.targetMs),
    file: record.origin.file,
    line: record.origin.line,
    rawHash: record.rawHash,
    contentHash: record.contentHash,
    content: JSON.stringify(record.content),
    raw: record.raw,
  });
  keepIdentity(store, id, record);
  closeRefused(store, id, record, now);
}
