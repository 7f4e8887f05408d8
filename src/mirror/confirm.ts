import type { CrmId } from "../domain/ids.ts";
import type { CrmRecord } from "../domain/operation.ts";
import type { MirrorEntity } from "../ledger/rows.ts";
import { readApplied } from "./lookup-failed.ts";
import type { MirrorDeps } from "./mirror.ts";
import { readPlan } from "./price.ts";

type ConfirmDeps = Pick<MirrorDeps, "read" | "clock" | "capabilities">;

/** Fresh records by id, the cheapest way; null for what is deleted, archived or no longer visible. */
export async function confirmByIds(
  deps: ConfirmDeps,
  entity: MirrorEntity,
  ids: readonly CrmId[],
): Promise<{ records: Map<CrmId, CrmRecord | null>; requests: number; tokens: number }> {
  const { capabilities } = deps;
  const plan = readPlan(ids, {
    batchMax: capabilities.readManyMax,
    batchTokens: capabilities.cost("readMany", entity),
    singleTokens: capabilities.cost("read", entity),
  });
  const found = await Promise.all([
    ...plan.batches.map((batch) => readBatch(deps, entity, batch)),
    ...plan.singles.map((id) => readSingle(deps, entity, id)),
  ]);
  const records = new Map<CrmId, CrmRecord | null>(ids.map((id) => [id, null]));
  for (const record of found.flat()) if (!record.deleted && !record.archived) records.set(record.id, record);
  return { records, requests: plan.batches.length + plan.singles.length, tokens: plan.tokens };
}

async function readBatch(deps: ConfirmDeps, entity: MirrorEntity, ids: CrmId[]): Promise<CrmRecord[]> {
  const { outcome } = await readApplied(deps, {
    type: "readMany",
    key: `mirror:${entity}:ids:${ids.join(",")}`,
    entity,
    ids,
  });
  return outcome.type === "applied" ? (outcome.records ?? []) : [];
}

async function readSingle(deps: ConfirmDeps, entity: MirrorEntity, id: CrmId): Promise<CrmRecord[]> {
  const { outcome } = await readApplied(deps, { type: "read", key: `mirror:${entity}:id:${id}`, entity, id });
  return outcome.type === "applied" && outcome.record !== undefined ? [outcome.record] : [];
}
