/**
 * Leases of identity keys. A row says that a key is taken: by a live claim, by a submission whose create is uncertain
 * (kept, beyond any claim), or by both.
 */
import type { StepContent } from "../../domain/chain.ts";
import { crmPersonKey, dealKey, type IdentityKey, openDealKey, organizationKey } from "../../domain/identity.ts";
import type { ClaimId, SubmissionId } from "../../domain/ids.ts";
import { accountOrNone } from "./account.ts";
import type { Store } from "./store.ts";
import { loadKeys } from "./submission-rows.ts";

/** Said where a key is kept and no claim has it: ids of claims start at 1. */
export const NO_CLAIM = 0 as ClaimId;

export interface Lease {
  claimId: ClaimId | null;
  keptBy: SubmissionId | null;
}

const FIND = "SELECT claim_id AS claimId, kept_by AS keptBy FROM identity_leases WHERE account_id = ? AND key = ?";
const TAKE = `INSERT INTO identity_leases (account_id, key, claim_id) VALUES (?, ?, ?)
  ON CONFLICT DO UPDATE SET claim_id = excluded.claim_id`;

export function findLease(store: Store, account: number, key: IdentityKey): Lease | undefined {
  return store.one<Lease>(FIND, account, key);
}

export function takeLease(store: Store, account: number, key: IdentityKey, claim: ClaimId): void {
  store.run(TAKE, account, key, claim);
}

/** To be called within a transaction. */
export function leaseKeys(store: Store, claim: ClaimId, keys: readonly IdentityKey[]): { heldBy: ClaimId } | null {
  // Whether its lease ran out is for those who take its work back: they delete the row.
  if (store.one("SELECT 1 FROM claims WHERE id = ?", claim) === undefined) return { heldBy: NO_CLAIM };
  const account = accountOrNone(store);
  for (const key of keys) {
    const lease = findLease(store, account, key);
    if (lease === undefined || lease.claimId === claim) continue;
    if (lease.claimId !== null) return { heldBy: lease.claimId };
    // Kept by an uncertain create: free for the claim that looks for it, for nobody else.
    if (!worksOn(store, claim, lease.keptBy)) return { heldBy: NO_CLAIM };
  }
  for (const key of keys) takeLease(store, account, key, claim);
  return null;
}

function worksOn(store: Store, claim: ClaimId, submission: SubmissionId | null): boolean {
  const sql = "SELECT 1 FROM submissions WHERE id = ? AND claim_id = ?";
  return submission !== null && store.one(sql, submission, claim) !== undefined;
}

/** To be called within a transaction. */
export function releaseKeys(store: Store, claim: ClaimId, keys: readonly IdentityKey[]): void {
  const account = accountOrNone(store);
  for (const key of keys) {
    store.run(
      "DELETE FROM identity_leases WHERE account_id = ? AND key = ? AND claim_id = ? AND kept_by IS NULL",
      account,
      key,
      claim,
    );
  }
}

/**
 * Keys that must stay taken while this submission's creates are uncertain, beyond those of its person; and the person itself
 * while an update of it is: it replaces lists whole, so coming late it would undo what another one added meanwhile.
 */
function keysOfUncertainWrites(store: Store, submission: SubmissionId): IdentityKey[] {
  const steps = store.all<{ entity: string; action: string; crmId: string | null; content: string }>(
    `SELECT entity, action, crm_id AS crmId, content FROM steps
     WHERE submission_id = ? AND state IN ('begun', 'uncertain') AND action IN ('create', 'update') AND dropped = 0`,
    submission,
  );
  return steps.flatMap(({ entity, action, crmId, content: text }) => {
    if (action === "update") return entity === "person" && crmId !== null ? [crmPersonKey(crmId)] : [];
    const content = JSON.parse(text) as StepContent;
    if (entity === "person") return [...loadKeys(store, submission), ...(content.matchKeys ?? [])];
    if (entity === "organization") return content.matchKeys ?? [organizationKey(content.values.name ?? "")];
    if (entity !== "deal") return [];
    const named = content.dealKey === undefined ? [] : [dealKey(content.dealKey)];
    return content.dealMatch === "openDealOfPerson" ? [...named, ...openDealKeys(store, submission)] : named;
  });
}

const PERSON = "SELECT crm_id AS id FROM steps WHERE submission_id = ? AND name = 'person' AND crm_id IS NOT NULL";

function openDealKeys(store: Store, submission: SubmissionId): IdentityKey[] {
  return store.all<{ id: string }>(PERSON, submission).map(({ id }) => openDealKey(id));
}

const MADE_TOGETHER = `
  SELECT key FROM identity_leases WHERE (claim_id = @claim OR kept_by = @submission)
    AND EXISTS (SELECT 1 FROM submission_keys k WHERE k.key = identity_leases.key)
    AND EXISTS (SELECT 1 FROM steps WHERE submission_id = @submission AND entity = 'person'
      AND state IN ('begun', 'uncertain') AND action = 'create' AND dropped = 0)`;

/** A person is made with the e-mails and phones of all submissions of the claim, which it may have in the CRM by now. */
function keysMadeTogether(store: Store, submission: SubmissionId, claim: ClaimId): IdentityKey[] {
  return store.all<{ key: IdentityKey }>(MADE_TOGETHER, { submission, claim }).map((row) => row.key);
}

/**
 * Keeps the keys of a submission's uncertain writes taken, those and no others. A key that another claim or submission
 * has by now stays theirs.
 */
export function keepKeys(store: Store, submission: SubmissionId, claim: ClaimId): void {
  const keys = new Set([...keysOfUncertainWrites(store, submission), ...keysMadeTogether(store, submission, claim)]);
  unkeepKeys(store, submission);
  const account = accountOrNone(store);
  for (const key of keys) {
    store.run(
      `INSERT INTO identity_leases (account_id, key, claim_id, kept_by) VALUES (@account, @key, NULL, @submission)
       ON CONFLICT DO UPDATE SET kept_by = excluded.kept_by
       WHERE kept_by IS NULL AND (claim_id IS NULL OR claim_id = @claim)`,
      { account, key, submission, claim },
    );
  }
}

/** The submission's creates are certain now, or it is over. */
export function unkeepKeys(store: Store, submission: SubmissionId): void {
  store.run("DELETE FROM identity_leases WHERE kept_by = ? AND claim_id IS NULL", submission);
  store.run("UPDATE identity_leases SET kept_by = NULL WHERE kept_by = ?", submission);
}

/** Ends a claim: its keys are given back, those that an uncertain create keeps stay taken. */
export function endClaim(store: Store, claim: ClaimId): void {
  store.run("UPDATE identity_leases SET claim_id = NULL WHERE claim_id = ? AND kept_by IS NOT NULL", claim);
  store.run("DELETE FROM identity_leases WHERE claim_id = ?", claim);
  store.run("DELETE FROM claims WHERE id = ?", claim);
}
