import type { CheckScope, DiscrepancyRow } from "../ledger/checks.ts";
import { isSafe, repairTokens } from "../reconcile/repair.ts";
import { reconcileCsv } from "../report/reconcile-csv.ts";
import type { ReconcileDocument, ReconcileItem, ReconcileTotals } from "../report/reconcile-document.ts";
import { reconcileHtml } from "../report/reconcile-html.ts";
import { renderReconcileTable } from "../report/reconcile-table.ts";
import type { Style } from "../report/style.ts";
import type { Invocation, Reply } from "./command.ts";
import type { Shop } from "./compose.ts";
import { discrepanciesOf } from "./discrepancies.ts";
import { formattedReply } from "./formatted-reply.ts";
import { holdDocument } from "./hold-document.ts";
import type { ReconcileFlags } from "./reconcile-flags.ts";
import type { Checked } from "./reconcile-run.ts";
import type { Repaired } from "./repair-run.ts";

const DAY_MS = 86_400_000;
const AGES: readonly { age: string; fromMs: number | null; toMs: number | null }[] = [
  { age: "today", fromMs: DAY_MS, toMs: null },
  { age: "this week", fromMs: 7 * DAY_MS, toMs: DAY_MS },
  { age: "this month", fromMs: 30 * DAY_MS, toMs: 7 * DAY_MS },
  { age: "older", fromMs: null, toMs: 30 * DAY_MS },
];

const isOpen = (row: Pick<DiscrepancyRow, "state">): boolean => row.state === "new" || row.state === "open";
const iso = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());

/** Everything that a check found, as scripts and pages read it. */
export async function documentOf(
  shop: Shop,
  checked: Checked,
  scope: CheckScope,
  repaired: Repaired,
): Promise<ReconcileDocument> {
  const { report } = checked;
  const rows = report === null ? [] : await discrepanciesOf(shop, { check: report.check.id });
  const nowMs = shop.clock.wallMs();
  return {
    scope: { source: scope.source, since: iso(scope.sinceMs), until: iso(scope.untilMs) },
    checkedAt: new Date(nowMs).toISOString(),
    durationMs: Math.round(checked.durationMs),
    checked: report?.checked ?? 0,
    matched: report?.matched ?? 0,
    counts: byKind(rows, "break"),
    edits: byKind(rows, "edit"),
    discrepancies: rows.map((row) => itemOf(row, checked)),
    bySource: await bySource(shop, scope, rows),
    byAge: await byAge(shop, scope, rows, nowMs),
    notChecked: [...(report?.notChecked ?? []), ...checked.notes],
    requests: checked.requests,
    repairsQueued: repaired.queued,
    repairs: repaired.kinds,
    stopped: checked.hold !== null ? "hold" : checked.signal !== null ? "signal" : null,
    hold: checked.hold === null ? null : holdDocument(checked.hold),
  };
}

function byKind(rows: readonly DiscrepancyRow[], which: DiscrepancyRow["class"]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const row of rows) if (row.class === which && isOpen(row)) counts[row.kind] = (counts[row.kind] ?? 0) + 1;
  return counts;
}

function itemOf(row: DiscrepancyRow, { adapter, session }: Checked): ReconcileItem {
  const { id, kind, state, source, key, email, entity, crmId, expected, actual, message, repair, why, repairs } = row;
  const crm =
    entity === null || crmId === null ? null : { type: entity, id: crmId, link: adapter.link(entity, crmId, session) };
  const since = new Date(Math.min(row.sinceMs, row.firstSeenAtMs)).toISOString();
  const tokens = repairTokens(row, adapter.capabilities) ?? 0;
  const safe = isSafe(row);
  return {
    id,
    class: row.class,
    kind,
    state,
    source,
    key,
    email,
    crm,
    expected,
    actual,
    message,
    since,
    repair,
    safe,
    tokens,
    why,
    repairs,
  };
}

async function bySource(
  { ledger, config }: Shop,
  scope: CheckScope,
  rows: readonly DiscrepancyRow[],
): Promise<Record<string, ReconcileTotals>> {
  const names =
    scope.source === null
      ? [...Object.keys(config.sources), ...rows.flatMap(({ source }) => source ?? [])]
      : [scope.source];
  const totals: Record<string, ReconcileTotals> = {};
  for (const source of new Set(names)) {
    const submissions = await ledger.submissionsIn({ ...scope, source });
    const mine = rows.filter((row) => row.source === source);
    if (submissions > 0 || mine.length > 0) totals[source] = totalsOf(submissions, mine);
  }
  return totals;
}

async function byAge({ ledger }: Shop, scope: CheckScope, rows: readonly DiscrepancyRow[], nowMs: number) {
  const found: ReconcileDocument["byAge"] = [];
  for (const { age, fromMs, toMs } of AGES) {
    const sinceMs = later(scope.sinceMs, fromMs === null ? null : nowMs - fromMs);
    const untilMs = earlier(scope.untilMs, toMs === null ? null : nowMs - toMs);
    if (sinceMs !== null && untilMs !== null && sinceMs >= untilMs) continue;
    const submissions = await ledger.submissionsIn({ ...scope, sinceMs, untilMs });
    const mine = rows.filter(
      (row) => (sinceMs === null || row.sinceMs >= sinceMs) && (untilMs === null || row.sinceMs < untilMs),
    );
    if (submissions > 0 || mine.length > 0) found.push({ age, totals: totalsOf(submissions, mine) });
  }
  return found;
}

function totalsOf(checked: number, rows: readonly DiscrepancyRow[]): ReconcileTotals {
  const open = rows.filter(isOpen);
  const concerned = new Set(open.flatMap(({ submissionId }) => submissionId ?? []));
  const breaks = open.filter((row) => row.class === "break").length;
  return { checked, matched: Math.max(0, checked - concerned.size), breaks, edits: open.length - breaks };
}

const later = (a: number | null, b: number | null): number | null => (a === null ? b : b === null ? a : Math.max(a, b));
const earlier = (a: number | null, b: number | null): number | null =>
  a === null ? b : b === null ? a : Math.min(a, b);

/** The document in the form that was asked for. */
export function reconcileReply(invocation: Invocation, document: ReconcileDocument, exitCode: number): Reply {
  const edits = (invocation.flags as ReconcileFlags).edits === true;
  const forms = {
    json: document,
    table: (style: Style) => renderReconcileTable(document, style, { edits }),
    csv: () => reconcileCsv(document),
    html: () => reconcileHtml(document),
  };
  return formattedReply(invocation, forms, exitCode);
}
