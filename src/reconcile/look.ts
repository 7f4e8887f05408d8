/** Records of ours that no list showed are looked at one by one: only so are deleted, hidden and vanished ones told apart. */
import type { CrmId } from "../domain/ids.ts";
import type { CrmRecord } from "../domain/operation.ts";
import type { Sighting } from "../ledger/checks.ts";
import { LookupFailed, readApplied } from "../mirror/lookup-failed.ts";
import { readPlan } from "../mirror/price.ts";
import type { ReconcileDeps, Way } from "./reconcile.ts";
import { sightingsOf, unseen } from "./sight.ts";
import type { Looking } from "./walks.ts";

/** One page of ids to look at. Kept in the ledger together. */
const IDS_MAX = 100;
/** Reads in flight; the pacer bounds the rate. */
const TOGETHER_MAX = 8;

export async function lookById(looking: Looking, way: Way): Promise<void> {
  const { deps, check, progress, entity } = looking;
  let after: string | null = null;
  do {
    const page = await deps.ledger.unsighted(check.id, entity, after, IDS_MAX);
    // After all lists were walked, a batch by ids would leave out the same records.
    const listed = way === "walk" ? new Map<CrmId, CrmRecord>() : await readListed(deps, entity, page.rows);
    const rest = page.rows.filter((id) => !listed.has(id));
    const single = await readSingles(deps, entity, rest);
    const found = await sightingsOf(deps, entity, [...listed.values(), ...single.records]);
    const now = deps.clock.wallMs();
    await deps.ledger.saveSightings(check.id, [...found, ...single.missing], { ...progress, part: "byId" }, now);
    deps.failpoint("check.ids.after");
    progress.seen += page.rows.length;
    deps.progress?.({ entity, records: progress.seen, expected: progress.expected });
    after = page.next;
  } while (after !== null);
}

async function readListed(deps: ReconcileDeps, entity: Looking["entity"], ids: readonly CrmId[]) {
  const found = new Map<CrmId, CrmRecord>();
  if (entity === "note") return found;
  const { capabilities } = deps.adapter;
  const plan = readPlan(ids, {
    batchMax: capabilities.readManyMax,
    batchTokens: capabilities.cost("readMany", entity),
    singleTokens: capabilities.cost("read", entity),
  });
  for (const batch of plan.batches) {
    const key = `check:${entity}:ids:${batch[0]}`;
    const { outcome } = await readApplied(deps, { type: "readMany", key, entity, ids: batch });
    for (const record of outcome.type === "applied" ? (outcome.records ?? []) : []) found.set(record.id, record);
  }
  return found;
}

async function readSingles(deps: ReconcileDeps, entity: Looking["entity"], ids: readonly CrmId[]) {
  const records: CrmRecord[] = [];
  const missing: Sighting[] = [];
  for (let from = 0; from < ids.length; from += TOGETHER_MAX) {
    await Promise.all(
      ids.slice(from, from + TOGETHER_MAX).map(async (id) => {
        const seen = await readSingle(deps, entity, id);
        if (typeof seen === "string") missing.push(unseen(entity, id, seen));
        else records.push(seen);
      }),
    );
  }
  return { records, missing };
}

async function readSingle(
  deps: ReconcileDeps,
  entity: Looking["entity"],
  id: CrmId,
): Promise<CrmRecord | "gone" | "hidden"> {
  try {
    const { outcome } = await readApplied(deps, { type: "read", key: `check:${entity}:id:${id}`, entity, id });
    return outcome.type === "applied" ? (outcome.record ?? "gone") : "gone";
  } catch (error) {
    // Refused, and not as gone: it is there, and this token's user may not see it.
    if (error instanceof LookupFailed && error.outcome.type === "refused" && !error.outcome.hold) return "hidden";
    throw error;
  }
}
