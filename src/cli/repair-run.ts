import type { CrmAdapter } from "../crm/adapter.ts";
import type { DiscrepancyFilter, DiscrepancyRow } from "../ledger/checks.ts";
import { isWished, type RepairDeps, type RepairWish, repair, repairTokens } from "../reconcile/repair.ts";
import type { Invocation } from "./command.ts";
import { type Shop, withRun } from "./compose.ts";
import type { Checked } from "./reconcile-run.ts";
import { ingestDeps } from "./take-in.ts";

const ROWS_MAX = 500;
/** Whatever is open; accepted ones only by id. */
const OPEN: DiscrepancyFilter = { states: ["new", "open", "accepted"] };

export interface PlannedRepair {
  id: string;
  kind: string;
  repair: string;
  what: string;
  tokens: number;
}

export interface RepairPlan {
  wish: RepairWish;
  repairs: PlannedRepair[];
  tokens: number;
  /** Ids that were named and mean nothing that this wish could mend. */
  unknown: string[];
}

/** What a wish would queue now, with its price. */
export async function repairPlan(
  { ledger }: Pick<Shop, "ledger">,
  adapter: Pick<CrmAdapter, "capabilities">,
  wish: RepairWish,
  ids: ReadonlySet<string>,
): Promise<RepairPlan> {
  const repairs: PlannedRepair[] = [];
  const unknown = new Set(ids);
  let after: string | null = null;
  do {
    const page = await ledger.discrepancies(OPEN, after, ROWS_MAX);
    for (const row of page.rows) {
      if (!isWished(row, wish, ids)) continue;
      unknown.delete(row.id);
      repairs.push(planned(row, wish, adapter));
    }
    after = page.next;
  } while (after !== null);
  const tokens = repairs.reduce((sum, each) => sum + each.tokens, 0);
  return { wish, repairs, tokens, unknown: [...unknown] };
}

function planned(row: DiscrepancyRow, wish: RepairWish, { capabilities }: Pick<CrmAdapter, "capabilities">) {
  const overwrites = wish === "overwrite" && row.entity !== null;
  const tokens = overwrites
    ? capabilities.cost("read", row.entity!) + capabilities.cost("update", row.entity!)
    : (repairTokens(row, capabilities) ?? 0);
  const name = wish === "safe" ? (row.repair ?? "none") : wish;
  return { id: row.id, kind: row.kind, repair: name, what: row.message, tokens };
}

/** Queues the repairs, and ingests what only the sources have. The number of discrepancies that something was done for. */
export async function repairAll(
  shop: Shop,
  invocation: Invocation,
  checked: Checked,
  wish: RepairWish,
  ids: ReadonlySet<string>,
): Promise<number> {
  const { ledger, clock } = shop;
  const deps: RepairDeps = {
    ledger,
    accountId: checked.accountId,
    catalog: checked.session.catalog,
    nowMs: clock.wallMs(),
  };
  // What only the sources have comes first: the CRM's records of it are then adopted with their content.
  const outcome = await repair(deps, wish, ids, OPEN, (files) => ingestFiles(shop, invocation, files));
  for (const { id, why } of outcome.refused) invocation.talk.warn(`${id} was left alone: ${why}`);
  if (wish === "safe" && checked.report !== null && outcome.refused.length === 0)
    await endStaleLedger(shop, invocation);
  return outcome.queued;
}

async function ingestFiles(
  shop: Shop,
  invocation: Invocation,
  files: readonly { file: string; source: string }[],
): Promise<void> {
  const { importFile } = await import("../ingest/file.ts");
  await withRun(shop, "import", async (runId) => {
    const deps = await ingestDeps(shop, runId, { dryRun: false, backfill: "guarded" });
    const counts = [];
    for (const { file, source } of files) {
      const settings = shop.config.sources[source];
      if (settings === undefined) continue;
      const options = { file, format: null, asNew: true, rejectsFile: null };
      const report = await importFile(deps, settings, options);
      for (const warning of report.warnings) invocation.talk.warn(warning);
      counts.push(...report.files);
    }
    for (const warning of deps.guard?.warnings() ?? []) invocation.talk.warn(warning);
    return { result: undefined, summary: { files: counts }, exitCode: 0 };
  });
}

/** A whole check has adopted what the CRM had: the ledger is no older than it any more. */
async function endStaleLedger({ ledger, clock }: Shop, { talk }: Invocation): Promise<void> {
  const ended = await ledger.closeHolds({ kind: "staleLedger" }, clock.wallMs());
  if (ended > 0)
    talk.warn("the ledger knows again what the CRM has: the hold staleLedger is ended, and sync sends again");
}
