/** Identities that several records of the CRM share. */
import type { IdentityKey } from "../../domain/identity.ts";
import type { CrmId, StepId } from "../../domain/ids.ts";
import type { CheckId, IdentityGroup, Page } from "../checks.ts";
import { HAS_RECORD, IN_SCOPE, type LoadedCheck, loadCheck, scopeValues } from "./checks.ts";
import { stepFact, WRITTEN } from "./step-facts.ts";
import type { Store } from "./store.ts";

/** Keys that one page goes through: it may have no rows and yet have a next one. */
const KEYS_WINDOW = 5_000;
const KEYS = `
  SELECT key, count(*) AS n FROM mirror_keys WHERE account_id = @account AND entity = @entity AND key > @after
  GROUP BY key ORDER BY key LIMIT ${KEYS_WINDOW}`;

export function identityGroups(
  store: Store,
  id: CheckId,
  entity: "person" | "organization",
  after: string | null,
  limit: number,
): Page<IdentityGroup> {
  return store.read(() => {
    const check = loadCheck(store, id);
    const values = { account: check.accountId, entity, after: after ?? "" };
    const keys = store.all<{ key: IdentityKey; n: number }>(KEYS, values);
    const rows: IdentityGroup[] = [];
    for (const { key, n } of keys) {
      const group = n > 1 ? groupOf(store, check, entity, key) : null;
      if (group !== null) rows.push(group);
      if (rows.length === limit) return { rows, next: key };
    }
    return { rows, next: keys.length === KEYS_WINDOW ? keys.at(-1)!.key : null };
  });
}

/** Records of one group that are told: more than this many share no identity but a bad key. */
const RECORDS_MAX = 500;
const RECORDS = `
  SELECT r.crm_id AS crmId, r.created_at_ms AS createdAtMs
  FROM mirror_keys k JOIN mirror_records r
    ON r.account_id = k.account_id AND r.entity = k.entity AND r.crm_id = k.crm_id
  WHERE k.account_id = @account AND k.entity = @entity AND k.key = @key
    AND NOT EXISTS (SELECT 1 FROM sightings g WHERE g.account_id = k.account_id AND g.entity = k.entity
      AND g.crm_id = k.crm_id AND g.check_id = @check AND g.state IN ('deleted', 'gone', 'hidden'))
  ORDER BY r.created_at_ms IS NULL, r.created_at_ms, length(r.crm_id), r.crm_id LIMIT ${RECORDS_MAX}`;
const WITH_EMAIL = `
  SELECT 1 FROM mirror_keys WHERE account_id = @account AND entity = 'person' AND crm_id IN (SELECT value FROM json_each(@ids))
    AND key >= 'email:' AND key < 'email;' LIMIT 1`;
const NEWEST = `
  SELECT s.id FROM steps s JOIN submissions u ON u.id = s.submission_id
  WHERE s.entity = @entity AND s.crm_id IN (SELECT value FROM json_each(@ids)) AND ${HAS_RECORD} AND ${IN_SCOPE}
  ORDER BY ${WRITTEN} DESC, s.id DESC LIMIT 1`;

function groupOf(
  store: Store,
  check: LoadedCheck,
  entity: "person" | "organization",
  key: IdentityKey,
): IdentityGroup | null {
  const { accountId: account } = check;
  const records = store.all<{ crmId: CrmId; createdAtMs: number | null }>(RECORDS, {
    account,
    entity,
    key,
    check: check.id,
  });
  if (records.length < 2) return null;
  const ids = JSON.stringify(records.map(({ crmId }) => crmId));
  // A phone is a person only where no e-mail says who it is.
  if (key.startsWith("phone:") && store.one(WITH_EMAIL, { account, ids }) !== undefined) return null;
  const newest = store.one<{ id: StepId }>(NEWEST, { ...scopeValues(check.scope), entity, ids });
  return newest === undefined ? null : { key, records, step: stepFact(store, newest.id) };
}
