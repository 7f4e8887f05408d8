/**
 * Notes of a chain whose records `reconcile --repair` adopted, but that were not adopted themselves: the ledger that wrote them
 * is lost, so nothing says whether the notes were written too. Without a reference line no stamp tells; and another version of
 * the submission may have brought them, under its own. They are looked for on the chain's own records first.
 */
import type { Step } from "../domain/chain.ts";
import type { CrmId } from "../domain/ids.ts";
import type { CrmRecord, ListOperation } from "../domain/operation.ts";
import { isVersionsNote } from "../planner/version-note.ts";
import { type DriveContext, read, refusal } from "./context.ts";
import { foundAmong } from "./uncertain.ts";
import { ChainStop, isRepair, stampOfWork, stepOf, type Work } from "./work.ts";

/** Thousands of notes on one deal are nobody's. */
const PAGES_MAX = 10;

/** Takes what is there as the record of its step; what is not stays open. */
export async function adoptNotes(context: DriveContext, work: Work): Promise<void> {
  // Two notes of the same words are two: one that is a step's own record is nobody else's.
  const adopted = new Set(work.steps.flatMap(({ entity, crmId }) => (entity === "note" && crmId ? [crmId] : [])));
  adoptLost(context, work, adopted);
  const open = work.steps.filter(isUnknown);
  const parent = parentOf(work);
  if (open.length === 0 || parent === null || !(await isOfLostLedger(context, work))) return;
  const records = await notesOf(context, work, parent);
  for (const step of open) {
    const found = step.content.reference
      ? referred(context, work, step, records, adopted)
      : await foundAmong(context, { work, step }, records, adopted);
    if (!found) continue;
    adopted.add(found.id);
    adopt(context, work, step, found.id, "Found at the CRM with the same text, on a record that was adopted.");
  }
}

/** By their reference lines, those that a run wrote before it died. */
function adoptLost(context: DriveContext, work: Work, adopted: Set<CrmId>): void {
  if (context.lostNotes.length === 0) return;
  for (const step of work.steps.filter(isUnknown)) {
    const found = referred(context, work, step, context.lostNotes, adopted);
    if (!found) continue;
    adopted.add(found.id);
    adopt(context, work, step, found.id, "Found at the CRM by its reference line: a run that died had written it.");
  }
}

function referred(
  { deps }: DriveContext,
  work: Work,
  { content }: Step,
  records: readonly CrmRecord[],
  adopted: ReadonlySet<CrmId>,
): CrmRecord | undefined {
  return records.find(
    (record) => !adopted.has(record.id) && isVersionsNote(record, content, stampOfWork(work), deps.adapter.sameNote),
  );
}

function adopt(context: DriveContext, work: Work, step: Step, crmId: CrmId, explanation: string): void {
  const at = { claimId: work.claimId, stepId: step.id };
  context.wheel.record({
    steps: [{ ...at, from: "open", to: "done", action: "adopt", crmId, explanation, error: null }],
  });
  Object.assign(step, { state: "done", action: "adopt", crmId });
}

/** Records of it, or of an earlier version, were adopted: what else that ledger wrote is unknown. */
async function isOfLostLedger(context: DriveContext, work: Work): Promise<boolean> {
  if (work.steps.some(isAdopted)) return true;
  if (work.row.revises == null) return false;
  const versions = await context.deps.ledger.versions(work.row.id);
  return versions.some(({ steps }) => steps.some(isAdopted));
}

/** Not by way of a lost answer: this ledger never sent it. */
function isAdopted(step: Step): boolean {
  return step.state === "done" && step.action === "adopt" && step.sentAtMs === null && !isRepair(step);
}

function isUnknown(step: Step): boolean {
  const { entity, state, sentAtMs, content } = step;
  return (
    entity === "note" && state === "open" && sentAtMs === null && content.values.text !== undefined && !isRepair(step)
  );
}

function parentOf(work: Work): Pick<ListOperation, "dealId" | "personId"> | null {
  const dealId = stepOf(work, "deal")?.crmId;
  const personId = stepOf(work, "person")?.crmId;
  return dealId ? { dealId } : personId ? { personId } : null;
}

async function notesOf(
  context: DriveContext,
  work: Work,
  parent: Pick<ListOperation, "dealId" | "personId">,
): Promise<CrmRecord[]> {
  const records: CrmRecord[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < PAGES_MAX; page += 1) {
    const list = { type: "list" as const, key: context.readKey(), entity: "note" as const, ...parent, cursor };
    const outcome = await read(context, [work], list);
    if (outcome.type !== "applied") throw new ChainStop({ type: "again", error: refusal(outcome), step: null });
    records.push(...(outcome.records ?? []));
    if (!outcome.next) break;
    cursor = outcome.next;
  }
  return records;
}
