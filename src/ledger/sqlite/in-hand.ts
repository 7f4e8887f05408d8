/** Records that a run is writing to: what it sent may show at the CRM before the ledger has heard of it. */
import type { Entity } from "../../domain/catalog.ts";
import type { CrmId } from "../../domain/ids.ts";
import type { LoadedCheck } from "./checks.ts";
import type { Store } from "./store.ts";

/** The bound on the time keeps SQLite to the index of what is in the queue. */
const SENT = `
  SELECT s.entity, s.crm_id AS crmId, json_extract(s.content, '$.amends.id') AS amended,
    json_extract(s.content, '$.repair.target') AS repaired, json_extract(s.content, '$.matchKeys') AS keys
  FROM submissions u CROSS JOIN steps s ON s.submission_id = u.id
  WHERE u.state IN ('pending', 'waiting', 'inProgress', 'uncertain') AND u.state IN ('inProgress', 'uncertain')
    AND u.submitted_at_ms > ${Number.MIN_SAFE_INTEGER} AND s.state IN ('begun', 'uncertain', 'pending')`;
const MATCHED = `
  SELECT k.crm_id AS crmId FROM mirror_keys k
  WHERE k.account_id = @account AND k.entity = @entity AND k.key IN (SELECT value FROM json_each(@keys))`;
const WRITTEN = `
  SELECT 1 FROM steps s CROSS JOIN attempts a ON a.step_id = s.id JOIN requests r ON r.id = a.request_id
  WHERE s.entity = @entity AND s.crm_id = @crmId AND coalesce(r.ended_at_ms, r.begun_at_ms) > @startedAtMs LIMIT 1`;

interface Sent {
  entity: Entity;
  crmId: CrmId | null;
  amended: CrmId | null;
  repaired: CrmId | null;
  /** JSON: what a record that is matched is found by. */
  keys: string | null;
}

/** Tells of a record whether a run writes to it now, or has done so since the check began. */
export function inHand(store: Store, check: LoadedCheck): (entity: Entity, crmId: CrmId) => boolean {
  let sent: Set<string> | null = null;
  return (entity, crmId) => {
    sent ??= sentTo(store, check);
    if (sent.has(`${entity}:${crmId}`)) return true;
    return store.one(WRITTEN, { entity, crmId, startedAtMs: check.startedAtMs }) !== undefined;
  };
}

function sentTo(store: Store, { accountId: account }: LoadedCheck): Set<string> {
  const records = new Set<string>();
  for (const { entity, keys, ...ids } of store.all<Sent>(SENT)) {
    const matched = keys === null ? [] : store.all<{ crmId: CrmId }>(MATCHED, { account, entity, keys });
    for (const id of [ids.crmId, ids.amended, ids.repaired, ...matched.map(({ crmId }) => crmId)]) {
      if (id !== null) records.add(`${entity}:${id}`);
    }
  }
  return records;
}
