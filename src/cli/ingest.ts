import { renderIngest } from "../report/import-list.ts";
import { checkMaps } from "./check-maps.ts";
import type { Reply, RunCommand } from "./command.ts";
import { withRun, withShop } from "./compose.ts";
import { exitCodeOfRun } from "./exit-code.ts";
import { heldAfter } from "./held-files.ts";
import { keepRetention } from "./retention.ts";
import { spooledSources } from "./sources.ts";
import { ingestDeps, type TakenIn, takeIn } from "./take-in.ts";

/** `crmledger ingest`: every spool into the ledger; nothing is sent. */
export const run: RunCommand = (invocation) =>
  withShop(invocation, "create", async (shop) => {
    const sources = spooledSources(shop.config, invocation.flags.source as string | undefined);
    if (sources.length === 0) invocation.talk.warn("no source has a spool folder; nothing to ingest");
    await checkMaps(shop.config, sources);
    const signal = invocation.signals.graceful();
    return await withRun(shop, "ingest", async (runId) => {
      const taken = await takeIn(
        await ingestDeps(shop, runId, { dryRun: false, backfill: "guarded", signal }),
        sources,
        invocation,
      );
      if (!signal.aborted) taken.warnings.push(...(await keepRetention(shop, invocation)));
      const reply = replyOf(taken, await heldAfter(shop.ledger, taken));
      return { result: reply, summary: reply.json, exitCode: reply.exitCode };
    });
  });

function replyOf(
  { files, counts, warnings, heldBack, unreadable, trouble }: TakenIn,
  held: Awaited<ReturnType<typeof heldAfter>>,
): Reply {
  const lines = files.map(({ rows: _, ...file }) => file);
  const exitCode = exitCodeOfRun({
    error: null,
    setupMissing: false,
    machineTrouble: trouble !== null,
    hold: null,
    heldSources: heldBack,
    unreadable,
    failed: 0,
    rejected: counts.rejected,
    conflict: counts.conflict,
  });
  return {
    json: { ingested: counts, files: lines, warnings, ...held },
    text: (style) => renderIngest(lines, counts, style),
    exitCode,
  };
}
