/** What hangs on each of several records of one identity: whoever merges them should know what moves. */
import type { CrmId } from "../domain/ids.ts";
import type { ListOperation } from "../domain/operation.ts";
import type { FoundDiscrepancy } from "../ledger/checks.ts";
import { LookupFailed, readApplied } from "../mirror/lookup-failed.ts";
import type { ReconcileDeps } from "./reconcile.ts";

/** Records of one identity that are looked at; and duplicates of one check, since each record costs a page. */
const RECORDS_MAX = 5;
export const LOOKED_AT_MAX = 50;

/** The discrepancy with what hangs on each of its records, in words for people; as it is where that can't be told. */
export async function withHanging(
  deps: Pick<ReconcileDeps, "read" | "clock">,
  found: FoundDiscrepancy,
): Promise<FoundDiscrepancy> {
  const { ids } = found.actual as { ids: CrmId[] };
  const hanging: Record<CrmId, string> = {};
  for (const id of ids.slice(0, RECORDS_MAX)) {
    const query = queryOf(found, id);
    const count = query === null ? null : await countOf(deps, id, query);
    if (count !== null) hanging[id] = count;
  }
  if (Object.keys(hanging).length === 0) return found;
  const list = Object.entries(hanging).map(([id, what]) => `${id} has ${what}`);
  return { ...found, actual: { ids, hanging }, message: `${found.message}; ${list.join(", ")}` };
}

type Query = Pick<ListOperation, "entity" | "personId" | "organizationId" | "dealId">;

function queryOf({ entity }: FoundDiscrepancy, id: CrmId): Query | null {
  if (entity === "person") return { entity: "deal", personId: id };
  if (entity === "organization") return { entity: "deal", organizationId: id };
  return entity === "deal" ? { entity: "note", dealId: id } : null;
}

async function countOf(deps: Pick<ReconcileDeps, "read" | "clock">, id: CrmId, query: Query): Promise<string | null> {
  try {
    const { outcome } = await readApplied(deps, { type: "list", key: `check:hanging:${query.entity}:${id}`, ...query });
    if (outcome.type !== "applied") return null;
    const count = outcome.records?.length ?? 0;
    if (count === 0) return `no ${query.entity}`;
    const more = outcome.next == null ? "" : "more than ";
    return `${more}${count} ${query.entity}${count === 1 ? "" : "s"}`;
  } catch (error) {
    // Only for people's information: what can't be had now must not stop the check.
    if (error instanceof LookupFailed) return null;
    throw error;
  }
}
