/** Puts a submission back into the queue for a repair, with the chain that it has. */
import type { AccountId, RunId, SubmissionId } from "../../domain/ids.ts";
import type { SubmissionState } from "../../domain/submission.ts";
import { HELD_BACK_UNTIL_MS } from "../rows.ts";
import { IS_NAMED } from "./named.ts";
import type { Store } from "./store.ts";

/** Where a repair comes from: the account, the run of the check that found the difference, and the instant. */
export interface RepairContext {
  account: AccountId;
  run: RunId;
  nowMs: number;
}

export interface Repaired {
  id: SubmissionId;
  source: string;
  key: string;
  state: SubmissionState;
  dueAtMs: number;
  contentHash: string;
  /** Its payload was thinned or forgotten, or it never had one: its chain can't be written once more. */
  isErased: 0 | 1;
}

const COLUMNS =
  "id, source, key, state, due_at_ms AS dueAtMs, content_hash AS contentHash, content IS NULL AS isErased";

export function findRepaired(store: Store, id: SubmissionId): Repaired | undefined {
  return store.one<Repaired>(`SELECT ${COLUMNS} FROM submissions WHERE id = ?`, id);
}

export function findNamed(store: Store, source: string, key: string): Repaired | undefined {
  return store.one<Repaired>(`SELECT ${COLUMNS} FROM submissions WHERE ${IS_NAMED}`, source, key);
}

/** What a person set aside, or what is never sent, stays as it is. */
export const isSetAside = ({ state }: Repaired): boolean => state === "dropped" || state === "history";

const REOPEN = `
  UPDATE steps SET state = 'open', action = NULL, crm_id = NULL, attempts = 0, lost_at_ms = NULL, probes = 0, handle = NULL,
    error = NULL
  WHERE submission_id = ? AND state = 'failed' AND dropped = 0`;
const BACK = `
  UPDATE submissions SET state = 'pending', attempts = 0, planned = iif(@reopened = 1 AND content IS NOT NULL, 0, planned),
    due_at_ms = @nowMs, blocked_until_ms = 0, error = NULL, error_code = NULL, failed_at_ms = NULL
  WHERE id = @id AND state IN ('done', 'failed', 'waiting', 'pending')`;

/**
 * Due now, with all its tries; steps that failed are planned anew. One that is uncertain goes on when that is settled, and
 * one that a person holds back stays so.
 */
export function backToQueue(store: Store, submission: Repaired, nowMs: number, why: string): void {
  const { id, state, dueAtMs } = submission;
  if (state !== "uncertain" && !(state === "waiting" && dueAtMs === HELD_BACK_UNTIL_MS)) {
    const reopened = store.run(REOPEN, id).changes > 0 ? 1 : 0;
    store.run(BACK, { id, nowMs, reopened });
  }
  noteRepair(store, id, nowMs, why);
}

/** For `show`. */
export function noteRepair(store: Store, id: SubmissionId, nowMs: number, why: string): void {
  const sql = "INSERT INTO waits (submission_id, at_ms, kind, until_ms, detail) VALUES (?, ?, 'repair', NULL, ?)";
  store.run(sql, id, nowMs, why);
}
