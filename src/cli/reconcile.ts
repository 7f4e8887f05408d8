import { CrmledgerError, EXIT_CODES } from "../domain/errors.ts";
import type { CheckScope, DiscrepancyFilter } from "../ledger/checks.ts";
import type { RepairWish } from "../reconcile/repair.ts";
import { type ReconcilePrice, renderReconcilePrice } from "../report/reconcile-price.ts";
import type { Invocation, Reply, RunCommand } from "./command.ts";
import { type Shop, withShop } from "./compose.ts";
import { canAsk, openQuestions } from "./questions.ts";
import { documentOf, reconcileReply } from "./reconcile-document.ts";
import { type ReconcileFlags, scopeOf } from "./reconcile-flags.ts";
import { type Checked, checkAll } from "./reconcile-run.ts";
import { repairAll, repairPlan } from "./repair-run.ts";
import { sourceNamed } from "./sources.ts";

/** `crmledger reconcile`: source, ledger and CRM side by side; on request the repairs of what differs, queued. */
export const run: RunCommand = async (invocation) => {
  const flags = invocation.flags as ReconcileFlags;
  if (invocation.args[0] === "accept") return await accept(invocation, flags);
  refuseUnclear(invocation, flags);
  return await withShop(invocation, "open", async (shop) => {
    if (flags.source !== undefined) sourceNamed(shop.config, flags.source);
    const scope = scopeOf(flags, shop.clock.wallMs());
    if (flags.dryRun) return await dryRun(shop, invocation, flags, scope);
    const checked = await checkAll(shop, invocation, scope, flags.against ?? []);
    let repairsQueued = 0;
    if (flags.repair !== undefined && checked.report !== null) {
      repairsQueued = await repairAsked(shop, invocation, flags, checked);
    }
    const document = await documentOf(shop, checked, scope, repairsQueued);
    return reconcileReply(invocation, document, flags, exitCodeOf(checked, document.counts));
  });
};

function exitCodeOf({ hold, signal }: Checked, counts: Record<string, number>): number {
  if (hold !== null) return hold.kind === "credentials" ? EXIT_CODES.credentialsRefused : EXIT_CODES.held;
  if (signal !== null) return signal === "SIGINT" ? 130 : 143;
  return Object.values(counts).some((count) => count > 0) ? EXIT_CODES.breaksOpen : 0;
}

function refuseUnclear({ args }: Invocation, flags: ReconcileFlags): void {
  const wish = flags.repair;
  if (flags.kind !== undefined || flags.why !== undefined) {
    throw new CrmledgerError("usage", "--kind and --why belong to `reconcile accept`");
  }
  if (args.length > 0 && wish === undefined) {
    throw new CrmledgerError(
      "usage",
      `${args[0]}: ids are for accept and for --repair=recreate, =overwrite and =merge`,
      {
        hint: "crmledger reconcile accept ID... --why TEXT, or crmledger reconcile --repair=merge ID...",
      },
    );
  }
  if (wish === "merge" && args.length === 0) {
    throw new CrmledgerError("usage", "--repair=merge needs the ids of the duplicates to merge", {
      hint: "crmledger reconcile lists them, and says which record it would keep. Nothing was done.",
    });
  }
  if (flags.format !== undefined && flags.format !== "table" && flags.out === undefined && flags.format === "html") {
    throw new CrmledgerError("usage", "--format html needs --out FILE", { hint: "Nothing was done." });
  }
}

async function dryRun(shop: Shop, invocation: Invocation, flags: ReconcileFlags, scope: CheckScope): Promise<Reply> {
  const [{ priceOf }, { adapterOf }] = await Promise.all([
    import("../reconcile/check.ts"),
    import("../crm/registry.ts"),
  ]);
  const adapter = adapterOf(shop.config.crm.type);
  const account = await shop.ledger.account();
  if (account === null) {
    throw new CrmledgerError("usage", "this ledger has never spoken to a CRM: there is nothing to compare", {
      hint: "Run `crmledger sync` first.",
    });
  }
  const check = await priceOf({ ledger: shop.ledger, accountId: account.id, adapter }, scope);
  const repairs = await repairPlan(shop, adapter, wishOf(flags), new Set(invocation.args));
  const document: ReconcilePrice = { dryRun: true, check, repairs };
  return { json: document, text: (style) => renderReconcilePrice(document, style), exitCode: 0 };
}

const wishOf = (flags: ReconcileFlags): RepairWish =>
  flags.repair === undefined || flags.repair === true ? "safe" : flags.repair;

/** A person at a terminal sees what would be queued before it is. */
async function repairAsked(
  shop: Shop,
  invocation: Invocation,
  flags: ReconcileFlags,
  checked: Checked,
): Promise<number> {
  const { io, talk, globals } = invocation;
  const wish = wishOf(flags);
  const ids = new Set(invocation.args);
  const plan = await repairPlan(shop, checked.adapter, wish, ids);
  for (const id of plan.unknown) talk.warn(`${id} is no open discrepancy that --repair=${wish} could mend`);
  if (plan.repairs.length === 0) return 0;
  if (!flags.yes && canAsk(io) && !globals.json) {
    for (const { id, kind, what, tokens } of plan.repairs.slice(0, 20)) {
      io.stderr.write(`  ${id}  ${kind}  ${what}${tokens > 0 ? `  (${tokens} tokens)` : ""}\n`);
    }
    if (plan.repairs.length > 20) io.stderr.write(`  and ${plan.repairs.length - 20} more\n`);
    const questions = openQuestions(io);
    try {
      const answer = await questions.ask(`Queue ${plan.repairs.length} repairs, about ${plan.tokens} tokens? [y/N] `);
      if (!/^y(es)?$/i.test(answer)) return 0;
    } finally {
      questions.close();
    }
  }
  return await repairAll(shop, invocation, checked, wish, ids);
}

async function accept(invocation: Invocation, flags: ReconcileFlags): Promise<Reply> {
  const ids = invocation.args.slice(1);
  if ((ids.length === 0) === (flags.kind === undefined)) {
    throw new CrmledgerError("usage", "reconcile accept needs ids, or --kind KIND", {
      hint: "crmledger reconcile accept 12 13 --why TEXT, or crmledger reconcile accept --kind copied --why TEXT",
    });
  }
  if (!flags.why) {
    throw new CrmledgerError("usage", "reconcile accept needs --why TEXT", { hint: "Nothing was changed." });
  }
  return await withShop(invocation, "open", async ({ ledger, clock }) => {
    const filter: DiscrepancyFilter = flags.kind === undefined ? { ids } : { kinds: [flags.kind] };
    const accepted = await ledger.acceptDiscrepancies(filter, flags.why!, clock.wallMs());
    if (accepted < ids.length) {
      invocation.talk.warn(`${ids.length - accepted} of these ids are not open: crmledger reconcile lists what is`);
    }
    const text = accepted === 1 ? "1 discrepancy accepted" : `${accepted} discrepancies accepted`;
    return { json: { accepted }, text: () => `${text}; the next reconcile does not count them\n`, exitCode: 0 };
  });
}
