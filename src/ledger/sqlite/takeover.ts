/** What an earlier script wrote becomes the record of a submission's steps. */
import type { RunId, SubmissionId } from "../../domain/ids.ts";
import { HELD_BACK_UNTIL_MS, type Now } from "../rows.ts";
import type { Takeover, TakeoverVerdict } from "../takeover.ts";
import { KNOWN_STEPS, type KnownStep, takeRecords } from "./adoption.ts";
import { findNamed, noteRepair, type Repaired } from "./back-to-queue.ts";
import type { Store } from "./store.ts";

/** Submissions of one transaction: it must not hold the write lock for 50 ms. */
const CHUNK = 50;

export function takeOver(store: Store, run: RunId, takeovers: readonly Takeover[], now: Now): TakeoverVerdict[] {
  const verdicts: TakeoverVerdict[] = [];
  for (let from = 0; from < takeovers.length; from += CHUNK) {
    const chunk = takeovers.slice(from, from + CHUNK);
    verdicts.push(...store.write(() => chunk.map((takeover) => takeOverOne(store, run, takeover, now.wallMs))));
  }
  return verdicts;
}

function takeOverOne(store: Store, run: RunId, takeover: Takeover, nowMs: number): TakeoverVerdict {
  const submission = findNamed(store, takeover.source, takeover.key);
  const obstacle = obstacleOf(submission);
  if (submission === undefined || obstacle !== null) return obstacle ?? "changed";
  const { id } = submission;
  const known = new Map(store.all<KnownStep>(KNOWN_STEPS, id).map((step) => [step.name, step]));
  const taken = new Map(takeover.records.map(({ name, crmId }) => [name as string, crmId]));
  for (const step of known.values()) {
    if (step.state === "open" || step.state === "failed") continue;
    // Written by this ledger, or on its way.
    if (step.state !== "done" || taken.get(step.name) !== step.crmId) return "changed";
  }
  takeRecords(store, id, takeover, known);
  addWrites(store, submission, takeover);
  if (takeover.rest === "leave") store.run(DROP, id);
  const kept = takeover.rest === "keep";
  const queued = !kept && (takeover.rest === "write" || takeover.writes.length > 0);
  store.run(MOVE, {
    id,
    run,
    nowMs,
    state: kept ? "history" : queued ? "pending" : "done",
    planned: takeover.rest === "leave" ? 1 : 0,
    doneAtMs: takeover.rest === "leave" ? Math.round(takeover.deliveredAtMs ?? nowMs) : null,
  });
  noteRepair(store, id, nowMs, takeover.explanation);
  return queued ? "queued" : "done";
}

function obstacleOf(submission: Repaired | undefined): TakeoverVerdict | null {
  switch (submission?.state) {
    case "inProgress":
      return "busy";
    case "history":
    case "pending":
    case "failed":
      return null;
    case "waiting":
      return submission.dueAtMs === HELD_BACK_UNTIL_MS ? "changed" : null;
    default:
      return "changed";
  }
}

const DROP =
  "UPDATE steps SET dropped = 1 WHERE submission_id = ? AND state IN ('open', 'failed') AND name NOT GLOB 'repair.*'";
const MOVE = `
  UPDATE submissions SET state = @state, run_id = @run, planned = @planned, attempts = 0, due_at_ms = @nowMs,
    blocked_until_ms = 0, error = NULL, error_code = NULL, failed_at_ms = NULL, done_at_ms = coalesce(done_at_ms, @doneAtMs)
  WHERE id = @id`;

/** Behind every step of a chain, whatever a later plan adds. */
const WRITE_POSITION = 1_000_000;
const WRITE = `
  INSERT INTO steps (submission_id, name, entity, position, state, idempotency_key, content)
  VALUES (@id, @name, @entity, @position, 'open', @idempotencyKey, @content)
  ON CONFLICT DO NOTHING`;

/** A submission that this ledger wrote nothing of has no other repairs: the same one asked for again is the same row. */
function addWrites(
  store: Store,
  { id, source, key }: { id: SubmissionId; source: string; key: string },
  { writes }: Takeover,
): void {
  for (const [index, { entity, content }] of writes.entries()) {
    const name = `repair.${index + 1}`;
    store.run(WRITE, {
      ...{ id, name, entity },
      position: WRITE_POSITION + index,
      idempotencyKey: `${source}/${key}#${name}`,
      content: JSON.stringify(content),
    });
  }
}
