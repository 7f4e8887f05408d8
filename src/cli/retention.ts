import { counted } from "../report/human.ts";
import type { Invocation } from "./command.ts";
import type { Shop } from "./compose.ts";

/** Rows of one transaction: far below the 50 ms that others wait at the most. */
const ROWS_PER_TURN = 100;
/** Of one run: cron comes again. */
const BUDGET_MS = 500;
const FILES_MAX = 1_000;

/**
 * What `retention` says is old goes, a little in each run. Never a reason for a run to fail: what is in the way is told, and the
 * next run goes on.
 */
export async function keepRetention(shop: Shop, { talk }: Pick<Invocation, "talk">): Promise<string[]> {
  const { retention } = shop.config;
  if (retention === null) return [];
  const warnings: string[] = [];
  const nowMs = shop.clock.wallMs();
  try {
    const { payloads, rejects } = await thin(shop, nowMs, retention);
    shop.failpoint("retention.thinned");
    const files = await removeArchives(shop, nowMs - retention.archiveMs);
    if (payloads + rejects + files > 0) {
      talk.say(
        `retention: ${counted(payloads, "payload")}, ${counted(rejects, "closed reject")} and ${counted(files, "archived file")} erased`,
      );
    }
  } catch (error) {
    const warning = `retention: not everything old could be erased: ${(error as Error).message}`;
    warnings.push(warning);
    talk.warn(warning);
  }
  return warnings;
}

async function thin(
  { ledger, clock }: Shop,
  nowMs: number,
  { payloadsMs, rejectsMs }: NonNullable<Shop["config"]["retention"]>,
): Promise<{ payloads: number; rejects: number }> {
  const sum = { payloads: 0, rejects: 0 };
  const before = { payloadsMs: nowMs - payloadsMs, rejectsMs: nowMs - rejectsMs };
  const untilMs = clock.monoMs() + BUDGET_MS;
  for (;;) {
    const { payloads, rejects } = await ledger.thin(before, ROWS_PER_TURN);
    sum.payloads += payloads;
    sum.rejects += rejects;
    if (Math.max(payloads, rejects) < ROWS_PER_TURN || clock.monoMs() >= untilMs) return sum;
  }
}

async function removeArchives({ config, ledger, failpoint }: Shop, beforeMs: number): Promise<number> {
  const { removeOldArchive } = await import("../ingest/archive-age.ts");
  let removed = 0;
  for (const { name, spool } of Object.values(config.sources)) {
    if (spool === null || removed >= FILES_MAX) continue;
    // Archived files that may still grow are read on, and then forgotten.
    const followed = new Set((await ledger.fileProgress(name)).map(({ path }) => path));
    removed += await removeOldArchive(spool, beforeMs, followed, FILES_MAX - removed, failpoint);
  }
  return removed;
}
