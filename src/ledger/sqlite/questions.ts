/** What people ask about submissions and rejects. */
import { isOfCause } from "../../domain/cause.ts";
import type { IdentityKey } from "../../domain/identity.ts";
import type { RunId, SubmissionId } from "../../domain/ids.ts";
import type { Attempt, FailedFilter, FailedRow, RejectRow, Story } from "../rows.ts";
import { ofBoth } from "./of-person.ts";
import type { Store } from "./store.ts";
import { loadSubmission, parseError } from "./submission-rows.ts";

/** Answers to `show`: more than this many of one person are not listed. */
const NAMES_MAX = 200;

const ATTEMPT = `r.begun_at_ms AS at, r.method, r.route AS path, r.status, r.tokens, r.latency_ms AS latencyMs`;

export function story(store: Store, id: SubmissionId): Story | null {
  return store.read(() => {
    const submission = loadSubmission(store, id);
    if (submission === null) return null;
    const origin = store.one<{ raw: string | null; runId: RunId }>(
      "SELECT raw, run_id AS runId FROM submissions WHERE id = ?",
      id,
    )!;
    const steps = submission.steps.map((step) => ({
      ...step,
      history: store.all<Attempt>(
        `SELECT ${ATTEMPT}, a.outcome, a.error FROM attempts a JOIN requests r ON r.id = a.request_id
         WHERE a.step_id = ? ORDER BY r.id`,
        step.id,
      ),
    }));
    return {
      submission: { ...submission, raw: origin.raw, runIds: runsOf(store, id, origin.runId) },
      steps,
      lookups: store.all<Attempt>(
        `SELECT ${ATTEMPT}, r.outcome, r.error FROM lookups l JOIN requests r ON r.id = l.request_id
         WHERE l.submission_id = ? ORDER BY r.id`,
        id,
      ),
      waits: store.all<Story["waits"][number]>(
        "SELECT at_ms AS atMs, kind, until_ms AS untilMs, detail FROM waits WHERE submission_id = ? ORDER BY id",
        id,
      ),
      replaced: store.all<Story["replaced"][number]>(
        `SELECT replaced_at_ms AS atMs, replaced_by AS by, content, raw FROM revisions
         WHERE submission_id = ? ORDER BY replaced_at_ms`,
        id,
      ),
    };
  });
}

/** The run that took it in, and those that sent something for it. */
function runsOf(store: Store, id: SubmissionId, origin: RunId): RunId[] {
  const rows = store.all<{ runId: RunId }>(
    `SELECT run_id AS runId FROM requests WHERE id IN
       (SELECT a.request_id FROM attempts a JOIN steps s ON s.id = a.step_id WHERE s.submission_id = @id
        UNION SELECT request_id FROM lookups WHERE submission_id = @id)`,
    { id },
  );
  return [...new Set([origin, ...rows.map((row) => row.runId)])].sort((a, b) => a - b);
}

interface Named {
  id: SubmissionId;
  source: string;
  key: string;
}

const NAMED = "SELECT s.id, s.source, s.key FROM submission_names n JOIN submissions s ON s.id = n.submission_id";
const OF_KEY = `
  ${ofBoth(`SELECT s.id, s.source, s.key, k.submitted_at_ms AS atMs
    FROM submission_keys k JOIN submissions s ON s.id = k.submission_id WHERE k.key = @key`)}
  ORDER BY atMs DESC LIMIT ${NAMES_MAX}`;

/** A source's name may hold a slash, and so may a key: every split is tried. */
export function findByName(store: Store, text: string, identityKeys: readonly IdentityKey[]): Named[] {
  return store.read(() => {
    const found = new Map<SubmissionId, Named>();
    const add = (rows: Named[]): void => {
      for (const { id, source, key } of rows) found.set(id, { id, source, key });
    };
    for (let at = text.indexOf("/"); at >= 0; at = text.indexOf("/", at + 1)) {
      const sql = `${NAMED} WHERE n.source = ? AND n.key = ?`;
      add(store.all<Named>(sql, text.slice(0, at), text.slice(at + 1)));
    }
    add(store.all<Named>(`${NAMED} WHERE n.key = ? LIMIT ${NAMES_MAX}`, text));
    for (const key of identityKeys) {
      add(store.all<Named>(OF_KEY, { key }));
    }
    const newest = "SELECT submitted_at_ms AS at FROM submissions WHERE id = ?";
    const times = new Map([...found.keys()].map((id) => [id, store.one<{ at: number }>(newest, id)!.at]));
    return [...found.values()].sort((a, b) => times.get(b.id)! - times.get(a.id)! || b.id - a.id);
  });
}

const FAILED = `
  SELECT id, source, key, error, failed_at_ms AS failedAtMs, json_extract(content, '$.person.email') AS email,
    (SELECT sample_id FROM retry_samples WHERE id = submissions.sample_of) AS sampleId,
    (SELECT name FROM steps WHERE submission_id = submissions.id AND state <> 'done' AND dropped = 0
      ORDER BY state <> 'failed', position LIMIT 1) AS step
  FROM submissions
  WHERE state = 'failed' AND failed_at_ms >= coalesce(@sinceMs, 0) AND (@cause IS NULL OR error_code IN (@cause, @code))
    AND (@source IS NULL OR source = @source) AND (@ids IS NULL OR id IN (SELECT value FROM json_each(@ids)))
  ORDER BY failed_at_ms, id LIMIT coalesce(@limit, -1)`;

export function failed(store: Store, filter: FailedFilter): FailedRow[] {
  const rows = store.all<Omit<FailedRow, "error"> & { error: string | null }>(FAILED, {
    ids: filter.ids === undefined ? null : JSON.stringify(filter.ids),
    cause: filter.cause ?? null,
    code: filter.cause?.split(":")[0] ?? null,
    source: filter.source ?? null,
    sinceMs: filter.sinceMs ?? null,
    limit: filter.cause === undefined ? (filter.limit ?? null) : null,
  });
  const unknown = { code: "UNKNOWN", message: "No cause was recorded." };
  const found = rows.map((row) => ({ ...row, error: parseError(row.error) ?? unknown }));
  const { cause } = filter;
  return cause === undefined ? found : found.filter((row) => isOfCause(row.error, cause)).slice(0, filter.limit);
}

interface RawReject extends Omit<RejectRow, "id" | "origin"> {
  id: number;
  file: string;
  line: number | null;
}

const REJECT = `SELECT id, kind, source, key, file, line, reason, raw, created_at_ms AS createdAtMs FROM rejects
  WHERE closed_at_ms IS NULL`;

/** The open ones, oldest first. */
export function rejects(store: Store, limit: number): { total: number; rows: RejectRow[] } {
  return store.read(() => {
    const { total } = store.one<{ total: number }>("SELECT coalesce(sum(n), 0) AS total FROM reject_counts")!;
    return { total, rows: store.all<RawReject>(`${REJECT} ORDER BY id LIMIT ?`, limit).map(rejectRow) };
  });
}

export function findReject(store: Store, id: string): RejectRow | null {
  const row = store.one<RawReject>(`${REJECT} AND id = CAST(@id AS INTEGER) AND CAST(id AS TEXT) = @id`, { id });
  return row === undefined ? null : rejectRow(row);
}

function rejectRow({ id, file, line, ...row }: RawReject): RejectRow {
  return { ...row, id: String(id), origin: { file, line } };
}
