/** The mirror's rows: ids and match keys of persons and organizations, and the deals and notes that are ours. */
import type { Entity } from "../../domain/catalog.ts";
import { emailKey, type IdentityKey, normalizeEmail, organizationKey } from "../../domain/identity.ts";
import type { AccountId, CrmId } from "../../domain/ids.ts";
import type { CrmRecord } from "../../domain/operation.ts";
import type { MirrorBatch, MirrorEntity, MirrorHit, MirrorState } from "../rows.ts";
import { isForgottenPerson } from "./forgotten.ts";
import type { Store } from "./store.ts";

/** Rows that one transaction of a sweep drops. */
const SWEEP_ROWS = 1_000;

const STATE = `
  SELECT entity, watermark_ms AS watermarkMs, walked_at_ms AS walkedAtMs, refreshed_at_ms AS refreshedAtMs, records,
    search_tokens AS searchTokens, walk
  FROM mirror_state WHERE account_id = ? AND entity = ?`;

export function mirrorState(store: Store, account: AccountId, entity: Entity): MirrorState {
  const row = store.one<MirrorState>(STATE, account, entity);
  const empty = { watermarkMs: null, walkedAtMs: null, refreshedAtMs: null, records: 0, searchTokens: 0, walk: 0 };
  return row ?? { entity, ...empty };
}

const SAVE_RECORD = `
  INSERT INTO mirror_records (account_id, entity, crm_id, created_at_ms, updated_at_ms, walk, seen_at_ms)
  VALUES (?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT DO UPDATE SET created_at_ms = coalesce(excluded.created_at_ms, created_at_ms),
    updated_at_ms = coalesce(excluded.updated_at_ms, updated_at_ms), walk = max(walk, excluded.walk),
    seen_at_ms = excluded.seen_at_ms`;

/**
 * Keeps a record with its match keys in place of what was known of it. `walk` null: the present one, so that the sweep
 * after a walk that runs meanwhile leaves the record alone.
 */
export function saveRecord(
  store: Store,
  account: AccountId,
  record: CrmRecord,
  keys: readonly IdentityKey[],
  walk: number | null,
  nowMs: number,
): void {
  if (record.deleted || isForgottenPerson(store, keys)) {
    dropRecord(store, account, record.entity, record.id);
    return;
  }
  if (isOutdated(store, account, record)) {
    if (walk !== null) store.run(SEEN, walk, Math.round(nowMs), account, record.entity, record.id);
    return;
  }
  const { entity, id, createdAtMs, updatedAtMs } = record;
  const seenIn = walk ?? mirrorState(store, account, entity).walk;
  store.run(SAVE_RECORD, account, entity, id, createdAtMs, updatedAtMs, seenIn, Math.round(nowMs));
  saveKeys(store, account, record, new Set([...keys, ...ownKeys(record)]));
}

const SEEN = `
  UPDATE mirror_records SET walk = max(walk, ?), seen_at_ms = ? WHERE account_id = ? AND entity = ? AND crm_id = ?`;
const UPDATED_AT =
  "SELECT updated_at_ms AS updatedAtMs FROM mirror_records WHERE account_id = ? AND entity = ? AND crm_id = ?";

/** A page that was read just before our own write may be recorded after it: the older state must not undo the newer. */
function isOutdated(store: Store, account: AccountId, record: CrmRecord): boolean {
  if (record.updatedAtMs === null) return false;
  const known = store.one<{ updatedAtMs: number | null }>(UPDATED_AT, account, record.entity, record.id);
  return known !== undefined && known.updatedAtMs !== null && known.updatedAtMs > record.updatedAtMs;
}

/**
 * Most pages of a refresh bring what is known already: then no row is touched. Which keys a deal goes by its record does not
 * tell: whoever writes to it without one, or by another one, takes none away.
 */
function saveKeys(store: Store, account: AccountId, record: CrmRecord, keys: ReadonlySet<IdentityKey>): void {
  const known = new Set(keysOf(store, account, record.entity, record.id));
  for (const key of known) {
    if (keys.has(key) || record.entity === "deal") continue;
    store.run(
      "DELETE FROM mirror_keys WHERE account_id = ? AND entity = ? AND key = ? AND crm_id = ?",
      account,
      record.entity,
      key,
      record.id,
    );
  }
  for (const key of keys) {
    if (known.has(key)) continue;
    store.run(
      "INSERT INTO mirror_keys (account_id, entity, key, crm_id) VALUES (?, ?, ?, ?)",
      account,
      record.entity,
      key,
      record.id,
    );
  }
}

/** Keys that need no phone plan and no config. */
function ownKeys(record: CrmRecord): IdentityKey[] {
  if (record.entity === "person") {
    return record.emails.flatMap((email) => {
      const normal = normalizeEmail(email);
      return normal === null ? [] : [emailKey(normal)];
    });
  }
  return record.entity === "organization" && record.name !== null && record.name.trim() !== ""
    ? [organizationKey(record.name)]
    : [];
}

function keysOf(store: Store, account: AccountId, entity: Entity, id: CrmId): IdentityKey[] {
  const sql = "SELECT key FROM mirror_keys WHERE account_id = ? AND entity = ? AND crm_id = ? ORDER BY key";
  return store.all<{ key: IdentityKey }>(sql, account, entity, id).map((row) => row.key);
}

export function dropRecord(store: Store, account: AccountId, entity: Entity, id: CrmId): void {
  store.run("DELETE FROM mirror_records WHERE account_id = ? AND entity = ? AND crm_id = ?", account, entity, id);
}

const HITS = `
  SELECT r.crm_id AS id, r.created_at_ms AS createdAtMs
  FROM mirror_keys k JOIN mirror_records r
    ON r.account_id = k.account_id AND r.entity = k.entity AND r.crm_id = k.crm_id
  WHERE k.account_id = ? AND k.entity = ? AND k.key = ? ORDER BY r.created_at_ms IS NULL, r.created_at_ms, r.crm_id`;

/** Only keys that some record carries are in the map. */
export function mirrorFind(
  store: Store,
  account: AccountId,
  entity: MirrorEntity,
  keys: readonly IdentityKey[],
): Map<IdentityKey, MirrorHit[]> {
  return store.read(() => {
    const found = new Map<IdentityKey, MirrorHit[]>();
    for (const key of new Set(keys)) {
      const hits = store.all<Omit<MirrorHit, "keys">>(HITS, account, entity, key);
      if (hits.length === 0) continue;
      found.set(
        key,
        hits.map((hit) => ({ ...hit, keys: keysOf(store, account, entity, hit.id) })),
      );
    }
    return found;
  });
}

const SAVE_STATE = `
  INSERT INTO mirror_state (account_id, entity, watermark_ms, walked_at_ms, refreshed_at_ms, records, search_tokens, walk)
  VALUES (@account, @entity, @watermarkMs, @walkedAtMs, @refreshedAtMs, @records, @searchTokens, @walk)
  ON CONFLICT DO UPDATE SET watermark_ms = excluded.watermark_ms, walked_at_ms = excluded.walked_at_ms,
    refreshed_at_ms = excluded.refreshed_at_ms, records = excluded.records, search_tokens = excluded.search_tokens,
    walk = excluded.walk`;

/** Deals and notes of others are no business of ours: only those with a stamp are kept, and those known as ours. */
function concernsUs(store: Store, batch: MirrorBatch, record: CrmRecord): boolean {
  if (record.entity === "person" || record.entity === "organization" || record.stamp !== null) return true;
  const sql = "SELECT 1 FROM mirror_records WHERE account_id = ? AND entity = ? AND crm_id = ?";
  return store.one(sql, batch.accountId, record.entity, record.id) !== undefined;
}

export function mirrorSave(store: Store, batch: MirrorBatch): void {
  store.write(() => {
    const walk = batch.state?.walk ?? mirrorState(store, batch.accountId, batch.entity).walk;
    for (const record of batch.records) {
      if (!concernsUs(store, batch, record)) continue;
      saveRecord(store, batch.accountId, record, batch.keys[record.id] ?? [], walk, batch.nowMs);
    }
    for (const id of batch.gone) dropRecord(store, batch.accountId, batch.entity, id);
    if (batch.state !== null) store.run(SAVE_STATE, { ...batch.state, account: batch.accountId, entity: batch.entity });
  });
}

export function mirrorSweep(store: Store, account: AccountId, entity: Entity, walk: number): number {
  const unseen = `SELECT crm_id AS id FROM mirror_records WHERE account_id = ? AND entity = ? AND walk < ? LIMIT ${SWEEP_ROWS}`;
  let swept = 0;
  for (;;) {
    const rows = store.write(() => {
      const ids = store.all<{ id: CrmId }>(unseen, account, entity, walk);
      for (const { id } of ids) dropRecord(store, account, entity, id);
      return ids.length;
    });
    swept += rows;
    if (rows < SWEEP_ROWS) return swept;
  }
}
