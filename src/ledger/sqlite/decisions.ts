/** What people decide about submissions that failed, and about rejects and conflicts. */
import type { IdentityKey } from "../../domain/identity.ts";
import type { SubmissionId } from "../../domain/ids.ts";
import type { AcceptVerdict, UnplannedRow } from "../ledger.ts";
import type { Replacement } from "../replaced.ts";
import type { Now } from "../rows.ts";
import { keepOwnRaw } from "./raw-hashes.ts";
import type { Store } from "./store.ts";
import { loadKeys, saveKeys } from "./submission-rows.ts";

/** Rows that one transaction of a large requeue moves. */
const REQUEUE_ROWS = 200;

/** Every submission that is failed at this moment goes back once; ids of others are passed over. */
export function requeue(
  store: Store,
  ids: readonly SubmissionId[],
  replacements: ReadonlyMap<SubmissionId, Replacement>,
  now: Now,
  by: string | null = null,
): number {
  let requeued = 0;
  for (let from = 0; from < ids.length; from += REQUEUE_ROWS) {
    const chunk = ids.slice(from, from + REQUEUE_ROWS);
    requeued += store.write(() => chunk.filter((id) => requeueOne(store, id, replacements.get(id), now, by)).length);
  }
  return requeued;
}

const BACK = `UPDATE submissions SET state = 'pending', attempts = 0, planned = 0, due_at_ms = ?, blocked_until_ms = 0,
  error = NULL, error_code = NULL, failed_at_ms = NULL WHERE id = ? AND state = 'failed'`;

/** Inside a write transaction. */
export function requeueOne(
  store: Store,
  id: SubmissionId,
  replacement: Replacement | undefined,
  now: Now,
  by: string | null,
): boolean {
  if (store.run(BACK, now.wallMs, id).changes !== 1) return false;
  const isNew = replacement !== undefined && replace(store, id, replacement, now, by);
  const detail = isNew ? "put back in the queue with new content" : "put back in the queue";
  note(store, id, "requeued", byWhom(detail, by), now);
  return true;
}

const byWhom = (what: string, by: string | null): string => (by === null ? what : `${what} (by ${by})`);

/** SQL for the given instant, or the next one that no earlier version of the submission has taken. */
export const freeInstant = (id: string): string =>
  `max(?, coalesce((SELECT max(replaced_at_ms) + 1 FROM revisions WHERE submission_id = ${id}), 0))`;

/** The old content, and the old record where it is replaced, are kept. False where both stay what they are. */
function replace(
  store: Store,
  id: SubmissionId,
  { content, identityKeys, raw }: Replacement,
  now: Now,
  by: string | null = null,
): boolean {
  const text = JSON.stringify(content);
  const kept = store.run(
    `INSERT INTO revisions (submission_id, replaced_at_ms, content, raw, replaced_by)
     SELECT id, ${freeInstant("id")}, content, iif(? IS NULL, NULL, raw), ? FROM submissions
     WHERE id = ? AND (content IS NOT ? OR raw IS NOT coalesce(?, raw))`,
    now.wallMs,
    raw ?? null,
    by,
    id,
    text,
    raw ?? null,
  );
  const sql = "UPDATE submissions SET content = ?, raw = coalesce(?, raw) WHERE id = ?";
  store.run(sql, text, raw ?? null, id);
  saveKeys(store, id, [...identityKeys, ...keysOfFirst(store, id)]);
  return kept.changes === 1;
}

/** A revision keeps the keys of its first version, whatever its own content says: it writes to the same person. */
function keysOfFirst(store: Store, id: SubmissionId): IdentityKey[] {
  const sql = "SELECT revises FROM submissions WHERE id = ? AND revises IS NOT NULL";
  const revision = store.one<{ revises: SubmissionId }>(sql, id);
  return revision === undefined ? [] : loadKeys(store, revision.revises);
}

export function note(store: Store, id: SubmissionId, kind: string, detail: string, now: Now): void {
  const sql = "INSERT INTO waits (submission_id, at_ms, kind, until_ms, detail) VALUES (?, ?, ?, NULL, ?)";
  store.run(sql, id, now.wallMs, kind, detail);
}

/** The four states are those of the index. */
const UNPLANNED = `
  SELECT id, submitted_at_ms AS submittedAtMs, content_hash AS contentHash, raw FROM submissions
  WHERE state IN ('pending', 'waiting', 'inProgress', 'uncertain') AND state IN ('pending', 'waiting')
    AND source = @source AND planned = 0 AND raw IS NOT NULL AND (submitted_at_ms, id) > (@submittedAtMs, @id)
  ORDER BY submitted_at_ms, id LIMIT @limit`;

export function unplanned(
  store: Store,
  source: string,
  after: Pick<UnplannedRow, "id" | "submittedAtMs"> | null,
  limit: number,
): UnplannedRow[] {
  const { id, submittedAtMs } = after ?? { id: 0, submittedAtMs: Number.MIN_SAFE_INTEGER };
  return store.all<UnplannedRow>(UNPLANNED, { source, id, submittedAtMs, limit });
}

export function replaceUnplanned(
  store: Store,
  replacements: ReadonlyMap<SubmissionId, Replacement & { contentHash: string }>,
  now: Now,
): number {
  const sql = `UPDATE submissions SET content_hash = ?, blocked_until_ms = 0
    WHERE id = ? AND planned = 0 AND state IN ('pending', 'waiting')`;
  const replaceOne = (id: SubmissionId, replacement: Replacement & { contentHash: string }): boolean => {
    if (store.run(sql, replacement.contentHash, id).changes !== 1) return false;
    replace(store, id, replacement, now);
    note(store, id, "mapped", "mapped anew, by a map that was mended while it waited", now);
    return true;
  };
  return store.write(() => [...replacements].filter(([id, replacement]) => replaceOne(id, replacement)).length);
}

/** Only a failed one can be set aside. */
export function drop(store: Store, id: SubmissionId, why: string, now: Now, by: string | null = null): boolean {
  return store.write(() => {
    const dropped = store.run("UPDATE submissions SET state = 'dropped' WHERE id = ? AND state = 'failed'", id);
    if (dropped.changes !== 1) return false;
    note(store, id, "dropped", byWhom(why, by), now);
    return true;
  });
}

export function closeReject(store: Store, id: string, why: string, now: Now): boolean {
  return store.write(() => {
    if (!close(store, id, why, null, now)) return false;
    store.run("UPDATE rejects SET dropped = 1 WHERE id = ?", Number(id));
    return true;
  });
}

function close(store: Store, id: string, why: string, submissionId: SubmissionId | null, now: Now): boolean {
  const sql = `UPDATE rejects SET closed_at_ms = @nowMs, closed_why = @why, submission_id = coalesce(@submissionId, submission_id)
    WHERE id = CAST(@id AS INTEGER) AND CAST(id AS TEXT) = @id AND closed_at_ms IS NULL`;
  return store.run(sql, { id, why, submissionId, nowMs: now.wallMs }).changes === 1;
}

const SENT = `SELECT state, EXISTS (SELECT 1 FROM steps WHERE submission_id = submissions.id
    AND state IN ('begun', 'uncertain', 'pending', 'done')) AS sent FROM submissions WHERE id = ?`;

/** Whether its content may be replaced: `sent` where a step is or may be at the CRM, `busy` while a run works on it. */
export function replaceable(store: Store, id: SubmissionId): "yes" | "sent" | "busy" {
  const { state, sent } = store.one<{ state: string; sent: 0 | 1 }>(SENT, id)!;
  if (state === "inProgress") return "busy";
  return sent === 1 || state === "done" || state === "uncertain" ? "sent" : "yes";
}

/** Another version of the record, whole, in the place of one of which nothing was sent. A failed one goes back. */
export function replaceWhole(
  store: Store,
  id: SubmissionId,
  version: Replacement & { rawHash: string; contentHash: string },
  why: string,
  now: Now,
): void {
  replace(store, id, version, now);
  store.run(BACK, now.wallMs, id);
  keepOwnRaw(store, id, version.rawHash);
  store.run(
    "UPDATE submissions SET planned = 0, blocked_until_ms = 0, raw_hash = ?, content_hash = ? WHERE id = ?",
    version.rawHash,
    version.contentHash,
    id,
  );
  note(store, id, "replaced", why, now);
}

const CONFLICT = `
  SELECT s.id, r.raw, r.raw_hash AS rawHash, r.content_hash AS contentHash
  FROM rejects r JOIN submission_names n ON n.source = r.source AND n.key = r.key JOIN submissions s ON s.id = n.submission_id
  WHERE r.id = CAST(@id AS INTEGER) AND CAST(r.id AS TEXT) = @id AND r.kind = 'conflict' AND r.closed_at_ms IS NULL`;

type Conflict = { id: SubmissionId; raw: string; rawHash: string; contentHash: string };

export function acceptConflict(
  store: Store,
  rejectId: string,
  mapped: Pick<Replacement, "content" | "identityKeys">,
  now: Now,
): AcceptVerdict {
  return store.write(() => {
    const found = store.one<Conflict>(CONFLICT, { id: rejectId });
    if (found === undefined) return "gone";
    const { id, ...record } = found;
    const verdict = replaceable(store, id);
    if (verdict !== "yes") return verdict;
    // What a revision amends has been sent, whatever its first version is now.
    if (store.one("SELECT 1 FROM submissions WHERE revises = ?", id) !== undefined) return "sent";
    replaceWhole(store, id, { ...mapped, ...record }, "the newer content of a conflict was taken", now);
    close(store, rejectId, "the newer content was taken", id, now);
    return "taken";
  });
}
