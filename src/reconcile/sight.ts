/** A page of the CRM's records becomes sightings: of records of our steps, and of stamped ones. The others are nobody's business. */
import type { Entity } from "../domain/catalog.ts";
import type { CrmRecord } from "../domain/operation.ts";
import type { OwnWrite, Sighting } from "../ledger/checks.ts";
import { driftOf } from "./drift.ts";
import type { ReconcileDeps } from "./reconcile.ts";

/** At the most as many at a time, so that no page of a vendor makes a statement of thousands of parameters. */
const RECORDS_MAX = 500;

export async function sightingsOf(
  deps: Pick<ReconcileDeps, "ledger" | "adapter" | "session">,
  entity: Entity,
  records: readonly CrmRecord[],
): Promise<Sighting[]> {
  const sightings: Sighting[] = [];
  for (let from = 0; from < records.length; from += RECORDS_MAX) {
    sightings.push(...(await sightSome(deps, entity, records.slice(from, from + RECORDS_MAX))));
  }
  return sightings;
}

async function sightSome(
  deps: Pick<ReconcileDeps, "ledger" | "adapter" | "session">,
  entity: Entity,
  records: readonly CrmRecord[],
): Promise<Sighting[]> {
  const stamps = [...new Set(records.flatMap(({ stamp }) => (stamp === null ? [] : [stamp])))];
  const [writes, stamped] = await Promise.all([
    deps.ledger.ownWrites(
      entity,
      records.map(({ id }) => id),
    ),
    stamps.length === 0 ? new Map<string, never>() : deps.ledger.stampedSubmissions(stamps),
  ]);
  const context = { adapter: deps.adapter, catalog: deps.session.catalog };
  return records.flatMap((record) => {
    const own = writes.get(record.id);
    if (own === undefined && record.stamp === null) return [];
    const stampedFor = record.stamp === null ? null : (stamped.get(record.stamp) ?? null);
    const drift = record.deleted ? [] : driftOf(record, written(own ?? []), context);
    const isOwn = own?.some(({ submissionId, name }) => submissionId === stampedFor && !name.startsWith("repair."));
    return [{ ...seen(record), stampedFor, drift, ...(isOwn && { own: true }) }];
  });
}

function written(writes: readonly OwnWrite[]): OwnWrite[] {
  return writes.filter(({ action }) => action !== "match");
}

function seen(record: CrmRecord): Omit<Sighting, "stampedFor" | "drift"> {
  const { entity, id, stamp, createdAtMs, personId, organizationId, dealId } = record;
  return {
    entity,
    crmId: id,
    state: record.deleted ? "deleted" : record.archived ? "archived" : "present",
    stamp,
    part: record.stampPart ?? null,
    createdAtMs,
    byApi: record.byApi ?? null,
    personId,
    organizationId,
    dealId,
  };
}

/** A record that a look by id did not show. */
export function unseen(entity: Entity, crmId: string, state: "gone" | "hidden"): Sighting {
  return {
    entity,
    crmId,
    state,
    stamp: null,
    part: null,
    stampedFor: null,
    createdAtMs: null,
    byApi: null,
    personId: null,
    organizationId: null,
    dealId: null,
    drift: [],
  };
}
