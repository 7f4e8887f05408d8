import type { DrainLimits } from "../domain/settings.ts";
import { hasEndedSample } from "./retry-samples.ts";
import type { DrainReport, RunnerDeps } from "./runner.ts";

/**
 * The whole drain where nothing is queued, which is what most runs of cron find: it needs neither the CRM nor the code that
 * speaks to it. Null where there is work; what runs left behind whose leases are over is back in the queue then.
 */
export async function drainNothing(
  { ledger, clock, settings }: Pick<RunnerDeps, "ledger" | "clock" | "settings">,
  { source, lane }: Pick<DrainLimits, "source" | "lane">,
): Promise<DrainReport | null> {
  const now = { wallMs: clock.wallMs(), monoMs: clock.monoMs(), bootId: clock.bootId };
  await ledger.recoverExpired(now, settings.retry.settleMs[0] ?? 0);
  const queue = await ledger.queue({ source, lane });
  const queued = queue.pending + queue.waiting + queue.uncertain + queue.inProgress;
  if (queued > 0 || (await hasEndedSample(ledger))) return null;
  // An old ledger may be empty because it is old.
  const stale = (await ledger.holds()).find(({ kind }) => kind === "staleLedger");
  return { ...(await emptyReport(ledger)), ...(stale && { stopped: "hold" as const, hold: stale }) };
}

/** Of a drain that sent nothing. */
export async function emptyReport(ledger: RunnerDeps["ledger"]): Promise<DrainReport> {
  const queue = await ledger.queue();
  return {
    drained: { done: 0, waiting: 0, uncertain: 0, failed: 0 },
    remaining: queue.pending + queue.waiting + queue.uncertain,
    warnings: [],
    requests: { total: 0, rateLimited: 0, retried: 0, tokens: 0 },
    lookups: { mirror: 0, search: 0 },
    stopped: "drained",
    hold: null,
    heldSources: [],
    setupMissing: null,
  };
}
