/** What waits for a hold that does not stand any more is due at once. */
import type { HoldKind } from "../../domain/hold.ts";
import type { SubmissionId } from "../../domain/ids.ts";
import type { Lane } from "../../domain/submission.ts";
import { HELD_BACK_UNTIL_MS, type Now } from "../rows.ts";
import { streams } from "./claim-order.ts";
import type { Store } from "./store.ts";

/** Rows that one transaction moves. */
const CHUNK = 200;

const WAITING = `
  SELECT s.id FROM submissions s
  WHERE s.state = 'waiting' AND s.state IN ('waiting', 'uncertain') AND s.lane = ? AND s.source = ?
    AND s.due_at_ms > ? AND s.due_at_ms < ${HELD_BACK_UNTIL_MS}
    AND (SELECT w.kind FROM waits w WHERE w.submission_id = s.id ORDER BY w.id DESC LIMIT 1) = ?
  LIMIT ${CHUNK}`;

export function endWaits(store: Store, of: { source: string } | { lane: Lane }, kind: HoldKind, now: Now): number {
  const scope = { source: null, lane: null, heldSources: [], heldLanes: [], ...of };
  const lanes = new Map(streams(store, scope, ["waiting"]).map((one) => [`${one.lane} ${one.source}`, one]));
  return [...lanes.values()].reduce((sum, { lane, source }) => sum + endOf(store, lane, source, kind, now.wallMs), 0);
}

function endOf(store: Store, lane: Lane, source: string, kind: HoldKind, wallMs: number): number {
  const nowMs = Math.round(wallMs);
  let moved = 0;
  for (;;) {
    const chunk = store.write(() => {
      const rows = store.all<{ id: SubmissionId }>(WAITING, lane, source, nowMs, kind);
      for (const { id } of rows) store.run("UPDATE submissions SET due_at_ms = ? WHERE id = ?", nowMs, id);
      return rows.length;
    });
    moved += chunk;
    if (chunk < CHUNK) return moved;
  }
}
