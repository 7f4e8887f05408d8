import type { CrmId } from "../domain/ids.ts";
import type { IdentityGroup } from "../ledger/checks.ts";
import { confirmByIds } from "../mirror/confirm.ts";
import type { ReconcileDeps } from "./reconcile.ts";

/** The records of a group that are there now and carry the key: the mirror's rows may be older than what people did. */
export async function confirmGroup(
  deps: ReconcileDeps,
  entity: "person" | "organization",
  group: IdentityGroup,
): Promise<IdentityGroup> {
  const ids: CrmId[] = group.records.map(({ crmId }) => crmId);
  const { records } = await confirmByIds(deps.mirrorDeps, entity, ids);
  const carries = (id: CrmId): boolean => {
    const record = records.get(id);
    return record != null && deps.mirror.keysOf(record).includes(group.key);
  };
  return { ...group, records: group.records.filter(({ crmId }) => carries(crmId)) };
}
