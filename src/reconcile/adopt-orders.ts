/** What becomes of a finding in the ledger. Pure. */
import type { CrmId } from "../domain/ids.ts";
import type { Takeover } from "../ledger/takeover.ts";
import type { Finding, Wanted } from "./adopt.ts";
import type { Submitted } from "./adopt-wanted.ts";

/**
 * `rest`: whether what is not there is to be written. `stampField`: code of the deals' stamp field. A deal that was found gets
 * the stamp, by which a reconcile and a lost ledger know it; persons and organizations don't, since others share them.
 */
export function takeoverOf(
  submitted: Pick<Submitted, "source" | "key" | "submittedAtMs">,
  wanted: Wanted,
  finding: Finding,
  rest: Takeover["rest"],
  stampField: string,
): Takeover {
  const { source, key, submittedAtMs } = submitted;
  const { deal, reason } = finding;
  const named = { source, key, rest, submittedAtMs, explanation: `adopt: ${reason}` };
  // What was found is looked for again when somebody has decided.
  if (rest === "keep") return { ...named, records: [], writes: [], deliveredAtMs: null };
  return {
    ...named,
    records: recordsOf(wanted, finding),
    writes: stampOf(wanted, finding, stampField),
    deliveredAtMs: deal?.createdAtMs ?? submittedAtMs,
  };
}

function recordsOf({ organization }: Wanted, { person, deal, notes }: Finding): Takeover["records"] {
  const records: Takeover["records"] = [];
  // A deal that is there keeps the organization that it has: none that nothing hangs on is made for it.
  if (organization && deal !== null) {
    records.push({ name: "organization", entity: "organization", crmId: deal.organizationId });
  }
  if (person !== null) records.push({ name: "person", entity: "person", crmId: person });
  if (deal !== null) records.push({ name: "deal", entity: "deal", crmId: deal.id });
  for (const [index, id] of notes.entries()) {
    if (id !== null) records.push({ name: `note.${index + 1}`, entity: "note", crmId: id });
  }
  return records;
}

/** What was deleted, or lies in the archive, can't be written to. */
function stampOf({ stamp }: Wanted, { deal }: Finding, field: string): Takeover["writes"] {
  if (deal === null || deal.deleted || deal.archived || deal.stamp !== null) return [];
  const target: CrmId = deal.id;
  const repair = { do: "overwrite" as const, target };
  return [{ entity: "deal", content: { values: { fields: { [field]: stamp } }, onMatch: "overwrite", repair } }];
}
