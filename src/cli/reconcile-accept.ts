import { CrmledgerError } from "../domain/errors.ts";
import type { DiscrepancyFilter, DiscrepancyRow } from "../ledger/checks.ts";
import { renderAccepted } from "../report/reconcile-accepted.ts";
import { meaningOf } from "../report/reconcile-words.ts";
import type { Invocation, Reply } from "./command.ts";
import { type Shop, withShop } from "./compose.ts";
import { discrepanciesOf, refuseUnknown } from "./discrepancies.ts";
import { type ReconcileFlags, readAccept } from "./reconcile-flags.ts";

const OPEN = ["new", "open"] as const;

/** `crmledger reconcile accept`: closes differences that are all right as they are. All of the named ones, or none. */
export async function accept(invocation: Invocation, flags: ReconcileFlags): Promise<Reply> {
  const { ids, why } = readAccept(invocation, flags);
  return await withShop(invocation, "open", async (shop) => {
    const { ledger, clock } = shop;
    const rows = flags.kind === undefined ? await named(shop, ids) : await ofKind(shop, flags.kind);
    const isOpen = ({ state }: DiscrepancyRow): boolean => state === "new" || state === "open";
    const open = rows.filter(isOpen);
    const filter: DiscrepancyFilter =
      flags.kind === undefined ? { ids: open.map(({ id }) => id) } : { kinds: [flags.kind], states: OPEN };
    const accepted = open.length === 0 ? 0 : await ledger.acceptDiscrepancies(filter, why, clock.wallMs());
    for (const { id, state } of rows.filter((row) => !isOpen(row))) invocation.talk.warn(`${id} ${SETTLED[state]}`);
    const document = { accepted, ids: open.map(({ id }) => id), why };
    return { json: document, text: (style) => renderAccepted(open, why, style), exitCode: 0 };
  });
}

const SETTLED: Record<DiscrepancyRow["state"], string> = {
  new: "",
  open: "",
  accepted: "was accepted before",
  repaired: "is repaired: there is nothing to accept",
  gone: "is gone: the last reconcile did not find it any more",
};

async function named(shop: Shop, ids: readonly string[]): Promise<DiscrepancyRow[]> {
  const rows = await discrepanciesOf(shop, { ids });
  refuseUnknown(ids, rows, "Nothing was accepted.");
  return rows;
}

async function ofKind(shop: Shop, kind: string): Promise<DiscrepancyRow[]> {
  const rows = await discrepanciesOf(shop, { kinds: [kind], states: OPEN });
  if (rows.length > 0 || meaningOf(kind) !== "") return rows;
  const open = await shop.ledger.countDiscrepancies({ states: OPEN });
  const kinds = [...new Set(open.map((each) => each.kind))].sort();
  throw new CrmledgerError("usage", `There is no kind "${kind}"`, {
    hint: `${kinds.length === 0 ? "Nothing is open." : `Open are: ${kinds.join(", ")}.`} Nothing was accepted.`,
  });
}
