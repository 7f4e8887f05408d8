/** What we wrote to records, and whose stamps they carry. */
import type { Entity } from "../../domain/catalog.ts";
import type { StepContent } from "../../domain/chain.ts";
import type { CrmId, SubmissionId } from "../../domain/ids.ts";
import { stampOf } from "../../domain/stamp.ts";
import { submissionName } from "../../domain/submission.ts";
import type { OwnWrite, SentValues } from "../checks.ts";
import { forgottenByStamp } from "./forgotten.ts";
import { IS_NAMED } from "./named.ts";
import type { Store } from "./store.ts";

/** Steps that are told of one record: writes before matches, of each the newest. An organization may have very many. */
const WRITES_MAX = 1_000;
const WRITES = `
  SELECT s.id AS stepId, s.submission_id AS submissionId, u.source, u.key, s.name, s.action,
    u.submitted_at_ms AS submittedAtMs, s.content, s.sent,
    (SELECT max(r.ended_at_ms) FROM attempts a JOIN requests r ON r.id = a.request_id WHERE a.step_id = s.id) AS writtenAtMs
  FROM steps s JOIN submissions u ON u.id = s.submission_id
  WHERE s.id IN (SELECT id FROM steps WHERE entity = @entity AND crm_id = @crmId AND state = 'done' AND dropped = 0
      AND action IN ('create', 'update', 'match', 'adopt')
      ORDER BY action = 'match', id DESC LIMIT ${WRITES_MAX})
  ORDER BY coalesce((SELECT max(request_id) FROM attempts WHERE step_id = s.id), 0), s.id`;

type RawWrite = Omit<OwnWrite, "content" | "sent"> & { content: string; sent: string | null };

/** Records without a done step of ours are absent. */
export function ownWrites(store: Store, entity: Entity, ids: readonly CrmId[]): Map<CrmId, OwnWrite[]> {
  return store.read(() => {
    const writes = new Map<CrmId, OwnWrite[]>();
    for (const crmId of new Set(ids)) {
      const rows = store.all<RawWrite>(WRITES, { entity, crmId });
      if (rows.length > 0) writes.set(crmId, rows.map(ownWrite));
    }
    return writes;
  });
}

function ownWrite({ content, sent, ...row }: RawWrite): OwnWrite {
  const changed = row.action === "match" ? null : sent;
  return {
    ...row,
    content: JSON.parse(content) as StepContent,
    sent: changed === null ? null : (JSON.parse(changed) as SentValues),
  };
}

/** A written step has an attempt from before its bytes left, whatever became of it since. */
const NEVER_SENT = `
  SELECT u.id FROM submissions u
  WHERE u.id IN (SELECT value FROM json_each(@ids)) AND u.state IN ('pending', 'waiting', 'uncertain', 'inProgress', 'failed')
    AND NOT EXISTS (SELECT 1 FROM steps s WHERE s.submission_id = u.id AND s.entity = @entity
      AND (s.state = 'done' OR EXISTS (SELECT 1 FROM attempts a WHERE a.step_id = s.id)))`;

export function neverSent(store: Store, entity: Entity, ids: readonly SubmissionId[]): SubmissionId[] {
  return store.all<{ id: SubmissionId }>(NEVER_SENT, { entity, ids: JSON.stringify(ids) }).map(({ id }) => id);
}

const NAMED = `SELECT id FROM submissions WHERE ${IS_NAMED}`;
const HASHED = "SELECT submission_id AS id FROM hashed_stamps WHERE stamp = ?";

/** A key may hold a slash, and so may an old source's name: every split is tried, the first known one counts. */
export function stampedSubmissions(store: Store, stamps: readonly string[]): Map<string, SubmissionId> {
  return store.read(() => {
    const found = new Map<string, SubmissionId>();
    for (const stamp of new Set(stamps)) {
      const row = store.one<{ id: SubmissionId }>(HASHED, stamp) ?? named(store, stamp);
      const id = row?.id ?? forgottenByStamp(store, stamp);
      if (id !== null) found.set(stamp, id);
    }
    return found;
  });
}

function named(store: Store, stamp: string): { id: SubmissionId } | undefined {
  for (let at = stamp.indexOf("/"); at >= 0; at = stamp.indexOf("/", at + 1)) {
    const row = store.one<{ id: SubmissionId }>(NAMED, stamp.slice(0, at), stamp.slice(at + 1));
    if (row !== undefined) return row;
  }
  return undefined;
}

/** Remembers a stamp that does not show source and key, so that nobody has to compute those of all submissions. */
export function keepStamp(store: Store, id: SubmissionId, source: string, key: string): void {
  const stamp = stampOf(source, key);
  if (stamp === submissionName(source, key)) return;
  store.run("INSERT OR IGNORE INTO hashed_stamps (stamp, submission_id) VALUES (?, ?)", stamp, id);
}
