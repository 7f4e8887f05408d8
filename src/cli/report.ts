import { CrmledgerError, EXIT_CODES } from "../domain/errors.ts";
import type { CheckRow, CheckScope } from "../ledger/checks.ts";
import { utcTime } from "../report/human.ts";
import { isClean, type ReportDocument, renderReport, reportCsv, reportHtml } from "../report/report-page.ts";
import type { Invocation, RunCommand } from "./command.ts";
import { type Shop, withLedgerOnly } from "./compose.ts";
import { formattedReply } from "./formatted-reply.ts";
import { findNotIngested } from "./not-ingested.ts";
import { scopeOf } from "./reconcile-flags.ts";
import { checkAll } from "./reconcile-run.ts";
import { sourceNamed } from "./sources.ts";

interface ReportFlags {
  month?: { sinceMs: number; untilMs: number };
  since?: { agoMs: number } | { atMs: number };
  until?: { agoMs: number } | { atMs: number };
  source?: string;
  against?: string[];
  fresh?: boolean;
}

type Period = CheckScope & { sinceMs: number; untilMs: number };

/** `crmledger report`: every record that came in a time accounted for. */
export const run: RunCommand = (invocation) =>
  withLedgerOnly(invocation, async (shop) => {
    const flags = invocation.flags as ReportFlags;
    if (flags.source !== undefined && shop.config !== null) sourceNamed(shop.config, flags.source);
    const period = periodOf(flags, shop.clock.wallMs());
    const stopped = flags.fresh ? await check(configured(shop, "--fresh"), invocation, period) : null;
    const unknown =
      flags.against === undefined
        ? []
        : await unknownOf(configured(shop, "--against"), invocation, period, flags.against);
    const document = await documentOf(shop, period, unknown);
    const forms = {
      json: document,
      table: (style: Parameters<typeof renderReport>[1]) => renderReport(document, style),
      csv: () => reportCsv(document),
      html: () => reportHtml(document),
    };
    return formattedReply(invocation, forms, stopped ?? (isClean(document) ? 0 : EXIT_CODES.breaksOpen));
  });

/** The month that runs, where nothing was said. */
function periodOf(flags: ReportFlags, nowMs: number): Period {
  const source = flags.source ?? null;
  if (flags.month !== undefined) {
    if (flags.since === undefined && flags.until === undefined) return { source, ...flags.month };
    throw new CrmledgerError("usage", "--month goes with neither --since nor --until");
  }
  const { sinceMs, untilMs } = scopeOf(flags, nowMs);
  if (sinceMs === null && untilMs !== null) {
    throw new CrmledgerError("usage", "--until needs --since", { hint: "Or --month 2026-03 for a whole month." });
  }
  const now = new Date(nowMs);
  const month = (ahead: number): number => new Date(now.getFullYear(), now.getMonth() + ahead, 1).getTime();
  const period = { source, sinceMs: sinceMs ?? month(0), untilMs: untilMs ?? (sinceMs === null ? month(1) : nowMs) };
  if (period.sinceMs < period.untilMs) return period;
  throw new CrmledgerError("usage", "--since is not before --until");
}

function configured(shop: Omit<Shop, "config"> & { config: Shop["config"] | null }, flag: string): Shop {
  const { config } = shop;
  if (config !== null) return { ...shop, config };
  throw new CrmledgerError("usage", `${flag} needs the config`, { hint: "Give it with --config FILE." });
}

/** The exit code where the check was stopped before its end: then the report is of the last one that was not. */
async function check(shop: Shop, invocation: Invocation, period: Period): Promise<number | null> {
  const { hold, signal } = await checkAll(shop, invocation, period, []);
  if (hold !== null) {
    invocation.talk.warn(`the CRM could not be looked at: ${hold.message}`);
    return hold.kind === "credentials" ? EXIT_CODES.credentialsRefused : EXIT_CODES.held;
  }
  return signal === null ? null : signal === "SIGINT" ? 130 : 143;
}

async function unknownOf(
  shop: Shop,
  invocation: Invocation,
  period: Period,
  against: readonly string[],
): Promise<ReportDocument["unknown"]> {
  const { rows, notes } = await findNotIngested(shop, invocation, period, against);
  for (const note of notes) invocation.talk.warn(note);
  return rows.map(({ submittedAtMs, ...row }) => ({ ...row, submittedAt: utcTime(submittedAtMs) }));
}

async function documentOf(
  { ledger, clock }: Pick<Shop, "ledger" | "clock">,
  period: Period,
  unknown: ReportDocument["unknown"],
): Promise<ReportDocument> {
  const { delaySeconds, overdue, openBreaks, delivered, ...fates } = await ledger.accounts(period, clock.wallMs());
  const lastCheck = await ledger.lastCheck();
  const sum = (counts: Record<string, number>): number => Object.values(counts).reduce((total, n) => total + n, 0);
  return {
    from: utcTime(period.sinceMs),
    to: utcTime(period.untilMs),
    source: period.source,
    received: sum(fates) + sum(delivered),
    delivered,
    ...fates,
    overdue,
    delaySeconds,
    accountedFor: unknown.length === 0,
    unknown,
    lastCheck: lastCheck === null ? null : checkDocument(lastCheck),
    openBreaks,
  };
}

function checkDocument({ endedAtMs, startedAtMs, scope }: CheckRow): NonNullable<ReportDocument["lastCheck"]> {
  const { source, sinceMs, untilMs } = scope;
  return { at: utcTime(endedAtMs ?? startedAtMs), source, since: utcTime(sinceMs), until: utcTime(untilMs) };
}
