import type { CrmAdapter } from "../crm/adapter.ts";
import { isArchived } from "../ingest/acknowledge.ts";
import type { CheckId, DiscrepancyFilter, DiscrepancyRow } from "../ledger/checks.ts";
import type { IncomingSubmission } from "../ledger/rows.ts";
import {
  isWished,
  type LackingFile,
  type RepairDeps,
  type RepairOutcome,
  type RepairWish,
  repair,
  repairTokens,
} from "../reconcile/repair.ts";
import { submissionName } from "../report/reconcile-words.ts";
import type { Invocation } from "./command.ts";
import { type Shop, withRun } from "./compose.ts";
import { discrepanciesOf } from "./discrepancies.ts";
import type { ReconcileFlags } from "./reconcile-flags.ts";
import type { Checked } from "./reconcile-run.ts";
import { ingestDeps } from "./take-in.ts";

/** Whatever is open; accepted ones only by id. */
const LIVE = ["new", "open", "accepted"] as const;

export interface PlannedRepair {
  id: string;
  kind: string;
  repair: string;
  /** `SOURCE/KEY`, where one is known. */
  submission: string | null;
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

/** What was done about a check's discrepancies, by kind. */
export type Repaired = Pick<RepairOutcome, "queued" | "kinds">;

export const NOTHING_REPAIRED: Repaired = { queued: 0, kinds: { queued: {}, done: {}, left: {} } };

export const wishOf = ({ repair: asked }: Pick<ReconcileFlags, "repair">): RepairWish =>
  asked === undefined || asked === true ? "safe" : asked;

/** What a wish would queue now, with its price: of what one check saw, or of what is open of a source. */
export async function repairPlan(
  shop: Pick<Shop, "ledger">,
  adapter: Pick<CrmAdapter, "capabilities">,
  wish: RepairWish,
  ids: ReadonlySet<string>,
  of: { check?: CheckId; source?: string | null },
): Promise<RepairPlan> {
  const filter = { states: LIVE, ...(of.check !== undefined && { check: of.check }) };
  const rows = (await discrepanciesOf(shop, filter)).filter(
    (row) => isWished(row, wish, ids) && (of.source == null || row.source === of.source),
  );
  const repairs = rows.map((row) => planned(row, wish, adapter));
  const tokens = repairs.reduce((sum, each) => sum + each.tokens, 0);
  const found = new Set(rows.map(({ id }) => id));
  return { wish, repairs, tokens, unknown: [...ids].filter((id) => !found.has(id)) };
}

function planned(row: DiscrepancyRow, wish: RepairWish, { capabilities }: Pick<CrmAdapter, "capabilities">) {
  const overwrites = wish === "overwrite" && row.entity !== null;
  const tokens = overwrites
    ? capabilities.cost("read", row.entity!) + capabilities.cost("update", row.entity!)
    : (repairTokens(row, capabilities) ?? 0);
  const name = wish === "safe" ? (row.repair ?? "none") : wish;
  const submission = submissionName(row);
  return { id: row.id, kind: row.kind, repair: name, submission, what: row.message, tokens };
}

/** Queues the repairs of what the check found, and ingests what only the sources have. */
export async function repairAll(
  shop: Shop,
  invocation: Invocation,
  checked: Checked,
  wish: RepairWish,
  ids: ReadonlySet<string>,
): Promise<Repaired> {
  const { ledger, clock } = shop;
  const deps: RepairDeps = {
    ledger,
    accountId: checked.accountId,
    catalog: checked.session.catalog,
    nowMs: clock.wallMs(),
    failpoint: shop.failpoint,
  };
  const filter: DiscrepancyFilter = { states: LIVE, check: checked.report!.check.id };
  // What only the sources have comes first: the CRM's records of it are then adopted with their content.
  const outcome = await repair(deps, wish, ids, filter, (files) => ingestFiles(shop, invocation, files));
  for (const { id, why } of outcome.refused) invocation.talk.warn(`${id} was left alone: ${why}`);
  if (wish === "safe" && ids.size === 0 && outcome.refused.length === 0)
    await endStaleLedger(shop, invocation, checked);
  return outcome;
}

/** Of each file what the check found to be lacking, and history, which is never sent: the rest of an old export is not meant. */
async function ingestFiles(shop: Shop, invocation: Invocation, files: readonly LackingFile[]): Promise<void> {
  const { importFile } = await import("../ingest/file.ts");
  await withRun(shop, "import", async (runId) => {
    const deps = await ingestDeps(shop, runId, { dryRun: false, backfill: "guarded" });
    const counts = [];
    for (const { file, source, keys } of files) {
      const settings = shop.config.sources[source];
      if (settings === undefined) continue;
      const options = { file, format: null, asNew: isArchived(file), rejectsFile: null };
      const wanted = ({ key, history }: IncomingSubmission): boolean => history || keys.has(key);
      const report = await importFile({ ...deps, wanted }, settings, options);
      for (const warning of report.warnings) invocation.talk.warn(warning);
      counts.push(...report.files);
    }
    for (const warning of deps.guard?.warnings() ?? []) invocation.talk.warn(warning);
    return { result: undefined, summary: { files: counts }, exitCode: 0 };
  });
}

/** Once a check of everything has adopted what the CRM had, the ledger is no older than it any more. */
export async function endStaleLedger(
  { ledger, clock }: Shop,
  { talk }: Invocation,
  { report }: Pick<Checked, "report">,
): Promise<void> {
  if (report === null || Object.values(report.check.scope).some((bound) => bound !== null)) return;
  // Another check may have found them again since, so that they were not this one's to adopt.
  const unknown = await discrepanciesOf({ ledger }, { kinds: ["not-in-ledger"], states: ["new", "open"] });
  if (unknown.some(({ repairs }) => repairs === 0)) return;
  const ended = await ledger.closeHolds({ kind: "staleLedger" }, clock.wallMs());
  if (ended > 0)
    talk.say("The ledger knows again what the CRM has: the hold staleLedger is ended, and the next sync sends.");
}
