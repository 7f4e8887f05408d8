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
  const backlog = new Backlog(ledger, run, limit, now);
  return {
    ledger: {
      ...ledger,
      ingest: async (batch, at) => {
        const { submissions } = batch;
        // From then on they need not be moved: they come in where they are to wait.
        const isHeld = submissions.length > 0 && submissions.every(({ source }) => backlog.held.has(source));
        const result = await ledger.ingest(isHeld ? { ...batch, holdBack: backlog.holdBackAbove(0) } : batch, at);
        const fresh = submissions.filter((_, index) => result.verdicts[index]?.type === "new");
        const waiting = new Set(submissions.filter((_, index) => isHeldBack(result.verdicts[index])));
        for (const source of new Set([...waiting].map((one) => one.source)))
          await backlog.wait(source, [...waiting].filter((one) => one.source === source).length);
        await backlog.watch(fresh.filter((one) => !waiting.has(one)));
        return result;
      },
      admit: async (by, source, records, options, at) => {
        const above = backlog.held.has(source) ? -1 : limit - (backlog.old.get(source) ?? 0);
        const holdBack = backlog.holdBackAbove(above);
        const admitted = await ledger.admit(by, source, records, { ...options, holdBack }, at);
        add(backlog.old, source, admitted.old);
        if (admitted.heldBack > 0) await backlog.wait(source, admitted.heldBack);
        if (admitted.apart > 0) await backlog.enforce(source);
        return admitted;
      },
      takeOver: async (by, takeovers, at) => {
        const verdicts = await ledger.takeOver(by, takeovers, at);
        await backlog.watch(takeovers.filter(({ rest }, index) => rest === "write" && verdicts[index] === "queued"));
        return verdicts;
      },
    },
    warnings: () => [...backlog.held].map(([source, moved]) => messageOf(source, moved, limit)),
  };
}

function add(counts: Map<string, number>, source: string, n: number): void {
  counts.set(source, (counts.get(source) ?? 0) + n);
}

/** What one run took in that is older than a week, and how much of it waits, by source. */
class Backlog {
  readonly old = new Map<string, number>();
  readonly held = new Map<string, number>();
  readonly #ledger: Ledger;
  readonly #run: RunId;
  readonly #limit: number;
  readonly #now: () => Now;
  readonly #beforeMs: number;
  readonly #detail: string;

  constructor(ledger: Ledger, run: RunId, limit: number, now: () => Now) {
    this.#ledger = ledger;
    this.#run = run;
    this.#limit = limit;
    this.#now = now;
    this.#beforeMs = now().wallMs - WEEK_MS;
    this.#detail = `older than a week, in a backlog of more than ${count(limit)}: sent by \`crmledger sync --yes\``;
  }

  holdBackAbove(above: number): { beforeMs: number; detail: string; above: number } {
    return { beforeMs: this.#beforeMs, detail: this.#detail, above };
  }

  /** Told of what came in and waits already: what came in before the limit was reached waits with it. */
  async wait(source: string, records: number): Promise<void> {
    if (!this.held.has(source)) await this.#holdBack(source);
    add(this.held, source, records);
    await this.#tell(source);
  }

  async enforce(source: string): Promise<void> {
    if (!this.held.has(source) && (this.old.get(source) ?? 0) <= this.#limit) return;
    await this.#holdBack(source);
    await this.#tell(source);
  }

  async watch(fresh: readonly { source: string; submittedAtMs: number | null }[]): Promise<void> {
    const sources = new Set<string>();
    for (const { source, submittedAtMs } of fresh) {
      if (submittedAtMs === null || submittedAtMs >= this.#beforeMs) continue;
      add(this.old, source, 1);
      sources.add(source);
    }
    for (const source of sources) if (this.old.get(source)! > this.#limit) await this.enforce(source);
  }

  async #holdBack(source: string): Promise<void> {
    const moved = await this.#ledger.holdBack(this.#run, source, this.#beforeMs, this.#now(), this.#detail);
    add(this.held, source, moved);
  }

  async #tell(source: string): Promise<void> {
    const message = messageOf(source, this.held.get(source)!, this.#limit);
    const scope = `backfill:${source}` as const;
    const hold = { kind: "source" as const, scope, untilMs: null, probe: false, message };
    await this.#ledger.openHold(null, hold, this.#now().wallMs);
  }
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
