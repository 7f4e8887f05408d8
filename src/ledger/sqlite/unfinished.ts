/** What is not in the CRM: submissions that are not done, and records that never became one. */
import type { Entity } from "../../domain/catalog.ts";
import type { StepName, StepState } from "../../domain/chain.ts";
import type { CrmId } from "../../domain/ids.ts";
import type { CheckScope, OpenReject, Page, Unfinished } from "../checks.ts";
import { IN_SCOPE, scopeValues } from "./checks.ts";
import type { Store } from "./store.ts";
import { parseError } from "./submission-rows.ts";

const COLUMNS = `u.id AS submissionId, u.source, u.key, json_extract(u.content, '$.person.email') AS email, u.state,
  u.submitted_at_ms AS submittedAtMs, u.due_at_ms AS dueAtMs, u.target_ms AS targetMs, u.failed_at_ms AS failedAtMs, u.error,
  CASE WHEN u.done_at_ms IS NOT NULL THEN
    (SELECT max(at_ms) FROM waits w WHERE w.submission_id = u.id AND w.kind = 'repair') END AS repairedAtMs`;
/** The four states are those of the index. */
const WAITING = `
  SELECT ${COLUMNS} FROM submissions u
  WHERE u.state IN ('pending', 'waiting', 'inProgress', 'uncertain') AND u.state <> 'inProgress'
    AND (u.submitted_at_ms, u.id) > (@at, @id) AND ${IN_SCOPE}
  ORDER BY u.submitted_at_ms, u.id LIMIT @limit`;
const FAILED = `
  SELECT ${COLUMNS} FROM submissions u
  WHERE u.state = 'failed' AND (u.failed_at_ms, u.id) > (@at, @id) AND ${IN_SCOPE}
  ORDER BY u.failed_at_ms, u.id LIMIT @limit`;
const STEPS = `
  SELECT name, entity, state, action, crm_id AS crmId FROM steps
  WHERE submission_id = ? AND dropped = 0 ORDER BY position, id`;

type RawUnfinished = Omit<Unfinished, "written" | "records" | "open" | "error"> & { error: string | null };
type Part = "waiting" | "failed";

/** First what waits, oldest first; then what failed, as it failed. */
export function unfinished(store: Store, scope: CheckScope, after: string | null, limit: number): Page<Unfinished> {
  return store.read(() => {
    const start = after === null ? ["waiting", Number.MIN_SAFE_INTEGER, 0] : JSON.parse(after);
    const [part, at, id] = start as [Part, number, number];
    const values = { ...scopeValues(scope), at, id, limit };
    const rows = store.all<RawUnfinished>(part === "waiting" ? WAITING : FAILED, values);
    const last = rows.at(-1);
    const page = rows.map((row) => withSteps(store, row));
    if (last === undefined || rows.length < limit) {
      const failed = JSON.stringify(["failed", Number.MIN_SAFE_INTEGER, 0]);
      return { rows: page, next: part === "waiting" ? failed : null };
    }
    const behind = part === "waiting" ? last.submittedAtMs : last.failedAtMs;
    return { rows: page, next: JSON.stringify([part, behind, last.submissionId]) };
  });
}

interface RawStep {
  name: StepName;
  entity: Entity;
  state: StepState;
  action: string | null;
  crmId: CrmId | null;
}

function withSteps(store: Store, { error, ...row }: RawUnfinished): Unfinished {
  const steps = store.all<RawStep>(STEPS, row.submissionId);
  const written = steps.filter(({ state, action }) => state === "done" && action !== "match");
  return {
    ...row,
    written: written.map(({ name }) => name),
    records: written.flatMap(({ entity, crmId }) => (crmId === null ? [] : [{ entity, crmId }])),
    open: steps.filter(({ state }) => state !== "done").map(({ name }) => name),
    error: parseError(error),
  };
}

const REJECTS = `
  SELECT id, kind, source, key, file, line, reason, created_at_ms AS createdAtMs FROM rejects
  WHERE closed_at_ms IS NULL AND id > @id AND created_at_ms >= @sinceMs AND created_at_ms < @untilMs
    AND (@source IS NULL OR source = @source)
  ORDER BY id LIMIT @limit`;

export function openRejects(store: Store, scope: CheckScope, after: string | null, limit: number): Page<OpenReject> {
  const values = { ...scopeValues(scope), id: Number(after ?? 0), limit };
  const rows = store.all<Omit<OpenReject, "id"> & { id: number }>(REJECTS, values);
  const last = rows.at(-1);
  return {
    rows: rows.map((row) => ({ ...row, id: String(row.id) })),
    next: last !== undefined && rows.length === limit ? String(last.id) : null,
  };
}
