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
  const open = work.steps.filter(isUnknown);
  const parent = parentOf(work);
  if (open.length === 0 || parent === null || !(await isOfLostLedger(context, work))) return;
  const { adapter } = context.deps;
  const records = await notesOf(context, work, parent);
  const adopted = new Set<CrmId>();
  for (const step of open) {
    const found = step.content.reference
      ? records.find(
          (record) =>
            !adopted.has(record.id) && isVersionsNote(record, step.content, stampOfWork(work), adapter.sameNote),
        )
      : await foundAmong(context, { work, step }, records, adopted);
    if (!found) continue;
    adopted.add(found.id);
    const at = { claimId: work.claimId, stepId: step.id };
    const explanation = "Found at the CRM with the same text, on a record that was adopted.";
    context.wheel.record({
      steps: [{ ...at, from: "open", to: "done", action: "adopt", crmId: found.id, explanation, error: null }],
    });
    Object.assign(step, { state: "done", action: "adopt", crmId: found.id });
  }
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
