import type { StepError } from "../domain/chain.ts";
import type { Ledger } from "../ledger/ledger.ts";

/**
 * What failed for a field may have been mended at the CRM a moment ago (an option that is there again has another id): the next
 * run reads those entities' fields anew, however young the kept ones are. Safe to repeat.
 */
export async function doubtFields(ledger: Ledger, errors: readonly StepError[]): Promise<void> {
  const account = await ledger.account();
  if (account === null) return;
  const wanted = new Set(errors.flatMap(({ about }) => (about ? [`fields:${about.subject.split(".")[0]}`] : [])));
  if (wanted.size === 0) return;
  for (const { part, catalog } of await ledger.loadCatalog(account.id)) {
    if (wanted.has(part)) await ledger.saveCatalog(account.id, part, catalog, 0);
  }
}
