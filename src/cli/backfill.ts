import type { RunId } from "../domain/ids.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { IngestVerdict, Now } from "../ledger/rows.ts";
import { count } from "../report/human.ts";

const WEEK_MS = 7 * 86_400_000;

/** `limits.backfill` over one run's ingest. */
export interface BackfillGuard {
  /** The ledger for ingest: what exceeds the limit is kept back as it comes in, before anything could send it. */
  ledger: Ledger;
  /** One warning for each source that is kept back. */
  warnings(): string[];
}

/**
 * Counts new submissions older than a week by source. From the first one beyond `limit` on, all of them that this run took
 * in wait for `sync --yes`; fresh ones of the same source flow. A hold says so to everybody who looks.
 */
export function guardBackfill(ledger: Ledger, run: RunId, limit: number, now: () => Now): BackfillGuard {
  const beforeMs = now().wallMs - WEEK_MS;
  const detail = `older than a week, in a backlog of more than ${count(limit)}: sent by \`crmledger sync --yes\``;
  const old = new Map<string, number>();
  const held = new Map<string, number>();
  const add = (counts: Map<string, number>, source: string, n = 1): void => {
    counts.set(source, (counts.get(source) ?? 0) + n);
  };
  const holdBack = async (source: string): Promise<void> => {
    add(held, source, await ledger.holdBack(run, source, beforeMs, now(), detail));
    await tell(source);
  };
  const tell = async (source: string): Promise<void> => {
    const message = messageOf(source, held.get(source)!, limit);
    const hold = {
      kind: "source" as const,
      scope: `backfill:${source}` as const,
      untilMs: null,
      probe: false,
      message,
    };
    await ledger.openHold(null, hold, now().wallMs);
  };
  const watch = async (fresh: readonly { source: string; submittedAtMs: number | null }[]): Promise<void> => {
    const sources = new Set<string>();
    for (const { source, submittedAtMs } of fresh) {
      if (submittedAtMs === null || submittedAtMs >= beforeMs) continue;
      add(old, source);
      sources.add(source);
    }
    for (const source of sources) if (old.get(source)! > limit) await holdBack(source);
  };
  return {
    ledger: {
      ...ledger,
      ingest: async (batch, at) => {
        const { submissions } = batch;
        // From then on they need not be moved: they come in where they are to wait.
        const isHeld = submissions.length > 0 && submissions.every(({ source }) => held.has(source));
        const result = await ledger.ingest(isHeld ? { ...batch, holdBack: { beforeMs, detail } } : batch, at);
        const fresh = submissions.filter((_, index) => result.verdicts[index]?.type === "new");
        const waiting = new Set(submissions.filter((_, index) => isHeldBack(result.verdicts[index])));
        for (const { source } of waiting) add(held, source);
        for (const source of new Set([...waiting].map((one) => one.source))) await tell(source);
        await watch(fresh.filter((one) => !waiting.has(one)));
        return result;
      },
      takeOver: async (by, takeovers, at) => {
        const verdicts = await ledger.takeOver(by, takeovers, at);
        await watch(takeovers.filter(({ rest }, index) => rest === "write" && verdicts[index] === "queued"));
        return verdicts;
      },
    },
    warnings: () => [...held].map(([source, moved]) => messageOf(source, moved, limit)),
  };
}

const isHeldBack = (verdict: IngestVerdict | undefined): boolean =>
  verdict?.type === "new" && verdict.heldBack === true;

function messageOf(source: string, moved: number, limit: number): string {
  return `${count(moved)} submissions of ${source} are older than a week (limits.backfill: ${count(limit)}) and wait; send them with crmledger sync --yes`;
}

/** `sync --yes`: what was kept back goes into the queue, and its holds end. */
export async function letBackfillGo(ledger: Ledger, source: string | null, now: Now): Promise<number> {
  const moved = await ledger.letGo(source, now);
  const holds = (await ledger.holds()).filter(
    (hold) => hold.scope.startsWith("backfill:") && (source === null || hold.scope === `backfill:${source}`),
  );
  if (holds.length > 0) await ledger.closeHolds({ ids: holds.map((hold) => hold.id) }, now.wallMs);
  return moved;
}
