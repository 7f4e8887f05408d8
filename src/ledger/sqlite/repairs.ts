/** Carries out what `reconcile --repair` asks for: into the ordinary queue or, where nothing must be sent, at once. */
import type { Entity } from "../../domain/catalog.ts";
import type { AccountId, CrmId, RunId, StepId, SubmissionId } from "../../domain/ids.ts";
import type { RepairOrder, RepairVerdict } from "../checks.ts";
import { HELD_BACK_UNTIL_MS } from "../rows.ts";
import { adopt } from "./adoption.ts";
import { backToQueue, findRepaired, isSetAside, type RepairContext } from "./back-to-queue.ts";
import { dropRecord } from "./mirror.ts";
import type { Store } from "./store.ts";

type Order<Type extends RepairOrder["type"]> = Extract<RepairOrder, { type: Type }>;

const ORDERED = `
  SELECT c.run_id AS run FROM discrepancies d JOIN checks c ON c.id = d.last_check_id
  WHERE d.id = CAST(@id AS INTEGER) AND CAST(d.id AS TEXT) = @id AND d.state IN ('new', 'open', 'accepted')`;
const COUNT = "UPDATE discrepancies SET repairs = repairs + ?, repair_queued_at_ms = ? WHERE id = CAST(? AS INTEGER)";

export function queueRepairs(
  store: Store,
  account: AccountId,
  repairs: readonly { discrepancyId: string; order: RepairOrder }[],
  nowMs: number,
): RepairVerdict[] {
  const counted = new Set<string>();
  return repairs.map(({ discrepancyId: id, order }) => {
    if (order.type === "follow" && store.one(ORDERED, { id }) !== undefined) followInParts(store, order);
    return store.write(() => {
      const ordered = store.one<{ run: RunId }>(ORDERED, { id });
      if (ordered === undefined) return "changed";
      const verdict = carryOut(store, { account, run: ordered.run, nowMs }, order);
      if (verdict === "queued" || verdict === "done") {
        // Several orders of one repair, such as each extra note of a merge, count once.
        store.run(COUNT, counted.has(id) ? 0 : 1, nowMs, id);
        counted.add(id);
      }
      return verdict;
    });
  });
}

function carryOut(store: Store, context: RepairContext, order: RepairOrder): RepairVerdict {
  switch (order.type) {
    case "ingested":
      return "done";
    case "resume":
      return resume(store, context, order.submissionId);
    case "follow":
      return follow(store, context, order);
    case "adopt":
      return adopt(store, context, order);
    case "recreate":
      return recreate(store, context, order);
    case "write":
      return write(store, context, order);
  }
}

function resume(store: Store, { nowMs }: RepairContext, id: SubmissionId): RepairVerdict {
  const submission = findRepaired(store, id);
  switch (submission?.state) {
    case "inProgress":
      return "busy";
    // It goes on by itself.
    case "pending":
    case "uncertain":
      return "queued";
    case "waiting":
      if (submission.dueAtMs === HELD_BACK_UNTIL_MS) return "changed";
      break;
    case "failed":
      break;
    default:
      return "changed";
  }
  backToQueue(store, submission, nowMs, "put back in the queue by reconcile, to write what is left of its chain");
  return "queued";
}

/** Steps that one transaction moves: very many may be on one organization. */
const FOLLOW_ROWS = 500;
const ON_RECORD = "FROM steps WHERE entity = @entity AND crm_id = @from AND state = 'done'";
const WORKED_ON = `SELECT 1 FROM submissions WHERE state = 'inProgress'
  AND id IN (SELECT submission_id ${ON_RECORD}) LIMIT 1`;
const MOVE = `
  UPDATE steps SET crm_id = @to, explanation = trim(coalesce(explanation, '') || ' ' || @why)
  WHERE id IN (SELECT id ${ON_RECORD} LIMIT ${FOLLOW_ROWS})`;

interface Following {
  [name: string]: string;
  entity: Entity;
  from: CrmId;
  to: CrmId;
  why: string;
}

function following({ entity, from, to }: Order<"follow">): Following {
  return { entity, from, to, why: `Its record ${from} was merged into ${to} at the CRM.` };
}

/** All but the last part, so that the write lock is never held for long. What was moved needs no second move. */
function followInParts(store: Store, order: Order<"follow">): void {
  const values = following(order);
  if (order.from === order.to || store.one(WORKED_ON, values) !== undefined) return;
  const more = `SELECT count(*) AS n FROM (SELECT 1 ${ON_RECORD} LIMIT ${FOLLOW_ROWS + 1})`;
  while (store.one<{ n: number }>(more, values)!.n > FOLLOW_ROWS) {
    if (store.write(() => store.run(MOVE, values).changes) === 0) return;
  }
}

function follow(store: Store, { account }: RepairContext, order: Order<"follow">): RepairVerdict {
  const values = following(order);
  if (order.from === order.to) return "changed";
  if (store.one(WORKED_ON, values) !== undefined) return "busy";
  if (store.run(MOVE, values).changes === 0) return "changed";
  dropRecord(store, account, order.entity, order.from);
  return "done";
}

const DONE_STEP = `
  SELECT submission_id AS submissionId, entity FROM steps
  WHERE id = ? AND crm_id = ? AND state = 'done' AND dropped = 0 AND name NOT GLOB 'repair.*'`;
const FORGET = `
  UPDATE steps SET state = 'open', action = NULL, crm_id = NULL, sent = NULL, attempts = 0, sent_at_ms = NULL,
    lost_at_ms = NULL, probes = 0, handle = NULL, error = NULL,
    explanation = 'Its record ' || crm_id || ' was not at the CRM any more; reconcile has it made again.'
  WHERE id = ?`;

const OWN_DEAL = `
  SELECT crm_id AS crmId FROM steps
  WHERE submission_id = ? AND name = 'deal' AND state = 'done' AND dropped = 0 AND action IN ('create', 'adopt')`;

function recreate(store: Store, context: RepairContext, order: Order<"recreate">): RepairVerdict {
  const { account, nowMs } = context;
  const { stepId, crmId } = order;
  const step = store.one<{ submissionId: SubmissionId; entity: Entity }>(DONE_STEP, stepId, crmId);
  const submission = step === undefined ? undefined : findRepaired(store, step.submissionId);
  if (step === undefined || submission === undefined) return "changed";
  // Of a record that was only adopted, or whose payload is gone, nothing is known that could be written.
  if (isSetAside(submission) || submission.isErased) return "changed";
  if (submission.state === "inProgress") return "busy";
  if (step.entity === "person" || step.entity === "organization") rehang(store, context, submission.id);
  store.run(FORGET, stepId);
  dropRecord(store, account, step.entity, crmId);
  backToQueue(
    store,
    submission,
    nowMs,
    `put back in the queue by reconcile: its ${step.entity} ${crmId} is made again`,
  );
  return "queued";
}

/** The chain's deal hangs on the record that is gone: it follows once that is made again. */
function rehang(store: Store, context: RepairContext, submissionId: SubmissionId): void {
  const deal = store.one<{ crmId: CrmId }>(OWN_DEAL, submissionId);
  if (deal === undefined) return;
  const repair = { do: "overwrite" as const, target: deal.crmId, links: "chain" as const };
  write(store, context, {
    type: "write",
    submissionId,
    entity: "deal",
    content: { values: {}, onMatch: "overwrite", repair },
  });
}

const REPAIRS = `
  SELECT id, CAST(substr(name, 8) AS INTEGER) AS number, state, content FROM steps
  WHERE submission_id = ? AND name GLOB 'repair.*' ORDER BY number`;
/** Behind every step of a chain, whatever a later plan adds. */
const REPAIR_POSITION = 1_000_000;
const INSERT = `
  INSERT INTO steps (submission_id, name, entity, position, state, idempotency_key, content)
  VALUES (@id, @name, @entity, @position, 'open', @idempotencyKey, @content)`;

function write(store: Store, { nowMs }: RepairContext, order: Order<"write">): RepairVerdict {
  const submission = findRepaired(store, order.submissionId);
  if (submission === undefined || isSetAside(submission)) return "changed";
  if (submission.state === "inProgress") return "busy";
  const { id, source, key } = submission;
  const known = store.all<{ id: StepId; number: number; state: string; content: string }>(REPAIRS, id);
  const content = JSON.stringify(order.content);
  // Asked for twice before it was carried out.
  if (known.some((step) => step.content === content && step.state !== "done" && step.state !== "failed"))
    return "queued";
  const number = (known.at(-1)?.number ?? 0) + 1;
  store.run(INSERT, {
    id,
    name: `repair.${number}`,
    entity: order.entity,
    position: REPAIR_POSITION + number,
    idempotencyKey: `${source}/${key}#repair.${number}`,
    content,
  });
  const { do: what, target } = order.content.repair;
  backToQueue(store, submission, nowMs, `put back in the queue by reconcile, to ${what} the ${order.entity} ${target}`);
  return "queued";
}
