import { canonicalJson } from "../domain/json.ts";
import { recordOf } from "../intake/json-text.ts";
import type { Ledger } from "../ledger/ledger.ts";

/**
 * Whether the reject that a record of an export came from is still open: then it stays the only one, in the words in which
 * it came first. `same`: nobody changed the record. Null: it is closed, or another source's.
 */
export async function knownReject(
  ledger: Pick<Ledger, "findReject">,
  rejectId: string | null,
  { source, raw }: { source: string; raw: string },
): Promise<"same" | "changed" | null> {
  const open = rejectId === null ? null : await ledger.findReject(rejectId);
  if (open === null || open.kind !== "reject" || open.source !== source) return null;
  return comparable(open.raw) === comparable(raw) ? "same" : "changed";
}

/** Of records with different members a table has empty cells that no record had. */
function comparable(raw: string): string {
  const value = recordOf(raw);
  if (value === null || typeof value !== "object" || Array.isArray(value)) return raw;
  return canonicalJson(
    Object.fromEntries(Object.entries(value).filter(([, member]) => member !== "" && member !== null)),
  );
}
