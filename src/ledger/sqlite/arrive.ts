/** Records of a large import on their way in: written in their order, found by nothing yet. */
import type { SubmissionId } from "../../domain/ids.ts";
import { stampOf } from "../../domain/stamp.ts";
import { submissionName } from "../../domain/submission.ts";
import type { ArrivingRecords } from "../arriving.ts";
import type { IncomingSubmission, Now } from "../rows.ts";
import { addToCounter } from "./counters.ts";
import { forgottenTest, hasForgotten } from "./forgotten.ts";
import type { Store } from "./store.ts";
import { foundAmong, RAW_REFUSED } from "./strangers.ts";
import { keysOf } from "./submission-rows.ts";

const INSERT = `
  INSERT INTO arriving (id, run_id, source, key, state, lane, submitted_at_ms, target_ms, file, line, raw_hash,
    content_hash, contested, identity_keys, content, raw)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;
const RESERVE = "UPDATE sqlite_sequence SET seq = seq + ? WHERE name = 'submissions' RETURNING seq";
const FIRST = "INSERT INTO sqlite_sequence (name, seq) VALUES ('submissions', ?)";

/** To be called within a transaction. */
export function arriveTogether(store: Store, records: ArrivingRecords, now: Now): void {
  const { runId, source, file, key, raw, rawHash, identityKeys } = records;
  const isForgotten = hasForgotten(store) ? forgottenTest(store) : null;
  const refused = refusedAmong(store, source, rawHash);
  const targetMs = Math.round(records.targetMs);
  let id = reserve(store, key.length) - key.length;
  for (let at = 0; at < key.length; at += 1) {
    id += 1;
    const name = { source, key: key[at]!, rawHash: rawHash[at]! };
    const isOrdinary = stampOf(source, name.key) === submissionName(source, name.key);
    const needsLook =
      !isOrdinary || refused.has(name.rawHash) || isForgotten?.({ ...name, identityKeys: keysOf(identityKeys[at]!) });
    // One by one: what is spread costs as much as the half of binding it.
    store.run(
      INSERT,
      id,
      runId,
      source,
      name.key,
      records.history[at] ? "history" : "pending",
      records.lane[at]!,
      Math.round(records.submittedAtMs[at] ?? now.wallMs),
      targetMs,
      file,
      records.line[at]!,
      name.rawHash,
      records.contentHash[at]!,
      needsLook ? 1 : 0,
      identityKeys[at]!,
      records.content[at]!,
      raw[at]!,
    );
  }
}

/** So many ids that no submission ever has, but these. The last of them. */
function reserve(store: Store, count: number): number {
  const reserved = store.one<{ seq: number }>(RESERVE, count);
  if (reserved !== undefined) return reserved.seq;
  store.run(FIRST, count);
  return count;
}

const HAS_REJECTS = "SELECT 1 FROM reject_counts WHERE source = ? AND kind = 'reject' AND n > 0";

/** Those that were refused and are taken now end their rejects. */
function refusedAmong(store: Store, source: string, rawHashes: readonly string[]): Set<string> {
  if (store.one(HAS_REJECTS, source) === undefined) return new Set();
  return foundAmong(store, RAW_REFUSED, rawHashes, { source });
}

const ANY = "SELECT 1 FROM arriving_runs LIMIT 1";
const NAMED_SO = `
  SELECT a.id, a.contested, a.source, a.state FROM arriving a WHERE a.id IN (
    SELECT submission_id FROM submission_names WHERE key = @key
    UNION ALL SELECT submission_id FROM raw_hashes WHERE source = @source AND raw_hash = @rawHash)`;

/** As the submissions' columns; the values of `due` and `state` are SQL. */
export const SUBMISSION_OF = (state: string, due: string, tallied: 0 | 2): string => `
  INSERT INTO submissions (id, source, key, state, lane, submitted_at_ms, received_at_ms, target_ms, due_at_ms, run_id, file,
    line, raw_hash, content_hash, tallied, identity_keys, content, raw)
  SELECT id, source, key, ${state}, lane, submitted_at_ms, @nowMs, target_ms, ${due}, run_id, file,
    line, raw_hash, content_hash, ${tallied}, identity_keys, content, raw
  FROM arriving`;
const ADMIT_ONE = `${SUBMISSION_OF("state", "@nowMs", 0)} WHERE id = @id`;
const RAW_OF_ONE = `
  INSERT OR IGNORE INTO raw_hashes (source, raw_hash, submission_id) SELECT source, raw_hash, id FROM arriving WHERE id = @id`;
const KEYS_OF_ONE = `
  INSERT OR IGNORE INTO submission_keys (key, open, submitted_at_ms, submission_id)
  SELECT value, a.state = 'pending', a.submitted_at_ms, a.id FROM arriving a, json_each(a.identity_keys) WHERE a.id = @id`;
/** Kept back with the others they were to be found as such, and this one is not. */
export const UNKEY = `
  DELETE FROM submission_keys
  WHERE key IN (SELECT value FROM arriving a, json_each(a.identity_keys) WHERE a.id = @id) AND open IN (0, 1)
    AND submitted_at_ms = (SELECT submitted_at_ms FROM arriving WHERE id = @id) AND submission_id = @id`;
const APART = `
  UPDATE arriving_runs SET new_apart = new_apart + (state = 'pending'), history_apart = history_apart + (state = 'history'),
    old_apart = old_apart + (state = 'pending' AND submitted_at_ms < old_before_ms)
  FROM arriving a WHERE a.id = @id AND arriving_runs.run_id = a.run_id`;
export const LEFT = "DELETE FROM arriving WHERE id = @id";
export const UNNAME = `
  DELETE FROM submission_names
  WHERE (key, source) = (SELECT key, source FROM arriving WHERE id = @id) AND submission_id = @id`;

interface Named {
  id: SubmissionId;
  contested: 0 | 1;
  source: string;
  state: "pending" | "history";
}

/**
 * Whoever brings what a record on its way in is known by already lets that one in first, and is judged against it. To be called
 * within the transaction that takes these.
 */
export function admitNamed(
  store: Store,
  records: readonly Pick<IncomingSubmission, "source" | "key" | "rawHash">[],
  now: Pick<Now, "wallMs">,
): void {
  if (store.one(ANY) === undefined) return;
  for (const { source, key, rawHash } of records) {
    for (const found of store.all<Named>(NAMED_SO, { source, key, rawHash })) {
      // One that needs a look of its own gets it later, and finds this record there.
      if (found.contested === 1) store.run(UNNAME, { id: found.id });
      else admitOne(store, found, now);
    }
  }
}

function admitOne(store: Store, { id, source, state }: Named, now: Pick<Now, "wallMs">): void {
  // Its key and its raw record may both have led to it.
  if (store.run(ADMIT_ONE, { id, nowMs: now.wallMs }).changes === 0) return;
  for (const sql of [RAW_OF_ONE, UNKEY, KEYS_OF_ONE, APART, LEFT]) store.run(sql, { id });
  addToCounter(store, "ingested", { source, verdict: state === "pending" ? "new" : "history" }, 1);
}
