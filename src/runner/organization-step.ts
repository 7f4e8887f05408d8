/** The organization step: by name, created once however many submissions name it at the same time. */
import type { Step } from "../domain/chain.ts";
import type { CrmRecord, Ref } from "../domain/operation.ts";
import { chooseOrganization } from "../planner/choose-person.ts";
import { difference } from "../planner/difference.ts";
import type { Choice } from "../planner/planner.ts";
import { contentInOrder } from "./content-in-order.ts";
import { type DriveContext, freshRecord, planContext } from "./context.ts";
import { lease } from "./lease.ts";
import { amendsNothing, deletedRecord, openStep, stampOfWork, stepOf, type Work } from "./work.ts";
import type { Writer } from "./writer.ts";

/** The organization of a work: its id, or a reference to its gathered create; null where the chain has none. */
export async function writeOrganization(context: DriveContext, writer: Writer, work: Work): Promise<Ref | null> {
  const step = openStep(work, "organization");
  if (!step) {
    const known = stepOf(work, "organization")?.crmId;
    return known ? { id: known } : null;
  }
  if (amendsNothing(step, null)) return match(context, work, step, step.content.amends!.id, UNCHANGED);
  const [key] = step.content.matchKeys ?? [];
  if (!key) return await resolveAndWrite(context, writer, work, step);
  return await context.locks.run(key, async () => {
    await lease(context, work, key, "this organization");
    let keep = false;
    try {
      return await resolveAndWrite(context, writer, work, step);
    } catch (error) {
      keep = step.state === "uncertain";
      throw error;
    } finally {
      // The id must be in the ledger before the next one looks for it. An uncertain create keeps its key.
      if (!keep) {
        await context.wheel.committed().catch(() => {});
        await context.deps.ledger.releaseKeys(work.claimId, [key]).catch(() => {});
      }
    }
  });
}

async function resolveAndWrite(context: DriveContext, writer: Writer, work: Work, step: Step): Promise<Ref> {
  const target = { work, step };
  const { amends } = step.content;
  const known = (amends && (await organizationBefore(context, work, amends.id))) ?? (await find(context, step));
  if (amends && !known.record) throw deletedRecord("organization", amends.id);
  if (!known.record) {
    const operation = {
      type: "create" as const,
      entity: "organization" as const,
      key: step.idempotencyKey,
      values: step.content.values,
      links: {},
      stamp: stampOfWork(work),
    };
    const written = await writer.write({
      operation,
      targets: [target],
      action: "create",
      explanation: known.explanation,
    });
    // Others that name it must find it in the ledger, so a gathered create can't wait for its chain.
    if ("op" in written.ref) await writer.finish();
    remember(context, step, written.record);
    return { id: step.crmId! };
  }
  const plan = planContext(context, work.row.source);
  const changes =
    difference(step.content, known.record, plan) && (await freshDifference(context, work, step, known.record));
  if (changes) {
    const { values, base } = changes;
    const operation = {
      type: "update" as const,
      entity: "organization" as const,
      id: base.id,
      key: step.idempotencyKey,
      values,
      links: {},
      base,
    };
    const request = { operation, targets: [target], action: "update" as const, explanation: known.explanation };
    remember(context, step, (await writer.write(request)).record);
    return { id: base.id };
  }
  return match(context, work, step, known.record.id, known.explanation);
}

const UNCHANGED = "It is the one of the version before, and nothing of it changed.";

function match(context: DriveContext, work: Work, step: Step, crmId: string, explanation: string): Ref {
  const at = { claimId: work.claimId, stepId: step.id };
  Object.assign(step, { state: "done", action: "match", crmId });
  context.wheel.record({ steps: [{ ...at, from: "open", to: "done", action: "match", crmId, explanation }] });
  return { id: crmId };
}

/** Others that name it a moment later need not read it again. */
function remember(context: DriveContext, { content }: Step, record: CrmRecord | null): void {
  const [key] = content.matchKeys ?? [];
  if (key === undefined) return;
  if (record !== null && context.mirror.keysOf(record).includes(key)) context.organizations.written(key, record);
  else context.organizations.forget(key);
}

/** The organization that earlier versions of a revision wrote; null where it is gone. */
async function organizationBefore(context: DriveContext, work: Work, id: string): Promise<Choice | null> {
  const record = await freshRecord(context, [work], "organization", id);
  return record && { record, explanation: `Organization ${record.id} is the one of the version before.` };
}

/** People edit meanwhile: what is sent is computed from the record as it is now. */
async function freshDifference(context: DriveContext, work: Work, step: Step, record: CrmRecord) {
  const base = await freshRecord(context, [work], "organization", record.id);
  if (!base) return null;
  const content = await contentInOrder(context, work, step, base);
  const values = difference(content, base, planContext(context, work.row.source));
  return values ? { values, base } : null;
}

/**
 * The batch's answer serves as long as it found something; a name that it did not find may have been written since, by
 * ourselves or by another process, and then the ledger's mirror has it.
 */
async function find(context: DriveContext, step: Step): Promise<Choice> {
  const keys = step.content.matchKeys ?? [];
  const key = keys[0] ?? "";
  // Whether an overwrite is one depends on what others wrote last.
  let answer = context.organizations.take(key, step.content.onMatch === "overwrite");
  if (answer?.candidates.length === 0) {
    const hits = await context.deps.ledger.mirrorFind(context.session.accountId, "organization", keys);
    if ((hits.get(key)?.length ?? 0) > 0) answer = null;
  }
  if (answer === null) {
    answer = (await context.mirror.organizations([{ keys }]))[0]!;
    context.organizations.seen(key, answer);
  }
  const choice = chooseOrganization(step.content, answer.candidates);
  return { record: choice.record, explanation: `${choice.explanation} ${answer.explanation}`.trim() };
}
