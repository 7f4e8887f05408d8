import { resolve } from "node:path";
import { IMPORT_SOURCE, laneTargetMs } from "../config/source-settings.ts";
import { CrmledgerError, EXIT_CODES } from "../domain/errors.ts";
import type { RunId } from "../domain/ids.ts";
import type { SourceSettings } from "../domain/settings.ts";
import type { Lane } from "../domain/submission.ts";
import { counted, localTime } from "../report/human.ts";
import { type ImportDocument, renderImports } from "../report/import-list.ts";
import { createProgress } from "../report/progress.ts";
import { checkMaps } from "./check-maps.ts";
import { type Invocation, type Reply, type RunCommand, showsProgress } from "./command.ts";
import { type Shop, withRun, withShop } from "./compose.ts";
import { shellWord } from "./cron-line.ts";
import { errorDocument } from "./error-document.ts";
import { exitCodeOfError } from "./exit-code.ts";
import { lockImport } from "./import-lock.ts";
import { sourceNamed } from "./sources.ts";
import { ingestDeps, sumCounts } from "./take-in.ts";
import { placeOf, refuseStdout } from "./write-whole.ts";

/** A thread of its own is worth its start from some 20,000 records on. */
const THREAD_BYTES_MIN = 4 * 1024 * 1024;

interface ImportFlags {
  dryRun?: boolean;
  source?: string;
  lane?: Lane;
  rejects?: string;
  format?: SourceSettings["format"];
  asNew?: boolean;
}

/** `crmledger import FILE...`: files of missed submissions into the ledger; the next sync sends them. */
export const run: RunCommand = (invocation) => {
  const flags = invocation.flags as ImportFlags;
  refuseUnclear(invocation.args, flags, invocation.io.cwd);
  const documents: ImportDocument[] = [];
  const work = async (shop: Shop): Promise<Reply> => {
    const source = sourceFor(sourceNamed(shop.config, flags.source ?? IMPORT_SOURCE), flags.lane ?? "background");
    await checkMaps(shop.config, [source]);
    if (flags.dryRun) return replyOf(documents, await importAll(shop, invocation, 0 as RunId, source, documents), true);
    const lock = await lockImport(shop.ledgerPath);
    const take = async (runId: RunId) => {
      const reply = replyOf(documents, await importAll(shop, invocation, runId, source, documents), false);
      return { result: reply, summary: reply.json, exitCode: reply.exitCode };
    };
    return await withRun(shop, "import", take, lock).finally(() => lock.release());
  };
  return withShop(invocation, flags.dryRun ? "openOrPretend" : "create", work).catch((error: unknown) =>
    brokenOff(invocation, documents, error),
  );
};

/** What was taken before a file that could not be is taken all the same, and is told before the error. */
function brokenOff(invocation: Invocation, documents: readonly ImportDocument[], error: unknown): Reply {
  const { flags, globals, print, talk } = invocation;
  if (documents.length === 0) throw error;
  const taken: Reply = {
    json: { error: errorDocument(error), files: documents },
    text: (style) => renderImports(documents, flags.dryRun === true, style),
    exitCode: exitCodeOfError(error),
  };
  if (!globals.json) {
    print(taken);
    throw error;
  }
  talk.error(errorDocument(error).message, errorDocument(error).hint ?? undefined);
  return taken;
}

function refuseUnclear(files: readonly string[], flags: ImportFlags, cwd: string): void {
  if (flags.rejects !== undefined && files.length > 1) {
    throw new CrmledgerError("usage", "--rejects takes one file at a time", { hint: "Import the files one by one." });
  }
  const hint = "Name a file, or afterwards: crmledger rejects --export -";
  refuseStdout("--rejects", flags.rejects, "the import's summary is", hint);
  if (flags.rejects !== undefined && placeOf(resolve(cwd, flags.rejects)) === null)
    throw new CrmledgerError("usage", `--rejects: ${flags.rejects} is no file`, { hint });
  if (files.filter((file) => file === "-").length > 1) throw new CrmledgerError("usage", "- can be given once");
}

/** Missed submissions are sent in the lane asked for; a target follows its lane. */
function sourceFor(source: SourceSettings, lane: Lane): SourceSettings {
  return lane === source.lane ? source : { ...source, lane, targetMs: laneTargetMs(lane) };
}

/** Adds each file that was taken to `documents`. Gives how many sources' backlog is kept back by `limits.backfill`. */
async function importAll(
  shop: Shop,
  invocation: Invocation,
  runId: RunId,
  source: SourceSettings,
  documents: ImportDocument[],
): Promise<number> {
  const flags = invocation.flags as ImportFlags;
  const { importFile } = await import("../ingest/file.ts");
  const { mapRows } = await import("./map-thread.ts");
  const { io, talk } = invocation;
  const progress = createProgress(io.stderr, "Importing", showsProgress(invocation));
  const signal = invocation.signals.graceful();
  signal.addEventListener("abort", () => progress.stop(), { once: true });
  const deps = await ingestDeps(shop, runId, {
    dryRun: flags.dryRun === true,
    backfill: flags.dryRun ? "allowed" : "guarded",
    signal,
    mapRows: { bytesMin: THREAD_BYTES_MIN, start: mapRows },
    progress: ({ file, records, bytes, bytesTotal }) =>
      progress.update(bytes, bytesTotal ?? bytes, `${records} of ${file}`),
  });
  try {
    for (const name of invocation.args) {
      const report = await importFile(deps, source, {
        file: name === "-" ? name : resolve(io.cwd, name),
        stdin: name === "-" ? (io.stdin as AsyncIterable<Uint8Array>) : undefined,
        format: flags.format ?? null,
        asNew: flags.asNew === true,
        rejectsFile: flags.rejects === undefined ? null : resolve(io.cwd, flags.rejects),
        sources: Object.values(shop.config.sources),
      });
      for (const warning of report.warnings) talk.warn(warning);
      const rows = report.files.reduce((sum, file) => sum + file.rows, 0);
      const { warnings, rejectsFile } = report;
      documents.push({ file: name, rows, ...sumCounts(report.files), warnings, rejectsFile });
    }
  } finally {
    progress.stop();
    tellHistory(documents, source, invocation);
    const held = deps.guard?.warnings() ?? [];
    for (const warning of held) talk.warn(warning);
    documents.at(-1)?.warnings.push(...held);
  }
  return deps.guard?.warnings().length ?? 0;
}

/** Whoever imports last year's file wanted it sent, or did not: both learn what became of it. */
function tellHistory(documents: readonly ImportDocument[], source: SourceSettings, { talk }: Invocation): void {
  const old = documents.filter(({ history }) => history > 0);
  const [first] = old;
  if (first === undefined) return;
  const from = source.sendFromMs === null ? "" : ` (${localTime(source.sendFromMs)})`;
  const total = old.reduce((sum, { history }) => sum + history, 0);
  const command = ["adopt", first.file, "--source", source.name].map(shellWord).join(" ");
  talk.say(
    [
      `${counted(total, "record")} of history: older than the sendFrom of ${source.name}${from}. Kept and compared, never sent.`,
      `To send on purpose what the CRM does not have of it: crmledger ${command} --send-missing (first with --dry-run)`,
    ].join("\n"),
  );
}

function replyOf(documents: readonly ImportDocument[], heldBack: number, dryRun: boolean): Reply {
  const attention = heldBack > 0 || documents.some((one) => one.rejected + one.conflict > 0);
  return {
    json: documents.length === 1 ? documents[0] : documents,
    text: (style) => renderImports(documents, dryRun, style),
    exitCode: attention ? EXIT_CODES.attention : 0,
  };
}
