/** Several records for one person or organization: which to keep, and what would be merged into it. */
import type { CrmId } from "../domain/ids.ts";
import { oldestFirst } from "../domain/record-keys.ts";
import type { FoundDiscrepancy, IdentityGroup } from "../ledger/checks.ts";
import { concerned, mergeOrder } from "./judge-records.ts";

/** Null where nothing is left of the group: others were said to be doubles or copies already. */
export function judgeGroup(
  group: IdentityGroup,
  entity: "person" | "organization",
  said: ReadonlySet<CrmId>,
  nowMs: number,
): FoundDiscrepancy | null {
  const records = group.records
    .filter(({ crmId }) => !said.has(crmId))
    .map(({ crmId, createdAtMs }) => ({ id: crmId, createdAtMs }))
    .sort(oldestFirst);
  const [kept, ...others] = records;
  if (kept === undefined || others.length === 0) return null;
  const ids = records.map(({ id }) => id);
  const { submissionId } = group.step;
  return {
    ...concerned(group.step),
    fingerprint: `${entity}-duplicate|${ids.join(",")}`,
    class: "break",
    kind: `${entity}-duplicate`,
    entity,
    crmId: kept.id,
    expected: { ids: [kept.id] },
    actual: { ids },
    message: `${ids.length} records of one ${entity}: ${ids.join(", ")}; the oldest would be kept`,
    sinceMs: others.reduce((last, { createdAtMs }) => Math.max(last, createdAtMs ?? 0), 0) || nowMs,
    repair: "merge",
    safe: false,
    order: others.map(({ id }) => mergeOrder(entity, id, kept.id, submissionId)),
  };
}
