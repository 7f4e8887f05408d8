/**
 * `repair.N` steps: what `reconcile --repair` asked for, after the chain's own steps. One that can't be carried out fails
 * alone: what was delivered stays delivered, and the next check shows the difference again.
 */
import type { FieldedEntity } from "../domain/catalog.ts";
import type { EntityValues, Step, StepAction, StepError, StepRepair } from "../domain/chain.ts";
import { crmPersonKey } from "../domain/identity.ts";
import type { CrmId } from "../domain/ids.ts";
import type { CrmRecord, Links, RemoveOperation } from "../domain/operation.ts";
import { difference } from "../planner/difference.ts";
import { sparedIn } from "./conclude.ts";
import { type DriveContext, freshRecord, planContext } from "./context.ts";
import { retryOf } from "./lane-retry.ts";
import { lease } from "./lease.ts";
import { type Lost, miss } from "./looks.ts";
import { ChainStop, isRepair, stepOf, type Work } from "./work.ts";
import type { Writer } from "./writer.ts";

/** Carries out the open ones. Throws what keeps one back for now. */
export async function writeRepairs(context: DriveContext, writer: Writer, work: Work): Promise<void> {
  for (const step of work.steps) {
    const { repair } = step.content;
    if (!repair || step.state !== "open") continue;
    try {
      if (repair.do === "overwrite") await overwrite(context, writer, work, step, repair);
      else if (repair.do === "merge") await merge(context, writer, work, step, repair);
      else await remove(context, writer, work, step, repair);
    } catch (error) {
      const cause = endOf(context, work, error);
      if (!cause) throw error;
      fail(context, work, step, cause);
    }
  }
}

/** The error that a repair fails with; null where it may still succeed. */
function endOf(context: DriveContext, work: Work, error: unknown): StepError | null {
  if (!(error instanceof ChainStop)) return null;
  const verdict = sparedIn(context, error.verdict);
  if (verdict === "halted" || (verdict.type !== "failed" && verdict.type !== "again")) return null;
  const lastTry = work.row.attempts + 1 >= retryOf(context.deps.settings, work.row.lane).maxAttempts;
  return verdict.type === "failed" || (!verdict.spared && lastTry) ? verdict.error : null;
}

function fail(context: DriveContext, work: Work, step: Step, error: StepError): void {
  const at = { claimId: work.claimId, stepId: step.id };
  const attempts = step.attempts + 1;
  context.wheel.record({ steps: [{ ...at, from: step.state, to: "failed", error, attempts, lostAtMs: null }] });
  Object.assign(step, { state: "failed", error, attempts });
  const { source, key } = work.row;
  context.tally.warnings.add(
    `${source}/${key}: ${step.name} (${step.content.repair?.do}) was not carried out: ${error.code}; \`crmledger show\` says more`,
  );
}

/** `crmId`: the record that the step has written to; null where there is none any more. */
function conclude(
  context: DriveContext,
  work: Work,
  step: Step,
  action: StepAction,
  crmId: CrmId | null,
  how: string,
): void {
  const at = { claimId: work.claimId, stepId: step.id };
  context.wheel.record({
    steps: [{ ...at, from: step.state, to: "done", action, crmId, explanation: how, error: null, lostAtMs: null }],
  });
  Object.assign(step, { state: "done", action, crmId });
}

async function overwrite(
  context: DriveContext,
  writer: Writer,
  work: Work,
  step: Step,
  { target: id }: StepRepair,
): Promise<void> {
  const { entity, content } = step;
  await leasePersons(context, work, step);
  const base = await freshRecord(context, [work], entity, id);
  if (!base) throw stopped(deleted(step, id));
  const wanted = lacking(context, work, step, base);
  if (!wanted) return conclude(context, work, step, "match", id, "The record has these values.");
  const format = content.format && { format: content.format };
  const operation = { type: "update" as const, entity, id, key: step.idempotencyKey, ...wanted, base, ...format };
  const explanation = "Asked for by reconcile --repair=overwrite.";
  await writer.write({ operation, targets: [{ work, step }], action: "update", explanation });
}

/**
 * What the record lacks of the repair's values and links; null: nothing. Neither the order of submissions nor what people
 * changed keeps it back: that is what was asked for.
 */
function lacking(
  context: DriveContext,
  work: Work,
  step: Step,
  record: CrmRecord,
): { values: EntityValues; links: Links } | null {
  const { values, format = "text" } = step.content;
  if (record.entity === "note") {
    const { text } = values;
    const has = text === undefined || context.deps.adapter.sameNote(record.text ?? "", text, format);
    return has ? null : { values: { text }, links: {} };
  }
  const content = { ...step.content, onMatch: "overwrite" as const };
  const changes = difference(content, record, planContext(context, work.row.source)) ?? {};
  // An organization is found by its name, so nothing else ever writes it.
  if (record.entity === "organization" && values.name !== undefined && values.name !== record.name)
    changes.name = values.name;
  const links = wrongLinks(linksOf(work, step.content.repair!), record);
  return Object.keys(changes).length + Object.keys(links).length === 0 ? null : { values: changes, links };
}

function linksOf(work: Work, repair: StepRepair): Pick<StepRepair, "personId" | "organizationId"> {
  if (repair.links !== "chain") return repair;
  const [personId, organizationId] = [stepOf(work, "person")?.crmId, stepOf(work, "organization")?.crmId];
  return { ...(personId && { personId }), ...(organizationId && { organizationId }) };
}

function wrongLinks(
  { personId, organizationId }: Pick<StepRepair, "personId" | "organizationId">,
  record: CrmRecord,
): Links {
  return {
    ...(personId !== undefined && personId !== record.personId && { person: { id: personId } }),
    ...(organizationId !== undefined &&
      organizationId !== record.organizationId && { organization: { id: organizationId } }),
  };
}

async function merge(
  context: DriveContext,
  writer: Writer,
  work: Work,
  step: Step,
  { target, into }: StepRepair,
): Promise<void> {
  const { entity } = step;
  if (entity === "note" || into === undefined) throw stopped(NOT_MERGEABLE);
  await leasePersons(context, work, step);
  if (!(await freshRecord(context, [work], entity, target))) return await goneAlready(context, work, step);
  if (!(await freshRecord(context, [work], entity, into))) throw stopped(deleted(step, into));
  const operation = {
    type: "merge" as const,
    entity: entity as FieldedEntity,
    key: step.idempotencyKey,
    id: target,
    into,
  };
  await takeAway(context, writer, work, step, operation);
}

/** A note is deleted only while it is what the check took it for: what people wrote into it since is theirs. */
async function remove(
  context: DriveContext,
  writer: Writer,
  work: Work,
  step: Step,
  { target: id }: StepRepair,
): Promise<void> {
  const { entity, content } = step;
  const { text } = content.values;
  const record = await freshRecord(context, [work], entity, id);
  if (!record) return await goneAlready(context, work, step);
  if (text !== undefined && !context.deps.adapter.sameNote(record.text ?? "", text, content.format ?? "text"))
    throw stopped(EDITED);
  await takeAway(context, writer, work, step, { type: "delete", entity, key: step.idempotencyKey, id });
}

async function takeAway(
  context: DriveContext,
  writer: Writer,
  work: Work,
  step: Step,
  operation: RemoveOperation,
): Promise<void> {
  const { entity, id } = operation;
  const explanation = "Asked for by reconcile --repair=merge.";
  try {
    await writer.write({ operation, targets: [{ work, step }], action: operation.type, explanation });
  } catch (error) {
    // A refusal that names a record is judged only after it was read: somebody may have been quicker.
    if (!(error instanceof ChainStop) || error.verdict.type !== "failed") throw error;
    if (await freshRecord(context, [work], entity, id)) throw error;
    return await goneAlready(context, work, step);
  }
  await context.mirror.forget(entity, id);
}

async function goneAlready(context: DriveContext, work: Work, step: Step): Promise<void> {
  const { target } = step.content.repair!;
  conclude(context, work, step, "match", null, `${step.entity} ${target} was gone from the CRM already.`);
  await context.mirror.forget(step.entity, target);
}

/** Whose record it is must not be worked on by another claim meanwhile. */
async function leasePersons(context: DriveContext, work: Work, step: Step): Promise<void> {
  if (step.entity !== "person") return;
  const { target, into } = step.content.repair!;
  for (const id of into === undefined ? [target] : [target, into])
    await lease(context, work, crmPersonKey(id), "this person");
}

/** A repair whose answer was lost: done where the record is as it should be. It is looked for like every write. */
export async function settleRepair(context: DriveContext, lost: Lost): Promise<void> {
  const { work, step } = lost;
  if (work.ended || !isRepair(step)) return;
  const { do: what, target, into = null } = step.content.repair!;
  const record = await freshRecord(context, [work], step.entity, target);
  if (what === "overwrite") {
    if (!record) return fail(context, work, step, deleted(step, target));
    if (!lacking(context, work, step, record)) return conclude(context, work, step, "update", target, UPDATED);
  } else if (!record) {
    const how = `The answer was lost; ${step.entity} ${target} is gone from the CRM.`;
    conclude(context, work, step, what, what === "merge" ? into : null, how);
    return await context.mirror.forget(step.entity, target);
  }
  const error = miss(context, lost);
  if (error) fail(context, work, step, error);
}

const stopped = (error: StepError): ChainStop => new ChainStop({ type: "failed", error, step: null });

const UPDATED = "The answer to its update was lost; the record has the values.";
const NOT_MERGEABLE: StepError = { code: "REPAIR_UNKNOWN", message: "the CRM can't merge what the repair names" };
const EDITED: StepError = {
  code: "REPAIR_EDITED",
  message: "somebody has edited the note since the check, so it was not deleted",
  hint: "Look at it in the CRM. `crmledger reconcile` shows what is left.",
};

/** What people deleted stays deleted. */
function deleted(step: Step, id: CrmId): StepError {
  return {
    code: "CRM_RECORD_DELETED",
    message: `the ${step.entity} ${id} was deleted or merged at the CRM before the repair`,
    hint: "`crmledger reconcile` shows what is left to do.",
  };
}
