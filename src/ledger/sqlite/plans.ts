/** Puts plans in: written steps keep their content, open and failed ones take the new one. */
import type { PlannedStep, Step, StepContent, StepState } from "../../domain/chain.ts";
import type { StepId, SubmissionId } from "../../domain/ids.ts";
import type { ChainPlan } from "../rows.ts";
import type { Store } from "./store.ts";
import { loadSteps } from "./submission-rows.ts";

interface KnownStep {
  id: StepId;
  name: string;
  state: StepState;
  dropped: number;
}

export function savePlan(store: Store, plan: ChainPlan): Step[] {
  const id = plan.submissionId;
  const rows = store.all<KnownStep>("SELECT id, name, state, dropped FROM steps WHERE submission_id = ?", id);
  if (rows.length === 0) return firstPlan(store, id, plan.steps);
  const known = new Map(rows.map((row) => [row.name, row]));
  plan.steps.forEach((step, position) => {
    const row = known.get(step.name);
    if (row === undefined) insertStep(store, id, step, position);
    else if (isOpen(row) || row.dropped === 1) replaceStep(store, row.id, step, position);
    else store.run("UPDATE steps SET position = ? WHERE id = ?", position, row.id);
    known.delete(step.name);
  });
  // What the new plan has no use for; the rows stay for their attempts.
  for (const row of known.values()) {
    // No plan has them; what failed of them is tried again with the rest.
    if (row.name.startsWith("repair.")) store.run(REPAIR_AGAIN, row.id);
    else if (isOpen(row)) store.run("UPDATE steps SET dropped = 1 WHERE id = ?", row.id);
  }
  store.run(PLANNED, id);
  return loadSteps(store, id);
}

const PLANNED = "UPDATE submissions SET planned = 1 WHERE id = ?";

/** What nearly every submission gets, once: its rows are known without being read again. */
function firstPlan(store: Store, submissionId: SubmissionId, planned: readonly PlannedStep[]): Step[] {
  store.run(PLANNED, submissionId);
  return planned.map((step, position) => {
    const { id, content } = insertStep(store, submissionId, step, position);
    const { name, entity, idempotencyKey } = step;
    return {
      ...{ id, submissionId, name, entity, position, state: "open" as const, action: null, idempotencyKey },
      ...{ crmId: null, attempts: 0, lostAtMs: null, sentAtMs: null, probes: 0, handle: null, explanation: null },
      ...{ error: null, content },
    };
  });
}

const REPAIR_AGAIN = `
  UPDATE steps SET state = 'open', action = NULL, crm_id = NULL, attempts = 0, error = NULL
  WHERE id = ? AND state = 'failed'`;

const isOpen = (row: KnownStep): boolean => row.state === "open" || row.state === "failed";

/** Gives the content as the row has it. */
function insertStep(
  store: Store,
  id: SubmissionId,
  step: PlannedStep,
  position: number,
): { id: StepId; content: StepContent } {
  const content = JSON.stringify(step.content);
  const inserted = store.run(
    `INSERT INTO steps (submission_id, name, entity, position, state, idempotency_key, content)
     VALUES (?, ?, ?, ?, 'open', ?, ?)`,
    id,
    step.name,
    step.entity,
    position,
    step.idempotencyKey,
    content,
  );
  return { id: inserted.id as StepId, content: JSON.parse(content) as StepContent };
}

function replaceStep(store: Store, id: StepId, step: PlannedStep, position: number): void {
  store.run(
    `UPDATE steps SET entity = ?, position = ?, state = 'open', action = NULL, idempotency_key = ?, crm_id = NULL,
       attempts = 0, sent_at_ms = NULL, lost_at_ms = NULL, probes = 0, handle = NULL, explanation = NULL, error = NULL,
       dropped = 0, sent = NULL, content = ?
     WHERE id = ?`,
    step.entity,
    position,
    step.idempotencyKey,
    JSON.stringify(step.content),
    id,
  );
}
