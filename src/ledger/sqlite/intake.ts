/** Takes records and rejects in, once each. */
import type { IdentityKey } from "../../domain/identity.ts";
import type { RunId, SubmissionId } from "../../domain/ids.ts";
import { canonicalJson } from "../../domain/json.ts";
import type { CountedBatch } from "../accounts.ts";
import type {
  FileProgress,
  IncomingReject,
  IncomingSubmission,
  IngestResult,
  IngestVerdict,
  KnownSubmission,
  Now,
} from "../rows.ts";
import { Arrivals } from "./arrivals.ts";
import { admitNamed } from "./arrive.ts";
import { countVerdicts } from "./counters.ts";
import { forgottenTest } from "./forgotten.ts";
import { closeRefused, insertSubmission, type Taking } from "./insert-submission.ts";
import { countDuplicate, countSkipped } from "./intake-counts.ts";
import { IS_NAMED } from "./named.ts";
import { ofBoth } from "./of-person.ts";
import { isRawKnown, keepRaw, RAW_TAKEN } from "./raw-hashes.ts";
import { fillShell, findShell, IS_SHELL, isShell, type Shell } from "./shells.ts";
import type { Store } from "./store.ts";
import { foundAmong, strangersOf } from "./strangers.ts";
import { loadKeys } from "./submission-rows.ts";
import { latestVersion, takeRevision } from "./versions.ts";

export function ingest(store: Store, batch: CountedBatch, now: Now): IngestResult {
  return store.write(() => {
    const arrivals = new Arrivals();
    admitNamed(store, batch.submissions, now);
    const verdicts = takeRecords(store, batch, arrivals, now);
    arrivals.count(store, now);
    let rejected = 0;
    for (const reject of batch.rejects) {
      if (takeReject(store, batch.runId, reject, now) === 1) rejected += 1;
      else countDuplicate(store, reject, batch, now);
    }
    const asTheyWere = new Set<number>();
    for (const { rejectId, byIndex } of batch.closesRejects) {
      const verdict = verdicts[byIndex];
      // A mended record that is a conflict now has a row of its own; the reject is answered by nothing yet.
      if (verdict === undefined || verdict.type === "conflict") continue;
      if (isPlainDuplicate(verdict) && isConflictAsItWas(store, rejectId, batch.submissions[byIndex]!)) {
        asTheyWere.add(byIndex);
        continue;
      }
      closeReject(store, Number(rejectId), now, "mended");
    }
    batch.submissions.forEach((record, index) => {
      if (verdicts[index]?.type === "duplicate" && !asTheyWere.has(index)) countDuplicate(store, record, batch, now);
    });
    countSkipped(store, batch, now);
    countVerdicts(store, batch, verdicts, rejected);
    if (batch.progress !== null) saveProgress(store, batch.progress);
    return { verdicts, rejected };
  });
}

const FORGOTTEN: IngestVerdict = { type: "duplicate", otherSource: null, forgotten: true };

function takeRecords(store: Store, batch: CountedBatch, arrivals: Arrivals, now: Now): IngestVerdict[] {
  const { runId, submissions, holdBack } = batch;
  const strangers = strangersOf(store, submissions);
  const isForgotten = forgottenTest(store);
  return submissions.map((record) => {
    if (isForgotten(record)) return FORGOTTEN;
    const heldBack = holdBack === undefined || !isOlder(record, holdBack.beforeMs) ? undefined : holdBack.detail;
    const taking: Taking = { runId, now, arrivals, heldBack };
    if (strangers.delete(record)) return takeUnknown(store, record, taking, true);
    const verdict = takeRecord(store, record, taking);
    // A revision made a key of its own, which may be that of a record behind it.
    if ("revision" in verdict && verdict.revision !== undefined) strangers.clear();
    return verdict;
  });
}

function isOlder({ submittedAtMs, history }: IncomingSubmission, beforeMs: number): boolean {
  return !history && submittedAtMs !== null && submittedAtMs < beforeMs;
}

const isPlainDuplicate = (verdict: IngestVerdict): boolean =>
  verdict.type === "duplicate" && verdict.revision === undefined;

/** A conflict that comes back from an export as it went out: nobody has decided. */
function isConflictAsItWas(store: Store, rejectId: string, record: IncomingSubmission): boolean {
  const sql = `SELECT 1 FROM rejects WHERE id = ? AND kind = 'conflict' AND key = ? AND (raw_hash = ? OR content_hash = ?)`;
  return store.one(sql, Number(rejectId), record.key, record.rawHash, record.contentHash) !== undefined;
}

function takeRecord(store: Store, record: IncomingSubmission, taking: Taking): IngestVerdict {
  const { runId, now } = taking;
  const duplicate: IngestVerdict = { type: "duplicate", otherSource: null };
  if (isRawKnown(store, record)) return duplicate;
  const known = latestVersion(store, record.source, record.key);
  const shell = known === null || isShell(known) ? findShell(store, record) : undefined;
  if (shell !== undefined) return takeShell(store, runId, shell, record, now);
  if (known !== null) {
    if (known.contentHash !== record.contentHash) {
      const amends = record.revisions === "update" && !known.askedByRevision;
      return amends ? takeRevision(store, runId, record, known, now) : takeConflict(store, runId, record, now);
    }
    keepRaw(store, known.id, record);
    return duplicate;
  }
  const otherSource = sourceWithSamePerson(store, record);
  if (otherSource !== null) return { type: "duplicate", otherSource };
  return takeUnknown(store, record, taking, false);
}

/** Neither its key nor its raw record was taken, but it may be a double click. `isStranger`: it was not refused either. */
function takeUnknown(store: Store, record: IncomingSubmission, taking: Taking, isStranger: boolean): IngestVerdict {
  const repeated = repeatedBy(store, record, taking.now);
  if (repeated !== null) {
    keepRaw(store, repeated.id, record);
    return { type: "duplicate", otherSource: null, repeats: repeated.key };
  }
  const id = insertSubmission(store, record, taking);
  if (!isStranger) closeRefused(store, id, record, taking.now);
  if (record.history) return { type: "history" };
  return taking.heldBack === undefined ? { type: "new" } : { type: "new", heldBack: true };
}

/** What a run works on at this moment is no place for other content: then a person decides, as on any conflict. */
function takeShell(store: Store, runId: RunId, shell: Shell, record: IncomingSubmission, now: Now): IngestVerdict {
  if (shell.busy === 1) return takeConflict(store, runId, record, now);
  fillShell(store, runId, shell.id, record, now);
  return { type: record.history ? "history" : "new" };
}

/** Duplicates that need no look at the content: the raw record is known, or another source has its id for the same person. */
export function findKnown(store: Store, records: readonly IncomingSubmission[]): (IngestVerdict | null)[] {
  const isForgotten = forgottenTest(store);
  const verdictOf = (record: IncomingSubmission): IngestVerdict | null => {
    if (isForgotten(record)) return FORGOTTEN;
    if (isRawKnown(store, record)) return { type: "duplicate", otherSource: null };
    if (latestVersion(store, record.source, record.key) !== null) return null;
    const otherSource = sourceWithSamePerson(store, record);
    return otherSource === null ? null : { type: "duplicate", otherSource };
  };
  return store.read(() => records.map(verdictOf));
}

/** Another source that has this key for the same e-mail or phone. */
function sourceWithSamePerson(store: Store, record: IncomingSubmission): string | null {
  const others = store.all<{ id: SubmissionId; source: string }>(
    "SELECT submission_id AS id, source FROM submission_names WHERE key = ? AND source <> ? LIMIT 20",
    record.key,
    record.source,
  );
  for (const other of others) {
    const theirs = loadKeys(store, other.id);
    const isPersons = (key: IdentityKey): boolean => key.startsWith("email:") || key.startsWith("phone:");
    if (record.identityKeys.some((key) => isPersons(key) && theirs.includes(key))) return other.source;
  }
  return null;
}

/** Submissions of one person in the window that are compared, newest first. */
const COMPARED_MAX = 50;
const IN_WINDOW = `
  SELECT s.id, s.key, s.content, k.submitted_at_ms AS atMs
  FROM submission_keys k JOIN submissions s ON s.id = k.submission_id
  WHERE k.key = @identity AND k.submitted_at_ms BETWEEN @fromMs AND @toMs AND s.source = @source AND s.key <> @key
    AND s.content IS NOT NULL`;
const OF_PERSON = `${ofBoth(IN_WINDOW)} ORDER BY atMs DESC LIMIT ${COMPARED_MAX}`;

/** What the record sends once more under another id, as a double click does. */
function repeatedBy(store: Store, record: IncomingSubmission, now: Now): { id: number; key: string } | null {
  const { source, key, sameWithinMs = 0 } = record;
  if (sameWithinMs === 0) return null;
  const at = record.submittedAtMs ?? now.wallMs;
  const content = canonicalJson(record.content);
  for (const identity of record.identityKeys) {
    const window = { identity, fromMs: at - sameWithinMs, toMs: at + sameWithinMs, source, key };
    const others = store.all<{ id: number; key: string; content: string }>(OF_PERSON, window);
    const same = others.find((other) => canonicalJson(JSON.parse(other.content)) === content);
    if (same !== undefined) return same;
  }
  return null;
}

export function findRepeated(store: Store, records: readonly IncomingSubmission[], now: Now): (string | null)[] {
  return store.read(() => records.map((record) => repeatedBy(store, record, now)?.key ?? null));
}

function takeConflict(store: Store, runId: RunId, record: IncomingSubmission, now: Now): IngestVerdict {
  const earlier = store.one(
    `SELECT 1 FROM rejects WHERE source = @source AND kind = 'conflict' AND raw_hash = @rawHash
     UNION ALL SELECT 1 FROM rejects WHERE source = @source AND kind = 'conflict' AND key = @key
       AND content_hash = @contentHash LIMIT 1`,
    { source: record.source, rawHash: record.rawHash, key: record.key, contentHash: record.contentHash },
  );
  // Seen before: it is in the list already, or a person has decided on it.
  if (earlier !== undefined) return { type: "duplicate", otherSource: null };
  const { id } = store.run(
    `INSERT INTO rejects (kind, source, key, raw_hash, content_hash, reason, file, line, run_id, created_at_ms, content, raw)
     VALUES ('conflict', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    record.source,
    record.key,
    record.rawHash,
    record.contentHash,
    "The key is known with other content.",
    record.origin.file,
    record.origin.line,
    runId,
    now.wallMs,
    JSON.stringify(record.content),
    record.raw,
  );
  return { type: "conflict", rejectId: String(id) };
}

/** 1 where the reject is new: neither a known reject nor a record that was taken under an earlier map. */
function takeReject(store: Store, runId: RunId, reject: IncomingReject, now: Now): number {
  if (forgottenTest(store)(reject)) return 0;
  if (isRawKnown(store, reject)) return 0;
  return store.run(
    `INSERT OR IGNORE INTO rejects (kind, source, raw_hash, reason, file, line, run_id, created_at_ms, raw)
     VALUES ('reject', ?, ?, ?, ?, ?, ?, ?, ?)`,
    reject.source,
    reject.rawHash,
    reject.reason,
    reject.origin.file,
    reject.origin.line,
    runId,
    now.wallMs,
    reject.raw,
  ).changes;
}

function closeReject(store: Store, id: number, now: Now, why: string): void {
  const sql = "UPDATE rejects SET closed_at_ms = ?, closed_why = ? WHERE id = ? AND closed_at_ms IS NULL";
  store.run(sql, now.wallMs, why, id);
}

const PROGRESS = `
  INSERT INTO file_progress (source, identity, path, offset_bytes, line, size, modified_at_ms, unchanged_since_ms, head,
    context, archived_at_ms)
  VALUES (@source, @identity, @path, @offset, @line, @size, @modifiedAtMs, @unchangedSinceMs, @head, @context,
    @archivedAtMs)
  ON CONFLICT DO UPDATE SET path = excluded.path, offset_bytes = excluded.offset_bytes, line = excluded.line,
    size = excluded.size, modified_at_ms = excluded.modified_at_ms, unchanged_since_ms = excluded.unchanged_since_ms,
    head = excluded.head, context = excluded.context, archived_at_ms = excluded.archived_at_ms`;

function saveProgress(store: Store, progress: FileProgress): void {
  store.run(PROGRESS, { ...progress });
}

export function fileProgress(store: Store, source: string): FileProgress[] {
  return store.all<FileProgress>(
    `SELECT source, identity, path, offset_bytes AS "offset", line, size, modified_at_ms AS modifiedAtMs,
       unchanged_since_ms AS unchangedSinceMs, head, context, archived_at_ms AS archivedAtMs
     FROM file_progress WHERE source = ? ORDER BY identity`,
    source,
  );
}

export function forgetFile(store: Store, source: string, identity: string): void {
  store.write(() => store.run("DELETE FROM file_progress WHERE source = ? AND identity = ?", source, identity));
}

/** A shell has nothing that could be compared: to its record it is unknown. */
const KNOWN = `SELECT raw_hash AS rawHash, content_hash AS contentHash, coalesce(raw, '') AS raw FROM submissions
  WHERE id = ? AND NOT ${IS_SHELL}`;

const NAMED_OF_SOURCE = `
  SELECT key AS text FROM submission_names WHERE source = @source AND key IN (SELECT value FROM json_each(@texts))`;

export function findSubmissions(
  store: Store,
  source: string,
  keys: readonly string[],
  version: "named" | "latest" = "named",
): KnownSubmission[] {
  return store.read(() => {
    const named = foundAmong(store, NAMED_OF_SOURCE, keys, { source });
    return keys.flatMap((key) => {
      if (!named.has(key)) return [];
      const id =
        version === "latest"
          ? latestVersion(store, source, key)?.id
          : store.one<{ id: number }>(`SELECT id FROM submissions WHERE ${IS_NAMED}`, source, key)?.id;
      const known = id === undefined ? undefined : store.one<Omit<KnownSubmission, "source" | "key">>(KNOWN, id);
      return known === undefined ? [] : [{ source, key, ...known }];
    });
  });
}

export function knownRaw(store: Store, source: string, rawHashes: readonly string[]): Set<string> {
  return store.read(() => foundAmong(store, RAW_TAKEN, rawHashes, { source }));
}

export function hasSubmissions(store: Store): boolean {
  return store.one<{ id: number | null }>("SELECT max(id) AS id FROM submissions")!.id !== null;
}

export function countReexported(
  store: Store,
  records: { key: string; submittedAtMs: number; identityKeys: IdentityKey[] }[],
): number {
  const sql = `SELECT 1 FROM submission_keys k JOIN submissions s ON s.id = k.submission_id
    WHERE k.key = ? AND k.open IN (0, 1) AND k.submitted_at_ms = ? AND s.key <> ? AND s.revises IS NULL LIMIT 1`;
  const matches = (record: { key: string; submittedAtMs: number; identityKeys: IdentityKey[] }): boolean =>
    record.identityKeys.some((key) => store.one(sql, key, record.submittedAtMs, record.key) !== undefined);
  return store.read(() => records.filter(matches).length);
}
