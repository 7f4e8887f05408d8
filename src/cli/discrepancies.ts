import { CrmledgerError } from "../domain/errors.ts";
import type { DiscrepancyFilter, DiscrepancyRow } from "../ledger/checks.ts";
import type { Shop } from "./compose.ts";

const ROWS_MAX = 500;

/** All that a filter means, page by page. */
export async function discrepanciesOf(
  { ledger }: Pick<Shop, "ledger">,
  filter: DiscrepancyFilter,
): Promise<DiscrepancyRow[]> {
  const rows: DiscrepancyRow[] = [];
  let after: string | null = null;
  do {
    const page = await ledger.discrepancies(filter, after, ROWS_MAX);
    rows.push(...page.rows);
    after = page.next;
  } while (after !== null);
  return rows;
}

/** Throws `inputUnreadable` where an id is of no difference that the ledger knows. */
export function refuseUnknown(ids: Iterable<string>, rows: readonly { id: string }[], hint: string): void {
  const known = new Set(rows.map(({ id }) => id));
  const unknown = [...ids].filter((id) => !known.has(id));
  if (unknown.length === 0) return;
  const what = unknown.length === 1 ? "is no discrepancy" : "are no discrepancies";
  throw new CrmledgerError("inputUnreadable", `${unknown.slice(0, 10).join(", ")} ${what} that this ledger knows`, {
    hint: `The column ID of \`crmledger reconcile\` has them; --edits lists all. ${hint}`,
  });
}
