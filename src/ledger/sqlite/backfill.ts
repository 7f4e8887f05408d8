/** Old submissions of a large backlog, kept back until a person lets them go. */
import type { RunId, SubmissionId } from "../../domain/ids.ts";
import { HELD_BACK_UNTIL_MS, type Now } from "../rows.ts";
import type { Store } from "./store.ts";

/** Rows that one transaction moves. */
const CHUNK = 200;

const PENDING = `
  SELECT id FROM submissions
  WHERE state = 'pending' AND lane IN ('operational', 'background') AND source = ? AND run_id = ? AND submitted_at_ms < ?
  LIMIT ${CHUNK}`;

export function holdBack(
  store: Store,
  run: RunId,
  source: string,
  submittedBeforeMs: number,
  now: Now,
  detail: string,
): number {
  let moved = 0;
  for (;;) {
    const chunk = store.write(() => {
      const rows = store.all<{ id: SubmissionId }>(PENDING, source, run, submittedBeforeMs);
      for (const { id } of rows) keepBack(store, id, now.wallMs, detail);
      return rows.length;
    });
    moved += chunk;
    if (chunk < CHUNK) return moved;
  }
}

function keepBack(store: Store, id: SubmissionId, nowMs: number, detail: string): void {
  // Whoever is held back keeps nobody of the same person waiting, by a trigger: the fresh ones flow.
  const move = "UPDATE submissions SET state = 'waiting', due_at_ms = ?, blocked_until_ms = 0 WHERE id = ?";
  store.run(move, HELD_BACK_UNTIL_MS, id);
  const wait = "INSERT INTO waits (submission_id, at_ms, kind, until_ms, detail) VALUES (?, ?, 'backfill', NULL, ?)";
  store.run(wait, id, nowMs, detail);
}

const HELD_BACK = `
  SELECT id FROM submissions
  WHERE state = 'waiting' AND lane IN ('operational', 'background') AND source = ? AND due_at_ms = ${HELD_BACK_UNTIL_MS}
  LIMIT ${CHUNK}`;

export function letGo(store: Store, source: string | null, now: Now): number {
  const waiting =
    "SELECT DISTINCT source FROM queue_counts WHERE state = 'waiting' AND n > 0 AND (@source IS NULL OR source = @source)";
  const sources = store.all<{ source: string }>(waiting, { source });
  return sources.reduce((sum, row) => sum + letGoSource(store, row.source, now.wallMs), 0);
}

function letGoSource(store: Store, source: string, nowMs: number): number {
  let moved = 0;
  for (;;) {
    const chunk = store.write(() => {
      const rows = store.all<{ id: SubmissionId }>(HELD_BACK, source);
      const back = "UPDATE submissions SET state = 'pending', due_at_ms = ? WHERE id = ?";
      for (const { id } of rows) store.run(back, Math.round(nowMs), id);
      return rows.length;
    });
    moved += chunk;
    if (chunk < CHUNK) return moved;
  }
}
