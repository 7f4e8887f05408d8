/**
 * Versions of one record: the first, and the revisions that came under its key with other content. A revision is a
 * submission of its own, `KEY~r2`, `KEY~r3` and so on; its id is above those of the versions before it.
 */
import type { IdentityKey } from "../../domain/identity.ts";
import type { RunId, SubmissionId } from "../../domain/ids.ts";
import type { SubmissionState } from "../../domain/submission.ts";
import type { VersionRow } from "../ledger.ts";
import type { IncomingSubmission, IngestVerdict, Now } from "../rows.ts";
import { freeInstant, note, replaceable, replaceWhole } from "./decisions.ts";
import { closeRefused, insertSubmission } from "./insert-submission.ts";
import { IS_NAME_TAKEN, IS_NAMED } from "./named.ts";
import { keepRaw } from "./raw-hashes.ts";
import type { Store } from "./store.ts";
import { loadKeys, loadSteps } from "./submission-rows.ts";

export interface LatestVersion {
  id: SubmissionId;
  firstId: SubmissionId;
  state: SubmissionState;
  submittedAtMs: number;
  contentHash: string;
  /** The key was a revision's own, which no source gives: it came back from an export. */
  askedByRevision: boolean;
}

const VERSION = "id, revises, state, submitted_at_ms AS submittedAtMs, content_hash AS contentHash";
const NAMED = `SELECT ${VERSION} FROM submissions WHERE ${IS_NAMED}`;
const LATEST = `SELECT ${VERSION} FROM submissions WHERE revises = ? ORDER BY id DESC LIMIT 1`;

type Version = Omit<LatestVersion, "firstId" | "askedByRevision"> & { revises: SubmissionId | null };

/** The newest version under a key; of a revision's own key that revision. */
export function latestVersion(store: Store, source: string, key: string): LatestVersion | null {
  const named = store.one<Version>(NAMED, source, key);
  if (named === undefined) return null;
  const askedByRevision = named.revises !== null;
  const { revises, ...latest } = (askedByRevision ? undefined : store.one<Version>(LATEST, named.id)) ?? named;
  return { ...latest, firstId: revises ?? named.id, askedByRevision };
}

/**
 * Takes a record whose key is known with other content as the newer version. Where nothing of the latest one was sent, it
 * takes its place; else it becomes a submission that waits for the earlier ones and amends what they wrote.
 */
export function takeRevision(
  store: Store,
  runId: RunId,
  record: IncomingSubmission,
  latest: LatestVersion,
  now: Now,
): IngestVerdict {
  if (!takesConflict(store, record, now)) return { type: "duplicate", otherSource: null };
  if (record.submittedAtMs !== null && record.submittedAtMs < latest.submittedAtMs) {
    keepLate(store, record, latest.id, now);
    return { type: "duplicate", otherSource: null, revision: "late" };
  }
  const { state } = latest;
  if (state !== "dropped" && state !== "history" && replaceable(store, latest.id) === "yes") {
    replaceLatest(store, record, latest.id, now);
    return { type: "duplicate", otherSource: null, revision: "replaced" };
  }
  return insertRevision(store, runId, record, latest, now);
}

/** False where a person has decided against the very same record, when it was a conflict; an open conflict ends. */
function takesConflict(store: Store, record: IncomingSubmission, now: Now): boolean {
  const conflict = store.one<{ id: number; closed: number | null }>(
    "SELECT id, closed_at_ms AS closed FROM rejects WHERE source = ? AND raw_hash = ? AND kind = 'conflict'",
    record.source,
    record.rawHash,
  );
  if (conflict === undefined) return true;
  if (conflict.closed !== null) return false;
  const sql = "UPDATE rejects SET closed_at_ms = ?, closed_why = 'taken as a newer version' WHERE id = ?";
  store.run(sql, now.wallMs, conflict.id);
  return true;
}

/** Older than what is known: kept with the earlier versions, and it undoes nothing. */
function keepLate(store: Store, record: IncomingSubmission, id: SubmissionId, now: Now): void {
  store.run(
    `INSERT INTO revisions (submission_id, replaced_at_ms, content, raw)
     SELECT id, ${freeInstant("id")}, ?, ? FROM submissions WHERE id = ?`,
    now.wallMs,
    JSON.stringify(record.content),
    record.raw,
    id,
  );
  keepRaw(store, id, record);
  note(store, id, "late", "an older version of the record came after this one; it is kept and changes nothing", now);
}

function replaceLatest(store: Store, record: IncomingSubmission, id: SubmissionId, now: Now): void {
  // From its new time on it is the newer one for whatever comes next.
  const at = Math.round(record.submittedAtMs ?? now.wallMs);
  store.run("UPDATE submissions SET submitted_at_ms = max(submitted_at_ms, ?) WHERE id = ?", at, id);
  replaceWhole(store, id, record, "a newer version of the record came before anything of this one was sent", now);
}

function insertRevision(
  store: Store,
  runId: RunId,
  record: IncomingSubmission,
  latest: LatestVersion,
  now: Now,
): IngestVerdict {
  const first = store.one<Pick<IncomingSubmission, "lane">>(
    "SELECT lane FROM submissions WHERE id = ?",
    latest.firstId,
  )!;
  const keys = [record.identityKeys, loadKeys(store, latest.firstId), loadKeys(store, latest.id)];
  const revision: IncomingSubmission = {
    ...record,
    key: freeKey(store, record),
    // In the lane of the first, behind whom it waits; never sent where that one never is.
    lane: first.lane,
    history: latest.state === "history",
    identityKeys: [...new Set<IdentityKey>(keys.flat())],
  };
  const taking = { runId, now, revises: latest.firstId };
  closeRefused(store, insertSubmission(store, revision, taking), revision, now);
  return { type: revision.history ? "history" : "new", revision: true };
}

/** `KEY~r2` is the second version. A source may have such a key of its own: then the next number. */
function freeKey(store: Store, { source, key }: IncomingSubmission): string {
  for (let number = 2; ; number += 1) {
    const candidate = `${key}~r${number}`;
    if (store.one(IS_NAME_TAKEN, source, candidate) === undefined) return candidate;
  }
}

const FAMILY = `
  SELECT id, key, state FROM submissions WHERE id = @firstId
  UNION ALL SELECT id, key, state FROM submissions WHERE revises = @firstId ORDER BY id`;

export function versions(store: Store, id: SubmissionId): VersionRow[] {
  return store.read(() => {
    const own = store.one<{ revises: SubmissionId | null }>("SELECT revises FROM submissions WHERE id = ?", id);
    if (own === undefined) return [];
    const rows = store.all<Omit<VersionRow, "steps">>(FAMILY, { firstId: own.revises ?? id });
    return rows.map((row) => ({ ...row, steps: loadSteps(store, row.id).filter((step) => step.state === "done") }));
  });
}

const UNENDED = `
  SELECT 1 FROM (SELECT id, state FROM submissions WHERE id = @firstId
    UNION ALL SELECT id, state FROM submissions WHERE revises = @firstId)
  WHERE id < @id AND state IN ('pending', 'waiting', 'inProgress', 'uncertain') LIMIT 1`;

/** Whether an earlier version of a revision has not ended: what it amends can't be known before. */
export function earlierUnended(store: Store, id: SubmissionId, firstId: SubmissionId): boolean {
  return store.one(UNENDED, { id, firstId }) !== undefined;
}

const UNDONE = "(state = 'failed' OR (state IN ('pending', 'waiting') AND planned = 0))";
const SUPERSEDED = `
  SELECT id FROM submissions WHERE id = @firstId AND ${UNDONE}
  UNION ALL SELECT id FROM submissions WHERE revises = @firstId AND id < @id AND ${UNDONE}`;

/**
 * From its plan on a revision does what earlier versions failed at, and they are set aside: nobody may put them back
 * beside it. One that was put back between the revision's claim and its plan is still unclaimed, behind the same keys.
 */
export function supersede(store: Store, id: SubmissionId, firstId: SubmissionId, now: Now): void {
  const { key } = store.one<{ key: string }>("SELECT key FROM submissions WHERE id = ?", id)!;
  for (const earlier of store.all<{ id: SubmissionId }>(SUPERSEDED, { id, firstId })) {
    store.run("UPDATE submissions SET state = 'dropped' WHERE id = ?", earlier.id);
    note(store, earlier.id, "dropped", `a newer version of the record, ${key}, takes over what is left of it`, now);
  }
}
