import type { RunId } from "../domain/ids.ts";
import type { IncomingSubmission } from "../ledger/rows.ts";
import type { Takeover } from "../ledger/takeover.ts";
import type { Candidate } from "./adopt-files.ts";
import { guardBackfill } from "./backfill.ts";
import type { Shop } from "./compose.ts";

/** Records of a transaction; it must not hold the write lock for long. */
const CHUNK = 200;

export interface Applied {
  /** By name, as `SOURCE/KEY`. */
  verdicts: Map<string, "taken" | "queued">;
  warnings: string[];
  /** Sources whose backlog is kept back by `limits.backfill`. */
  heldBack: number;
}

const nameOf = ({ source, key }: Pick<Takeover, "source" | "key">): string => `${source}/${key}`;

/**
 * Writes into the ledger what is taken over and what is to be sent. Everything comes in as history, which nothing sends, and
 * goes on only together with its records: a sync that runs meanwhile can't write what is there already.
 */
export async function apply(
  shop: Shop,
  runId: RunId,
  chosen: readonly { candidate: Candidate; takeover: Takeover }[],
): Promise<Applied> {
  const { ledger } = shop;
  const applied: Applied = { verdicts: new Map(), warnings: [], heldBack: 0 };
  const fresh = chosen.filter(({ candidate }) => !candidate.ingested).map(({ candidate }) => candidate.item);
  for (let from = 0; from < fresh.length; from += CHUNK) await keep(shop, runId, fresh.slice(from, from + CHUNK));
  const guard = guardBackfill(ledger, runId, shop.config.drain.limits.backfill, shop.now);
  const sent = chosen.filter(({ takeover }) => takeover.rest === "write");
  // Before the others: what the guard keeps back of this run must not be their stamps.
  await takeAll(guard.ledger, sent);
  await takeAll(
    ledger,
    chosen.filter(({ takeover }) => takeover.rest !== "write"),
  );
  const held = guard.warnings();
  applied.heldBack = held.length;
  applied.warnings.push(...held);
  return applied;

  async function takeAll(into: Shop["ledger"], some: typeof chosen): Promise<void> {
    for (let from = 0; from < some.length; from += CHUNK) {
      const takeovers = some.slice(from, from + CHUNK).map(({ takeover }) => takeover);
      const verdicts = await into.takeOver(runId, takeovers, shop.now());
      shop.failpoint("adopt.taken");
      for (const [index, verdict] of verdicts.entries()) {
        const name = nameOf(takeovers[index]!);
        if (verdict === "queued" || verdict === "done")
          applied.verdicts.set(name, verdict === "done" ? "taken" : "queued");
        else applied.warnings.push(`${name} was left alone: ${WHY[verdict]}`);
      }
    }
  }
}

const WHY = {
  busy: "a run works on it now; ask again when that has ended",
  changed: "the ledger does not have it any more as it was when this began",
};

async function keep(
  { ledger, now, failpoint }: Shop,
  runId: RunId,
  items: readonly IncomingSubmission[],
): Promise<void> {
  const submissions = items.map((item) => ({ ...item, history: true }));
  await ledger.ingest({ runId, submissions, rejects: [], progress: null, closesRejects: [] }, now());
  failpoint("adopt.kept");
}
