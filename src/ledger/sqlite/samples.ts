/** Samples of retries: one of a cause is sent first, and what becomes of the rest is told by its end. */
import { isOfCause } from "../../domain/cause.ts";
import type { SubmissionId } from "../../domain/ids.ts";
import type { SubmissionState } from "../../domain/submission.ts";
import type { Replacement } from "../replaced.ts";
import type { Now } from "../rows.ts";
import type { RetrySample, SampledRow, SampleOutcome, SampleRequest, SampleSent } from "../samples.ts";
import { note, requeueOne } from "./decisions.ts";
import type { Store } from "./store.ts";
import { parseError } from "./submission-rows.ts";

/** Rows that one transaction moves. */
const CHUNK = 200;

const UNDER_WAY: readonly SubmissionState[] = ["pending", "waiting", "inProgress", "uncertain"];

const OPEN = `
  SELECT r.id, r.sample_id AS sampleId, s.source, s.key FROM retry_samples r JOIN submissions s ON s.id = r.sample_id
  WHERE r.cause = ? AND s.state IN ('pending', 'waiting', 'inProgress', 'uncertain', 'done') ORDER BY r.id LIMIT 1`;
const WAITABLE = "SELECT 1 FROM submissions WHERE id = ? AND state = 'failed' AND sample_of IS NULL";
const MARK = "UPDATE submissions SET sample_of = ? WHERE id = ? AND state = 'failed' AND sample_of IS NULL";

interface Opened {
  id: number;
  sampleId: SubmissionId;
  source: string;
  key: string;
}

export function sendSample(store: Store, request: SampleRequest, now: Now): SampleSent {
  return store.write(() => {
    const free = request.ids.filter((id) => store.one(WAITABLE, id) !== undefined);
    const open = store.one<Opened>(OPEN, request.cause);
    if (open === undefined && free.length < 2) return sendAlone(store, request, free, now);
    const sample = open ?? openSample(store, request, free, now);
    const rest = open === undefined ? free.slice(1) : free;
    for (const id of rest) {
      store.run(MARK, sample.id, id);
      note(store, id, "sample", `waits for the sample ${sample.source}/${sample.key} of its cause`, now);
    }
    return { sampleId: sample.sampleId, sent: open === undefined ? sample.sampleId : null, waiting: rest.length };
  });
}

/** Nothing would wait for it: it is nobody's sample. */
function sendAlone(store: Store, request: SampleRequest, [only]: readonly SubmissionId[], now: Now): SampleSent {
  if (only !== undefined) requeueFirst(store, request, only, now);
  return { sampleId: null, sent: only ?? null, waiting: 0 };
}

/** The content was made for the one that the caller meant; where that is gone meanwhile the next one keeps its own. */
function requeueFirst(store: Store, { ids, content, by }: SampleRequest, first: SubmissionId, now: Now): void {
  requeueOne(store, first, first === ids[0] ? (content ?? undefined) : undefined, now, by);
}

function openSample(store: Store, request: SampleRequest, free: readonly SubmissionId[], now: Now): Opened {
  const { cause, by } = request;
  const first = free[0]!;
  requeueFirst(store, request, first, now);
  const { source, key } = store.one<SampledRow>("SELECT id, source, key FROM submissions WHERE id = ?", first)!;
  const { id } = store.run(
    "INSERT INTO retry_samples (cause, sample_id, asked_by, created_at_ms) VALUES (?, ?, ?, ?)",
    cause,
    first,
    by,
    Math.round(now.wallMs),
  );
  note(store, first, "sample", `goes first, as the sample of ${cause}`, now);
  return { id, sampleId: first, source, key };
}

const SAMPLES = `
  SELECT r.id, r.cause, r.sample_id AS sampleId, r.asked_by AS by, r.created_at_ms AS createdAtMs, r.settled,
    s.source, s.key, s.state, s.error,
    (SELECT count(*) FROM submissions w WHERE w.sample_of = r.id) AS waiting
  FROM retry_samples r JOIN submissions s ON s.id = r.sample_id ORDER BY r.id`;

interface SampleRow extends RetrySample {
  id: number;
  settled: number;
  error: string | null;
}

export function samples(store: Store): RetrySample[] {
  return store.all<SampleRow>(SAMPLES).map(({ id, settled, error, ...sample }) => sample);
}

const SAMPLED = `
  SELECT w.id, w.source, w.key
  FROM retry_samples r JOIN submissions s ON s.id = r.sample_id JOIN submissions w ON w.sample_of = r.id
  WHERE s.state = 'done' ORDER BY r.id, w.id LIMIT ?`;

export function sampled(store: Store, limit: number): SampledRow[] {
  return store.all<SampledRow>(SAMPLED, limit);
}

export function settleSamples(
  store: Store,
  now: Now,
  ready: ReadonlyMap<SubmissionId, Replacement | null>,
): SampleOutcome[] {
  const ended = store.all<SampleRow>(SAMPLES).filter(({ state }) => !UNDER_WAY.includes(state));
  return ended.flatMap((sample) => {
    const end = endOf(sample);
    if (end === "done") requeueReady(store, sample, now, ready);
    else while (letGoChunk(store, sample, end, now) === CHUNK);
    return conclude(store, sample, end) ?? [];
  });
}

function endOf({ state, error, cause }: SampleRow): SampleOutcome["end"] {
  if (state === "done") return "done";
  const failure = state === "failed" ? parseError(error) : null;
  if (failure === null) return "setAside";
  return isOfCause(failure, cause) ? "failed" : "otherCause";
}

const MARKED = `SELECT 1 FROM submissions WHERE id = ? AND sample_of = ? AND state = 'failed'
  AND (SELECT state FROM submissions WHERE id = ?) = 'done'`;
const SETTLED = "UPDATE retry_samples SET settled = settled + ? WHERE id = ?";

function requeueReady(
  store: Store,
  sample: SampleRow,
  now: Now,
  ready: ReadonlyMap<SubmissionId, Replacement | null>,
): void {
  const entries = [...ready];
  for (let from = 0; from < entries.length; from += CHUNK) {
    store.write(() => {
      const chunk = entries
        .slice(from, from + CHUNK)
        .filter(([id]) => store.one(MARKED, id, sample.id, sample.sampleId) !== undefined);
      for (const [id, content] of chunk) requeueOne(store, id, content ?? undefined, now, sample.by);
      store.run(SETTLED, chunk.length, sample.id);
    });
  }
}

const WHY = { failed: "failed again", otherCause: "failed for another cause", setAside: "was set aside" };
const WAITING = `SELECT id FROM submissions
  WHERE sample_of = ? AND (SELECT state FROM submissions WHERE id = ?) IN ('failed', 'dropped') ORDER BY id LIMIT ${CHUNK}`;

function letGoChunk(
  store: Store,
  { id: sampleNo, sampleId, source, key }: SampleRow,
  end: keyof typeof WHY,
  now: Now,
): number {
  return store.write(() => {
    const rows = store.all<{ id: SubmissionId }>(WAITING, sampleNo, sampleId);
    for (const { id } of rows) {
      store.run("UPDATE submissions SET sample_of = NULL WHERE id = ?", id);
      note(store, id, "sample", `stays failed: the sample ${source}/${key} ${WHY[end]}`, now);
    }
    store.run(SETTLED, rows.length, sampleNo);
    return rows.length;
  });
}

const CONCLUDE = `
  DELETE FROM retry_samples WHERE id = @id AND NOT EXISTS (SELECT 1 FROM submissions WHERE sample_of = @id)
    AND (SELECT state FROM submissions WHERE id = sample_id) = @state
  RETURNING settled`;

/** Told by the one that took the row away, and by nobody else. */
function conclude(store: Store, sample: SampleRow, end: SampleOutcome["end"]): SampleOutcome | undefined {
  const { id, cause, source, key, state, error } = sample;
  const gone = store.write(() => store.one<{ settled: number }>(CONCLUDE, { id, state }));
  if (gone === undefined) return undefined;
  const code = end === "failed" || end === "otherCause" ? (parseError(error)?.code ?? null) : null;
  return { cause, source, key, end, code, rest: gone.settled };
}
