/** Takes records of the CRM as the records of a chain's steps. */
import type { SubmissionId } from "../../domain/ids.ts";
import type { RepairOrder, RepairVerdict } from "../checks.ts";
import { HELD_BACK_UNTIL_MS } from "../rows.ts";
import type { Takeover } from "../takeover.ts";
import { backToQueue, findNamed, isSetAside, noteRepair, type RepairContext, type Repaired } from "./back-to-queue.ts";
import { unkeepKeys } from "./leases.ts";
import { IS_NAME_TAKEN } from "./named.ts";
import { insertShell } from "./shells.ts";
import type { Store } from "./store.ts";

type Adoption = Extract<RepairOrder, { type: "adopt" }>;

export interface KnownStep {
  id: number;
  name: string;
  state: string;
  crmId: string | null;
}

export const KNOWN_STEPS = "SELECT id, name, state, crm_id AS crmId FROM steps WHERE submission_id = ?";

export function adopt(store: Store, { run, nowMs }: RepairContext, order: Adoption): RepairVerdict {
  const submission = findNamed(store, order.source, order.key);
  if (submission === undefined) {
    // On its way in with a large import: known in a moment.
    if (store.one(IS_NAME_TAKEN, order.source, order.key) !== undefined) return "busy";
    const id = insertShell(store, run, order, nowMs);
    takeRecords(store, id, order, new Map());
    noteRepair(store, id, nowMs, order.explanation);
    return "done";
  }
  if (submission.state === "inProgress") return "busy";
  const known = new Map(store.all<KnownStep>(KNOWN_STEPS, submission.id).map((step) => [step.name, step]));
  for (const { name, crmId } of order.records) {
    const step = known.get(name);
    if (step?.state === "done" && step.crmId !== crmId) return "changed";
    // The vendor still works on it.
    if (step?.state === "pending" || step?.state === "begun") return "busy";
  }
  takeRecords(store, submission.id, order, known);
  return goOn(store, submission, nowMs, order.explanation);
}

const INSERT = `
  INSERT INTO steps (submission_id, name, entity, position, state, action, idempotency_key, crm_id, explanation, content)
  VALUES (@id, @name, @entity, (SELECT count(*) FROM steps WHERE submission_id = @id AND name NOT GLOB 'repair.*'), 'done',
    'adopt', @idempotencyKey, @crmId, @explanation, '{"values":{},"onMatch":"keep"}')`;
const TAKE = `
  UPDATE steps SET state = 'done', action = 'adopt', crm_id = @crmId, sent = NULL, lost_at_ms = NULL, probes = 0,
    handle = NULL, error = NULL, dropped = 0, explanation = @explanation
  WHERE id = @step`;

/** What is done already stays as it is. */
export function takeRecords(
  store: Store,
  id: SubmissionId,
  order: Pick<Adoption, "source" | "key" | "explanation"> & Pick<Takeover, "records">,
  known: ReadonlyMap<string, KnownStep>,
): void {
  const { source, key, explanation } = order;
  for (const { name, entity, crmId } of order.records) {
    const step = known.get(name);
    if (step?.state === "done") continue;
    if (step !== undefined) store.run(TAKE, { step: step.id, crmId, explanation });
    else store.run(INSERT, { id, name, entity, crmId, explanation, idempotencyKey: `${source}/${key}#${name}` });
  }
}

/** A submission that is not done writes the rest of its chain. */
function goOn(store: Store, submission: Repaired, nowMs: number, why: string): RepairVerdict {
  const { id, state, dueAtMs } = submission;
  if (state === "done" || isSetAside(submission) || (state === "waiting" && dueAtMs === HELD_BACK_UNTIL_MS)) {
    noteRepair(store, id, nowMs, why);
    return "done";
  }
  const doubtful = "SELECT 1 FROM steps WHERE submission_id = ? AND state = 'uncertain' AND dropped = 0 LIMIT 1";
  if (state !== "uncertain" || store.one(doubtful, id) !== undefined) {
    backToQueue(store, submission, nowMs, why);
    return "queued";
  }
  // What it was uncertain of is there: nothing has to be looked for any more.
  unkeepKeys(store, id);
  store.run("UPDATE submissions SET state = 'waiting' WHERE id = ?", id);
  backToQueue(store, { ...submission, state: "waiting" }, nowMs, why);
  return "queued";
}
