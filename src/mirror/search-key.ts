import type { IdentityKey } from "../domain/identity.ts";
import { fieldKey } from "../domain/identity.ts";
import type { CrmId } from "../domain/ids.ts";
import type { SearchOperation } from "../domain/operation.ts";
import type { MirrorEntity } from "../ledger/rows.ts";
import { readApplied } from "./lookup-failed.ts";
import type { MirrorDeps } from "./mirror.ts";

/** Ids of the search's hits for a key. Hits are summaries of an index that lags: the caller reads and compares them. */
export async function searchKey(
  deps: Pick<MirrorDeps, "read" | "clock" | "matchFields">,
  entity: MirrorEntity,
  key: IdentityKey,
): Promise<CrmId[]> {
  const search = searchOf(key, deps.matchFields);
  if (search === null) return [];
  const { outcome } = await readApplied(deps, {
    type: "search",
    key: `mirror:${entity}:search:${key}`,
    entity,
    ...search,
  });
  return outcome.type === "applied" ? (outcome.records ?? []).map((record) => record.id) : [];
}

function searchOf(
  key: IdentityKey,
  matchFields: MirrorDeps["matchFields"],
): Pick<SearchOperation, "by" | "term" | "fieldCode"> | null {
  for (const by of ["email", "phone"] as const) {
    if (key.startsWith(`${by}:`)) return { by, term: key.slice(by.length + 1) };
  }
  if (key.startsWith("organization:")) return { by: "name", term: key.slice("organization:".length) };
  for (const { name, code } of matchFields) {
    const prefix = fieldKey(name, "");
    if (key.startsWith(prefix) && key.length > prefix.length)
      return { by: "field", fieldCode: code, term: key.slice(prefix.length) };
  }
  return null;
}
