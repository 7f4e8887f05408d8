import { CrmledgerError, EXIT_CODES } from "../domain/errors.ts";
import type { CheckScope } from "../ledger/checks.ts";
import { type ReconcilePrice, renderReconcilePrice } from "../report/reconcile-price.ts";
import type { Reply, RunCommand } from "./command.ts";
import { type Shop, withShop } from "./compose.ts";
import { discrepanciesOf, refuseUnknown } from "./discrepancies.ts";
import { keepHistory } from "./history.ts";
import { accept } from "./reconcile-accept.ts";
import { documentOf, reconcileReply } from "./reconcile-document.ts";
import { outPath, type ReconcileFlags, refuseUnclear, scopeOf } from "./reconcile-flags.ts";
import { type Checked, checkAll } from "./reconcile-run.ts";
import { askAndRepair } from "./repair-ask.ts";
import { NOTHING_REPAIRED, repairPlan, wishOf } from "./repair-run.ts";
import { sourceNamed } from "./sources.ts";
import { lookAndTell } from "./watch.ts";
import { refuseUnwritable } from "./write-whole.ts";

/** `crmledger reconcile`: source, ledger and CRM side by side; on request the repairs of what differs, queued. */
export const run: RunCommand = async (invocation) => {
  const flags = invocation.flags as ReconcileFlags;
  if (invocation.args[0] === "accept") return await accept(invocation, flags);
  refuseUnclear(invocation, flags);
  const path = outPath(invocation, flags);
  if (path !== null) refuseUnwritable(path);
  return await withShop(invocation, "open", async (shop) => {
    if (flags.source !== undefined) sourceNamed(shop.config, flags.source);
    const scope = scopeOf(flags, shop.clock.wallMs());
    const ids = new Set(invocation.args);
    // A check costs tokens: a slip of the pen is told before.
    if (ids.size > 0) refuseUnknown(ids, await discrepanciesOf(shop, { ids: [...ids] }), "Nothing was done.");
    if (flags.dryRun) return await dryRun(shop, flags, scope, ids);
    const checked = await checkAll(shop, invocation, scope, flags.against ?? []);
    const repaired =
      flags.repair === undefined ? NOTHING_REPAIRED : await askAndRepair(shop, invocation, flags, checked, ids);
    const document = await documentOf(shop, checked, scope, repaired);
    const exitCode = exitCodeOf(checked, document.counts);
    const { durationMs } = checked;
    await keepHistory(shop, invocation, { kind: "reconcile", exitCode, durationMs, lookups: { mirror: 0, search: 0 } });
    await lookAndTell(shop, invocation);
    return reconcileReply(invocation, document, exitCode);
  });
};

function exitCodeOf({ hold, signal }: Checked, counts: Record<string, number>): number {
  if (hold !== null) return hold.kind === "credentials" ? EXIT_CODES.credentialsRefused : EXIT_CODES.held;
  if (signal !== null) return signal === "SIGINT" ? 130 : 143;
  return Object.values(counts).some((count) => count > 0) ? EXIT_CODES.breaksOpen : 0;
}

async function dryRun(shop: Shop, flags: ReconcileFlags, scope: CheckScope, ids: ReadonlySet<string>): Promise<Reply> {
  const [{ priceOf }, { adapterOf }] = await Promise.all([
    import("../reconcile/check.ts"),
    import("../crm/registry.ts"),
  ]);
  const adapter = adapterOf(shop.config.crm.type);
  const account = await shop.ledger.account();
  if (account === null) {
    throw new CrmledgerError("usage", "this ledger has never spoken to a CRM: what it has there is not known", {
      hint: "Run `crmledger reconcile` without --dry-run: it only reads. Nothing was done.",
    });
  }
  const check = await priceOf({ ledger: shop.ledger, accountId: account.id, adapter }, scope);
  const repairs = await repairPlan(shop, adapter, wishOf(flags), ids, { source: scope.source });
  const document: ReconcilePrice = { dryRun: true, check, repairs };
  return { json: document, text: (style) => renderReconcilePrice(document, style), exitCode: 0 };
}
