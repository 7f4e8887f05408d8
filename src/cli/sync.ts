import { CrmledgerError } from "../domain/errors.ts";
import type { DrainLimits } from "../domain/settings.ts";
import type { Lane } from "../domain/submission.ts";
import { HELD_BACK_UNTIL_MS } from "../ledger/rows.ts";
import { quietLine } from "../report/quiet-lines.ts";
import { renderSyncSummary, type SyncSummary } from "../report/sync-summary.ts";
import type { DrainReport } from "../runner/runner.ts";
import { letBackfillGo } from "./backfill.ts";
import { changedNames } from "./changed-names.ts";
import { checkMaps } from "./check-maps.ts";
import type { Invocation, Reply, RunCommand } from "./command.ts";
import { type Shop, withShop } from "./compose.ts";
import { beginDrainRun, type DrainRun, drainWithProgress, SYNC_LOCK } from "./drain-run.ts";
import { errorDocument } from "./error-document.ts";
import { exitCodeOfError, exitCodeOfRun, exitCodeOfSignal } from "./exit-code.ts";
import { goneSources } from "./gone-sources.ts";
import { heldAfter } from "./held-files.ts";
import { keepHistory } from "./history.ts";
import { holdDocument } from "./hold-document.ts";
import { quietDocuments } from "./quiet.ts";
import { remapHeld } from "./remap-held.ts";
import { keepRetention } from "./retention.ts";
import { sourceNamed, spooledSources } from "./sources.ts";
import { ingestDeps, NOTHING_TAKEN, type TakenIn, takeIn } from "./take-in.ts";
import { lookAndTell, tellNotBegun, watchRun } from "./watch.ts";

const MAX_WAIT_MS = 30_000;

interface SyncFlags {
  dryRun?: boolean;
  limit?: number;
  maxDuration?: number;
  maxWait?: number;
  maxTokens?: number;
  source?: string;
  lane?: Lane;
  join?: boolean;
  yes?: boolean;
}

/** `crmledger sync`: every spool into the ledger, then the queue to the CRM. */
export const run: RunCommand = async (invocation) => {
  const flags = invocation.flags as SyncFlags;
  if (flags.dryRun) return await (await import("./dry-run.ts")).dryRun(invocation, limitsOf(flags));
  const work = async (shop: Shop): Promise<Reply> => {
    if (flags.source !== undefined) sourceNamed(shop.config, flags.source);
    await checkMaps(shop.config, Object.values(shop.config.sources));
    return await runSync(shop, invocation, {
      kind: "sync",
      ingest: true,
      join: flags.join === true,
      yes: flags.yes === true,
      limits: limitsOf(flags),
    });
  };
  return await withShop(invocation, "create", work).catch(async (error: unknown) => {
    await tellNotBegun(invocation, error);
    throw error;
  });
};

export function limitsOf(flags: SyncFlags): DrainLimits {
  return {
    submissionsMax: flags.limit ?? null,
    durationMaxMs: flags.maxDuration ?? null,
    waitMaxMs: flags.maxWait ?? MAX_WAIT_MS,
    tokensMax: flags.maxTokens ?? null,
    source: flags.source ?? null,
    lane: flags.lane ?? null,
  };
}

export interface SyncPlan {
  kind: string;
  /** Whether spools are read first. One that joins a running sync leaves that to it. */
  ingest: boolean;
  join: boolean;
  /** What `limits.backfill` keeps back is sent too. */
  yes: boolean;
  limits: DrainLimits;
}

/** What a run has found out so far; a run that breaks off shows this much. */
interface Progressed {
  taken: TakenIn;
  report: DrainReport | null;
  error: unknown;
}

/** One run under its lock. A run that began always gives its summary, whatever broke it off. */
export async function runSync(shop: Shop, invocation: Invocation, plan: SyncPlan): Promise<Reply> {
  const startedMs = shop.clock.monoMs();
  const watch = await watchRun(shop, invocation);
  const begun = await beginDrainRun(shop, plan.kind, plan.join).catch(async (error: unknown) => {
    // The one that is at work may be so for hours: meanwhile these are the looks.
    if (error instanceof CrmledgerError && error.code === "alreadyRunning") await lookAndTell(shop, invocation);
    throw error;
  });
  watch.begun(plan.kind === "sync" && begun.lock.name === SYNC_LOCK);
  const signal = invocation.signals.graceful();
  const progressed: Progressed = { taken: NOTHING_TAKEN, report: null, error: null };
  try {
    await work(shop, invocation, plan, begun, signal, progressed);
  } catch (error) {
    progressed.error = error;
    const { message, hint } = errorDocument(error);
    if (error !== progressed.taken.trouble) invocation.talk.error(message, hint ?? undefined);
  }
  const reply = await end(shop, begun, progressed, startedMs)
    .then(async (ended) => {
      await keepInHistory(shop, invocation, plan.kind, ended);
      return ended;
    })
    .finally(() => begun.lock.release());
  await watch.ended(reply);
  return reply;
}

async function end(shop: Shop, begun: DrainRun, progressed: Progressed, startedMs: number): Promise<Reply> {
  const givenBack = progressed.error === null || (await giveBack(shop, begun));
  const reply = replyOf(
    begun,
    progressed,
    shop.clock.monoMs() - startedMs,
    await factsOf(shop, begun, progressed.taken),
    new Date(shop.clock.wallMs()).toISOString(),
  );
  // One that stays open is taken for dead by the next run, which then puts its work back.
  if (givenBack) await closeRun(shop, begun, reply);
  return reply;
}

async function keepInHistory(shop: Shop, invocation: Invocation, kind: string, reply: Reply): Promise<void> {
  const { durationMs, lookups } = reply.json as SyncSummary;
  const signal = invocation.signals.received();
  const exitCode = signal === null ? reply.exitCode : exitCodeOfSignal(signal);
  await keepHistory(shop, invocation, { kind, exitCode, durationMs, lookups });
}

async function work(
  shop: Shop,
  invocation: Invocation,
  plan: SyncPlan,
  begun: DrainRun,
  signal: AbortSignal,
  progressed: Progressed,
): Promise<void> {
  const { limits } = plan;
  for (const warning of begun.warnings) invocation.talk.warn(warning);
  if (plan.yes) await letBackfillGo(shop.ledger, limits.source, shop.now());
  if (plan.ingest && begun.lock.name === "sync") {
    const sources = spooledSources(shop.config, limits.source ?? undefined);
    progressed.taken = await takeIn(
      await ingestDeps(shop, begun.runId, { dryRun: false, backfill: plan.yes ? "allowed" : "guarded", signal }),
      sources,
      invocation,
    );
  }
  // A spool that can't be read is this machine's trouble: nothing is sent after it, and the next run goes on.
  if (progressed.taken.trouble !== null) throw progressed.taken.trouble;
  if (signal.aborted) return;
  await remapHeld(shop, invocation);
  const gone = (await goneSources(shop)).map(({ message, fix }) => `${message}. ${fix}`);
  for (const warning of gone) invocation.talk.warn(warning);
  progressed.report = await drainWithProgress(shop, invocation, begun.runId, limits, signal);
  if (progressed.taken !== NOTHING_TAKEN && !signal.aborted)
    progressed.taken.warnings.push(...(await keepRetention(shop, invocation)));
  progressed.report.warnings.push(...(await nameWarnings(shop)));
  for (const warning of progressed.report.warnings) invocation.talk.warn(warning);
  progressed.report.warnings.push(...gone);
  for (const quiet of await quietDocuments(shop))
    if (quiet.waiting > 0) invocation.talk.say(`Quiet hours: ${quietLine(quiet)}.`);
  const { setupMissing } = progressed.report;
  if (setupMissing !== null) invocation.talk.error(setupMissing.message, setupMissing.hint);
}

/** What the CRM calls otherwise now, while the old name is still in use here. */
async function nameWarnings(shop: Shop): Promise<string[]> {
  return (await changedNames(shop)).map(({ message, fix }) => `${message}. ${fix}`);
}

interface LedgerFacts {
  requests: { total: number; rateLimited: number; tokens: number };
  remaining: number;
  due: Pick<SyncSummary, "nextDueAt">;
  held: Pick<SyncSummary, "heldFiles">;
}

/** What the drain itself does not tell, or could not. Where the ledger itself is the trouble it can't say. */
async function factsOf({ ledger, clock }: Shop, begun: DrainRun, taken: TakenIn): Promise<LedgerFacts> {
  try {
    const held = await heldAfter(ledger, taken);
    const [requests, queue] = await Promise.all([ledger.requestTotals(begun.runId), ledger.queue()]);
    const dueAtMs = await ledger.nextDueAtMs({ source: null, lane: null });
    const isTimed = dueAtMs !== null && dueAtMs > clock.wallMs() && dueAtMs < HELD_BACK_UNTIL_MS;
    const due = isTimed ? { nextDueAt: new Date(dueAtMs).toISOString() } : {};
    // Of a run that broke off: what it could not give back is put back by the next one.
    const remaining = queue.pending + queue.waiting + queue.uncertain + queue.inProgress;
    return { requests, remaining, due, held };
  } catch {
    return { requests: { total: 0, rateLimited: 0, tokens: 0 }, remaining: 0, due: {}, held: {} };
  }
}

/** Puts what a run that broke off had in hand back into the queue. False where the ledger can't do even that. */
async function giveBack({ ledger, config, now }: Shop, begun: DrainRun): Promise<boolean> {
  try {
    await ledger.recover([begun.runId], now(), config.drain.retry.settleMs[0] ?? 0);
    return true;
  } catch {
    return false;
  }
}

async function closeRun(shop: Shop, begun: DrainRun, reply: Reply): Promise<void> {
  const { stopped } = reply.json as SyncSummary;
  const end = { stopped, exitCode: reply.exitCode, summary: reply.json, nowMs: shop.clock.wallMs() };
  await shop.ledger.closeRun(begun.runId, end).catch(() => undefined);
}

function replyOf(
  begun: DrainRun,
  { taken, report, error }: Progressed,
  durationMs: number,
  facts: LedgerFacts,
  endedAt: string,
): Reply {
  const setupMissing = report?.setupMissing ?? null;
  const failure = error !== null ? errorDocument(error) : null;
  const missing = setupMissing === null ? null : { code: "crmSetupMissing", ...setupMissing };
  const summary: SyncSummary = {
    run: String(begun.runId),
    ingested: taken.counts,
    drained: report?.drained ?? { done: 0, waiting: 0, uncertain: 0, failed: 0 },
    remaining: report?.remaining ?? facts.remaining,
    warnings: [...begun.warnings, ...taken.warnings, ...(report?.warnings ?? [])],
    requests: report?.requests ?? { ...facts.requests, retried: 0 },
    lookups: report?.lookups ?? { mirror: 0, search: 0 },
    // What kept everything from being sent is no end of the queue.
    stopped: setupMissing !== null ? "hold" : (report?.stopped ?? (error === null ? "signal" : "hold")),
    hold: report?.hold ? holdDocument(report.hold) : null,
    durationMs: Math.round(durationMs),
    ...facts.due,
    ...facts.held,
    ...((failure ?? missing) && { error: failure ?? missing ?? undefined }),
  };
  // What was never begun is nothing, and known to be.
  const ingested = error !== null && taken === NOTHING_TAKEN && begun.lock.name === SYNC_LOCK;
  const drained = error !== null && report === null && !ingested && taken.trouble === null;
  return {
    json: summary,
    text: (style) => renderSyncSummary(summary, style, endedAt, { ingested, drained }),
    exitCode: exitCodeOfSummary(taken, report, error as CrmledgerError | null),
  };
}

function exitCodeOfSummary(taken: TakenIn, report: DrainReport | null, error: CrmledgerError | null): number {
  if (error !== null && exitCodeOfError(error) === 1) return 1;
  return exitCodeOfRun({
    error,
    setupMissing: report?.setupMissing != null,
    machineTrouble: taken.trouble !== null,
    hold: report?.hold ?? null,
    heldSources: taken.heldBack + (report?.heldSources.length ?? 0),
    unreadable: taken.unreadable,
    failed: report?.drained.failed ?? 0,
    rejected: taken.counts.rejected,
    conflict: taken.counts.conflict,
  });
}
