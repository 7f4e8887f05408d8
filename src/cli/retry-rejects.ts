import { Readable } from "node:stream";
import { IMPORT_SOURCE } from "../config/source-settings.ts";
import { EXIT_CODES } from "../domain/errors.ts";
import { rejectsAsJsonl } from "../intake/rejects-file.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { counted } from "../report/human.ts";
import type { Invocation, Reply } from "./command.ts";
import { withRun, withShop } from "./compose.ts";
import { sourceNamed } from "./sources.ts";
import { ingestDeps, sumCounts } from "./take-in.ts";

const REJECTS_MAX = 1_000_000;

/**
 * `crmledger rejects --retry`: every open reject through today's map of its own source, on the way that an export of rejects
 * takes when it is imported. Those that become submissions are closed by that; conflicts stay.
 */
export function retryRejects(invocation: Invocation): Promise<Reply> {
  return withShop(invocation, "open", (shop) =>
    withRun(shop, "rejects", async (runId) => {
      const before = await openRejects(shop.ledger);
      const deps = await ingestDeps(shop, runId, {
        dryRun: false,
        backfill: "guarded",
        signal: invocation.signals.graceful(),
      });
      const { importFile } = await import("../ingest/file.ts");
      const known = before.filter((row) => Object.hasOwn(shop.config.sources, row.source));
      const gone = before.length - known.length;
      if (gone > 0)
        invocation.talk.warn(`${counted(gone, "reject")} of sources that the config has no more: left alone`);
      const lines = known.map(({ id, origin, reason, raw }) => ({ id, line: origin.line, reason, raw }));
      const report = await importFile(deps, sourceNamed(shop.config, IMPORT_SOURCE), {
        file: "-",
        stdin: Readable.from([Buffer.from(rejectsAsJsonl(lines))]),
        format: "jsonl",
        asNew: true,
        rejectsFile: null,
        sources: Object.values(shop.config.sources),
      });
      if (before.length === 0) invocation.talk.say("no rejects to try again");
      const warnings = known.length === 0 ? [] : report.warnings;
      for (const warning of warnings) invocation.talk.warn(warning);
      const left = (await openRejects(shop.ledger)).length;
      const reply = replyOf(before.length, left, sumCounts(report.files), warnings);
      return { result: reply, summary: reply.json, exitCode: reply.exitCode };
    }),
  );
}

async function openRejects(ledger: Ledger) {
  const { rows } = await ledger.rejects(REJECTS_MAX);
  return rows.filter((row) => row.kind === "reject");
}

function replyOf(
  retried: number,
  left: number,
  counts: ReturnType<typeof sumCounts>,
  warnings: readonly string[],
): Reply {
  const { duplicate, conflict, history, skipped } = counts;
  const json = { retried, new: counts.new, duplicate, conflict, history, skipped, rejected: left, warnings };
  const text = `${counted(retried, "reject")} tried again: ${counts.new} became ${counts.new === 1 ? "a submission" : "submissions"}, ${left} ${left === 1 ? "is" : "are"} still rejected\n`;
  const next = counts.new > 0 ? "Send them with: crmledger sync\n" : "";
  return { json, text: () => text + next, exitCode: left + conflict > 0 ? EXIT_CODES.attention : 0 };
}
