/**
 * Writes whose answer was lost are looked for in the CRM before anything is sent again: creates by their stamp on one list
 * page for all of them (a list shows a write at once, a search index lags), updates by reading the record.
 */
import { ENTITIES, type Entity } from "../domain/catalog.ts";
import type { Step } from "../domain/chain.ts";
import type { CrmId } from "../domain/ids.ts";
import type { CrmRecord, ListOperation } from "../domain/operation.ts";
import { compareIds } from "../domain/record-keys.ts";
import { stampOf } from "../domain/stamp.ts";
import { difference, missingLinks } from "../planner/difference.ts";
import { conclude } from "./conclude.ts";
import { contentInOrder } from "./content-in-order.ts";
import { type DriveContext, freshRecord, planContext, read, refusal } from "./context.ts";
import { isLastLook, type Lost, miss } from "./looks.ts";
import { settlePending } from "./pending.ts";
import { settleRepair } from "./repairs.ts";
import { ChainStop, isRepair, stepOf, verdictOf, type Work } from "./work.ts";

/** Looks begin this long before the write was sent: clocks differ, and the CRM's own times are whole seconds. */
const MARGIN_MS = 60_000;
/** The same before any reply told what the CRM's clock says. */
const MARGIN_BLIND_MS = 3_600_000;
/** The same at the last look, after which it is sent again: our clock may have been put right by hours since. */
const MARGIN_LAST_MS = 26 * 3_600_000;
/** 500 records a page: far more than changed within a settle time; past this the look has failed. */
const PAGES_MAX = 400;

/** Settles what it can; works that are still in doubt are concluded, the others go on. False where nothing was in doubt. */
export async function settleUncertain(context: DriveContext, works: readonly Work[]): Promise<boolean> {
  const pending = works.some((work) => work.steps.some((step) => step.state === "pending"));
  await settlePending(context, works);
  const lost = works.flatMap((work) =>
    work.ended ? [] : work.steps.filter((step) => step.state === "uncertain").map((step) => ({ work, step })),
  );
  if (lost.length === 0) return pending;
  for (const repair of lost.filter(({ step }) => isRepair(step)))
    await guarded(context, [repair], () => settleRepair(context, repair));
  for (const entity of ENTITIES) {
    const mine = lost.filter(({ step }) => step.entity === entity && !isRepair(step));
    if (mine.length === 0) continue;
    await guarded(context, mine, () =>
      settleCreates(
        context,
        entity,
        mine.filter(({ step }) => step.action !== "update"),
      ),
    );
    await guarded(context, mine, () =>
      settleUpdates(
        context,
        mine.filter(({ step }) => step.action === "update"),
      ),
    );
  }
  return true;
}

async function guarded(context: DriveContext, lost: readonly Lost[], look: () => Promise<void>): Promise<void> {
  try {
    await look();
  } catch (error) {
    for (const { work } of lost) {
      if (work.ended || !work.steps.some((step) => step.state === "uncertain")) continue;
      const verdict = verdictOf(error, context.deps.clock.wallMs(), context.deps.settings.retry.settleMs[0] ?? 0);
      if (verdict === null) work.ended = true;
      // A look that fails proves nothing: it neither fails the submission nor lets the write be sent again.
      else
        conclude(
          context,
          work,
          verdict !== "halted" && verdict.type === "failed" ? { ...verdict, type: "again" } : verdict,
        );
    }
  }
}

async function settleCreates(context: DriveContext, entity: Entity, lost: readonly Lost[]): Promise<void> {
  if (lost.length === 0) return;
  const records = await changedSince(context, entity, lost);
  const missed: Lost[] = [];
  const adopted = new Set<CrmId>();
  for (const each of lost) {
    const found = await foundAmong(context, each, records, adopted);
    if (!found) missed.push(each);
    else {
      adopted.add(found.id);
      adopt(context, each, found);
    }
  }
  const hidden = entity === "deal" ? await hiddenDeals(context, missed) : [];
  for (const each of missed) {
    const found = candidatesOf(context, each, hidden)[0];
    if (found) adopt(context, each, found);
    else missStep(context, each);
  }
}

type Subset = ListOperation["subset"];

async function changedSince(
  context: DriveContext,
  entity: Entity,
  lost: readonly Lost[],
  subset?: Subset,
): Promise<CrmRecord[]> {
  const asked = lookFrom(context, lost);
  const records = await listSince(context, entity, lost, asked, subset);
  // Only a reply tells that our clock is hours ahead of the CRM's: then what was asked for began too late.
  const wanted = lookFrom(context, lost);
  return wanted + MARGIN_MS < asked ? await listSince(context, entity, lost, wanted, subset) : records;
}

/** From which instant on the CRM's clock the lost writes are looked for, by what is known of that clock by now. */
function lookFrom(context: DriveContext, lost: readonly Lost[]): number {
  const last = lost.some(({ step }) => isLastLook(context, step) && reachesBack(context, step));
  const margin = last ? MARGIN_LAST_MS : context.session.skewMs === null ? MARGIN_BLIND_MS : MARGIN_MS;
  const sentAtMs = Math.min(...lost.map(({ step }) => sentOnCrmClock(context, step)));
  return Math.floor((sentAtMs - margin) / 1000) * 1000;
}

async function listSince(
  context: DriveContext,
  entity: Entity,
  lost: readonly Lost[],
  sinceMs: number,
  subset: Subset,
): Promise<CrmRecord[]> {
  const works = lost.map(({ work }) => work);
  const records: CrmRecord[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < PAGES_MAX; page += 1) {
    const outcome = await read(context, works, {
      type: "list",
      key: context.readKey(),
      entity,
      sinceMs,
      cursor,
      subset,
    });
    if (outcome.type !== "applied") throw new ChainStop({ type: "again", error: refusal(outcome), step: null });
    records.push(...(outcome.records ?? []));
    if (!outcome.next) return records;
    cursor = outcome.next;
  }
  const error = { code: "CRM_READ", message: `the list of changed ${entity}s did not end` };
  throw new ChainStop({ type: "again", error, step: null });
}

/**
 * When it left, on the CRM's clock. Ours may have been set since, which the monotonic one of the same boot shows; that one stands
 * still while the machine sleeps: the earlier of the two is the safe one.
 */
function sentOnCrmClock(context: DriveContext, step: Step): number {
  const { byWall, byMono } = sentByClocks(context, step);
  return Math.min(byWall, byMono ?? byWall);
}

function sentByClocks(
  { session, deps: { clock } }: DriveContext,
  step: Step,
): { byWall: number; byMono: number | null } {
  const byWall = session.crmTimeMs(step.sentAtMs ?? step.lostAtMs ?? clock.wallMs());
  if (step.sentClock?.bootId !== clock.bootId) return { byWall, byMono: null };
  return { byWall, byMono: session.crmTimeMs(clock.wallMs()) - (clock.monoMs() - step.sentClock.monoMs) };
}

/** A nameless note of long ago may be somebody else's that looks just like it: looked for only where no clock tells when it left. */
function reachesBack(context: DriveContext, step: Step): boolean {
  if (step.entity !== "note" || step.content.reference) return true;
  const { byWall, byMono } = sentByClocks(context, step);
  return byMono === null || Math.abs(byWall - byMono) > MARGIN_MS;
}

/** Before a deal is sent again: somebody may have deleted or archived it, and what people removed stays removed. */
async function hiddenDeals(context: DriveContext, missed: readonly Lost[]): Promise<CrmRecord[]> {
  const last = missed.filter((each) => isLastLook(context, each.step));
  if (last.length === 0) return [];
  return [
    ...(await changedSince(context, "deal", last, "deleted")),
    ...(await changedSince(context, "deal", last, "archived")),
  ];
}

/** The lowest id of what can be the lost record. A note without a reference may look just like another submission's. */
export async function foundAmong(
  context: DriveContext,
  lost: Lost,
  records: readonly CrmRecord[],
  adopted: ReadonlySet<CrmId>,
): Promise<CrmRecord | null> {
  const { work, step } = lost;
  const nameless = step.entity === "note" && !step.content.reference;
  for (const record of candidatesOf(context, lost, records).sort((a, b) => compareIds(a.id, b.id))) {
    if (!nameless) return record;
    const others = await context.deps.ledger.writesTo("note", record.id, work.row.id, 1);
    if (others.length === 0 && !adopted.has(record.id)) return record;
  }
  return null;
}

function candidatesOf(context: DriveContext, { work, step }: Lost, records: readonly CrmRecord[]): CrmRecord[] {
  const stamp = stampOf(work.row.source, work.row.key);
  if (step.entity !== "note") return records.filter((record) => record.stamp === stamp);
  const { text = "" } = step.content.values;
  const format = step.content.format ?? "text";
  const person = stepOf(work, "person")?.crmId ?? null;
  const deal = stepOf(work, "deal")?.crmId ?? null;
  // People merge persons, and their notes move along; the deal tells as much.
  const hangsThere = ({ dealId, personId }: CrmRecord): boolean =>
    dealId === deal && (deal !== null || personId === person);
  const taken = new Set(work.steps.map((each) => (each.entity === "note" ? each.crmId : null)));
  return records.filter(
    (record) =>
      !taken.has(record.id) &&
      (step.content.reference ? record.stamp === stamp : hangsThere(record)) &&
      context.deps.adapter.sameNote(record.text ?? "", text, format),
  );
}

function adopt(context: DriveContext, { work, step }: Lost, record: CrmRecord): void {
  const gone = record.deleted ? " Somebody has deleted it since." : "";
  const explanation = `The answer to its create was lost; it was found at the CRM by its stamp.${gone}`;
  Object.assign(step, { state: "done", action: "adopt", crmId: record.id });
  const at = { claimId: work.claimId, stepId: step.id };
  context.wheel.record({
    steps: [
      {
        ...at,
        from: "uncertain",
        to: "done",
        action: "adopt",
        crmId: record.id,
        explanation,
        error: null,
        lostAtMs: null,
      },
    ],
  });
  if (step.entity === "note" || record.deleted) return;
  const keys = context.mirror.keysOf(record);
  if (step.content.dealKey) keys.push(`deal:${step.content.dealKey}`);
  context.wheel.record({ mirror: [{ record, keys }] });
}

/** A chain's own step whose tries are used up ends its submission. */
function missStep(context: DriveContext, lost: Lost): void {
  const error = miss(context, lost);
  if (error) conclude(context, lost.work, { type: "failed", error, step: lost.step.name });
}

/** An update happened if nothing of it is left to change, by any of the steps that it was for. */
async function settleUpdates(context: DriveContext, lost: readonly Lost[]): Promise<void> {
  const looked: { each: Lost; gone: boolean; lacks: boolean }[] = [];
  for (const each of lost) {
    const { work, step } = each;
    if (work.ended || step.crmId === null || step.entity === "note") continue;
    const record = await freshRecord(context, [work], step.entity, step.crmId);
    looked.push({ each, gone: record === null, lacks: record !== null && (await isLacking(context, each, record)) });
  }
  for (const { each, gone } of looked) {
    const at = { claimId: each.work.claimId, stepId: each.step.id };
    if (gone) {
      // Gone: found anew as if it had never been matched.
      Object.assign(each.step, { state: "open", crmId: null });
      context.wheel.record({
        steps: [{ ...at, from: "uncertain", to: "open", crmId: null, lostAtMs: null, error: null }],
      });
    } else if (looked.some((other) => other.lacks && isSameWrite(other.each.step, each.step))) missStep(context, each);
    else {
      const explanation = "The answer to its update was lost; the record has the values.";
      Object.assign(each.step, { state: "done" });
      context.wheel.record({
        steps: [{ ...at, from: "uncertain", to: "done", explanation, error: null, lostAtMs: null }],
      });
    }
  }
}

async function isLacking(context: DriveContext, { work, step }: Lost, record: CrmRecord): Promise<boolean> {
  const content = await contentInOrder(context, work, step, record);
  if (difference(content, record, planContext(context, work.row.source)) !== null) return true;
  return missingLinks(step.content, record, linkedIds(work)) !== null;
}

/** Of several submissions of one person one request brought the values. */
function isSameWrite(a: Step, b: Step): boolean {
  return a.entity === b.entity && a.crmId === b.crmId && a.sentAtMs === b.sentAtMs;
}

/** What the chain has of the records that an update may have linked. */
function linkedIds(work: Work): { organizationId: string | null; personId: string | null } {
  return {
    organizationId: stepOf(work, "organization")?.crmId ?? null,
    personId: stepOf(work, "person")?.crmId ?? null,
  };
}
