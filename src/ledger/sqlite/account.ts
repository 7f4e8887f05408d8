/** The account that the ledger is bound to, and what its CRM is set up with. */
import type { Catalog } from "../../domain/catalog.ts";
import { CrmledgerError } from "../../domain/errors.ts";
import type { AccountId } from "../../domain/ids.ts";
import { watchNames } from "./crm-names.ts";
import type { Store } from "./store.ts";

export interface BoundAccount {
  id: AccountId;
  vendor: string;
  externalId: string;
  name: string;
}

export function boundAccount(store: Store): BoundAccount | null {
  const sql = "SELECT id, vendor, external_id AS externalId, name FROM accounts ORDER BY id LIMIT 1";
  return store.one<BoundAccount>(sql) ?? null;
}

/** The bound account's id, 0 before the first contact: leases that are taken before belong to whatever it will be. */
export function accountOrNone(store: Store): number {
  return boundAccount(store)?.id ?? 0;
}

export function bindAccount(
  store: Store,
  account: { vendor: string; externalId: string; name: string },
  nowMs: number,
): AccountId {
  return store.write(() => {
    const bound = boundAccount(store);
    if (bound === null) {
      const { id } = store.run(
        "INSERT INTO accounts (vendor, external_id, name, bound_at_ms) VALUES (?, ?, ?, ?)",
        account.vendor,
        account.externalId,
        account.name,
        nowMs,
      );
      store.run("UPDATE identity_leases SET account_id = ? WHERE account_id = 0", id);
      return id as AccountId;
    }
    if (bound.vendor !== account.vendor || bound.externalId !== account.externalId) {
      throw new CrmledgerError(
        "accountMismatch",
        `The ledger ${store.path} belongs to the ${bound.vendor} account ${bound.externalId}; these credentials are for ` +
          `the ${account.vendor} account ${account.externalId}. Nothing was sent.`,
        { hint: "Use the token of the ledger's account, or another ledger (--ledger) for the other account." },
      );
    }
    if (bound.name !== account.name) store.run("UPDATE accounts SET name = ? WHERE id = ?", account.name, bound.id);
    return bound.id;
  });
}

export function loadCatalog(
  store: Store,
  account: AccountId,
): { part: string; catalog: Partial<Catalog>; fetchedAtMs: number }[] {
  const sql = "SELECT part, body, fetched_at_ms AS fetchedAtMs FROM catalog WHERE account_id = ? ORDER BY part";
  return store.all<{ part: string; body: string; fetchedAtMs: number }>(sql, account).map((row) => ({
    part: row.part,
    catalog: JSON.parse(row.body) as Partial<Catalog>,
    fetchedAtMs: row.fetchedAtMs,
  }));
}

export function saveCatalog(
  store: Store,
  account: AccountId,
  part: string,
  catalog: Partial<Catalog>,
  nowMs: number,
): void {
  const sql = `INSERT INTO catalog (account_id, part, body, fetched_at_ms) VALUES (?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET body = excluded.body, fetched_at_ms = excluded.fetched_at_ms`;
  store.write(() => {
    store.run(sql, account, part, JSON.stringify(catalog), nowMs);
    watchNames(store, account, part, catalog, nowMs);
  });
}
