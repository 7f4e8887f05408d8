import type { Step, StepContent } from "../domain/chain.ts";
import type { CrmRecord } from "../domain/operation.ts";
import { inOrder } from "../planner/overwrite-order.ts";
import { type DriveContext, planContext } from "./context.ts";
import type { Work } from "./work.ts";

/** The newest writes to a record decide; older ones were replaced by them long ago. */
const WRITES_MAX = 50;

/** A step's content as far as its submission may still write it to this record. Asks the ledger only where it overwrites. */
export async function contentInOrder(
  context: DriveContext,
  work: Work,
  step: Step,
  record: CrmRecord,
): Promise<StepContent> {
  if (step.content.onMatch !== "overwrite" || step.entity === "note") return step.content;
  const writes = await context.deps.ledger.writesTo(step.entity, record.id, work.row.id, WRITES_MAX);
  return inOrder(step.content, record, work.row.submittedAtMs, writes, planContext(context, work.row.source));
}
