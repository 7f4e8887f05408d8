import { OPERATION_GROUPS } from "../domain/operation.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { HoldRow } from "../ledger/rows.ts";
import type { BreakerDocument } from "../report/breaker-lines.ts";
import { utcTime } from "../report/human.ts";

/** Of every group of operations, closed ones too. Empty before the first contact with the CRM. */
export async function breakerDocuments(
  ledger: Pick<Ledger, "account" | "breakers">,
  holds: readonly HoldRow[],
): Promise<BreakerDocument[]> {
  const account = await ledger.account();
  if (account === null) return [];
  const rows = await ledger.breakers(account.id);
  return OPERATION_GROUPS.map((group) => {
    const row = rows.find((one) => one.group === group);
    const state = row?.state ?? "closed";
    const recent = row?.recent ?? [];
    const hold = holds.find(({ kind, scope }) => kind === "outage" && scope === `group:${group}`);
    return {
      group,
      state,
      since: state === "closed" ? null : utcTime(hold?.openedAtMs ?? row?.openedAtMs ?? null),
      requests: recent.length,
      failures: recent.filter(Boolean).length,
      down: row?.down ?? null,
      nextProbe: state === "open" ? utcTime(hold?.untilMs ?? null) : null,
    };
  });
}
