/** A check on a drain rig: the reconcile of the tool, on the virtual clock against the simulator. */
import { NO_FAILPOINT } from "../../src/domain/failpoint.ts";
import type { RunId } from "../../src/domain/ids.ts";
import type { CheckScope, DiscrepancyRow } from "../../src/ledger/checks.ts";
import { createMirror } from "../../src/mirror/create-mirror.ts";
import { runCheck } from "../../src/reconcile/check.ts";
import type { CheckReport, NotIngested, ReconcileDeps } from "../../src/reconcile/reconcile.ts";
import { type RepairOutcome, type RepairWish, repair } from "../../src/reconcile/repair.ts";
import { openDesk } from "../../src/runner/desk.ts";
import type { Desk, RunnerDeps } from "../../src/runner/runner.ts";
import type { Rig } from "./drain-rig.ts";

export const WHOLE: CheckScope = { source: null, sinceMs: null, untilMs: null };

export interface CheckOptions {
  scope?: Partial<CheckScope>;
  notIngested?: readonly NotIngested[];
  runner?: Partial<RunnerDeps>;
  signal?: AbortSignal;
}

export interface CheckRun {
  report: CheckReport;
  rows: DiscrepancyRow[];
  requests: number;
  tokens: number;
}

/** Runs a check to its end and gives what it saw or closed. */
export async function checkOn(rig: Rig, options: CheckOptions = {}): Promise<CheckRun> {
  return await onDesk(rig, options, async (desk, runId) => {
    const report = await runCheck(depsOf(rig, desk, runId), {
      scope: { ...WHOLE, ...options.scope },
      notIngested: options.notIngested ?? [],
    });
    const rows = await discrepanciesOf(rig, { check: report.check.id });
    const { total, tokens } = await rig.ledger.requestTotals(runId);
    return { report, rows, requests: total, tokens };
  });
}

async function onDesk<T>(rig: Rig, options: CheckOptions, work: (desk: Desk, runId: RunId) => Promise<T>): Promise<T> {
  const { clock, ledger } = rig;
  const now = () => ({ wallMs: clock.wallMs(), monoMs: clock.monoMs(), bootId: clock.bootId });
  return await clock.run(async () => {
    const runId = await ledger.openRun({ kind: "reconcile", pid: 1, host: "test", lockName: null, now: now() });
    const desk = await openDesk(rig.deps(runId, options.runner), { lane: "background", signal: options.signal });
    try {
      await desk.catalog(["fields:person", "fields:organization", "fields:deal"], 3_600_000);
      return await work(desk, runId);
    } finally {
      await desk.close();
      await ledger.closeRun(runId, { stopped: "drained", exitCode: 0, summary: null, nowMs: clock.wallMs() });
    }
  });
}

function depsOf(rig: Rig, desk: Desk, runId: RunId): ReconcileDeps {
  const { ledger, clock } = rig;
  const { adapter } = rig.deps(runId);
  const mirrorDeps = desk.mirrorDeps();
  return {
    ledger,
    accountId: desk.accountId,
    runId,
    adapter,
    session: desk.crmSession(),
    read: desk.read,
    clock,
    crmTimeMs: desk.crmTimeMs,
    mirror: createMirror(mirrorDeps),
    mirrorDeps,
    failpoint: NO_FAILPOINT,
  };
}

export async function discrepanciesOf(
  rig: Rig,
  filter: Parameters<Rig["ledger"]["discrepancies"]>[0],
): Promise<DiscrepancyRow[]> {
  const rows: DiscrepancyRow[] = [];
  let after: string | null = null;
  do {
    const page: Awaited<ReturnType<Rig["ledger"]["discrepancies"]>> = await rig.ledger.discrepancies(
      filter,
      after,
      500,
    );
    rows.push(...page.rows);
    after = page.next;
  } while (after !== null);
  return rows;
}

/** What `--repair` does. */
export async function repairOn(
  rig: Rig,
  wish: RepairWish = "safe",
  ids: readonly string[] = [],
): Promise<RepairOutcome> {
  const account = (await rig.ledger.account())!;
  const catalog = (await rig.ledger.loadCatalog(account.id)).map((row) => row.catalog);
  const fields = Object.assign({}, ...catalog.map((part) => part.fields ?? {}));
  const deps = {
    ledger: rig.ledger,
    accountId: account.id,
    catalog: { fields, labels: {} },
    nowMs: rig.clock.wallMs(),
    failpoint: NO_FAILPOINT,
  };
  return await repair(deps, wish, new Set(ids), { states: ["new", "open", "accepted"] }, async () => {});
}

/** `kind record` or `kind SOURCE/KEY`: how a test names a discrepancy. */
export function named(row: DiscrepancyRow): string {
  const about = row.entity === null ? `${row.source}/${row.key}` : `${row.entity}:${row.crmId}`;
  return `${row.kind} ${about}`;
}
