/** Import of one file, pipe or standard input. */
import { open, rename } from "node:fs/promises";
import { CrmledgerError } from "../domain/errors.ts";
import { sha256 } from "../domain/json.ts";
import { compileMapping } from "../intake/mapping.ts";
import { type ExportedReject, rejectsAsCsv, rejectsAsJsonl } from "../intake/rejects-file.ts";
import { type FileRows, rowsOfFile } from "./file-rows.ts";
import type { ImportFile, IngestDeps } from "./ingest.ts";
import { type Input, openInput } from "./input.ts";
import { errorCode } from "./open.ts";
import { checkReexport, isSuspicious } from "./reexport.ts";
import { emptyCounts, type TakenFile } from "./taker.ts";
import { OPEN_REJECTS_MAX, Takers } from "./takers.ts";
import { checkTimes } from "./unread-times.ts";
import { shownName, Warnings } from "./warnings.ts";

/** Takes a file's records. Safe to repeat: what was taken before is a duplicate. */
export const importFile: ImportFile = async (deps, source, options) => {
  const warnings = new Warnings();
  const mapping = await compileMapping(source, deps.phone);
  const input = await openInput(options);
  try {
    const { format, rows } = await rowsOfFile(input, source, mapping, options.format);
    const taken = { counts: emptyCounts(input.shown), flat: format === "csv" };
    const makeTakers = (given: IngestDeps, onReject: (raw: string) => void): Takers =>
      new Takers(given, source, mapping, given === deps ? warnings : new Warnings(), options.sources ?? [], onReject);
    if (!options.asNew) {
      const times = checkTimes(source);
      const check = await checkReexport(deps.ledger, mapping, rows(), taken.flat, times.see);
      const unread = times.refusal(input.shown);
      if (check.suspicious || unread !== null) {
        const dry = { ...deps, dryRun: true, progress: undefined, onVerdict: undefined };
        const takers = makeTakers(dry, () => {});
        const strangers = await wouldTake(dry, takers, taken, input, rows);
        if (unread !== null && strangers > 0) throw unread;
        if (check.suspicious) refuseReexport(input, check, strangers);
      }
    }
    const rejected = new Set<string>();
    const takers = makeTakers(deps, (raw) => {
      if (options.rejectsFile !== null) rejected.add(sha256(raw));
    });
    await takeRows(deps, takers, taken, input, rows);
    if (taken.counts.rows === 0) warnings.say(`${input.shown} holds no records`);
    const rejectsFile =
      options.rejectsFile === null || deps.dryRun
        ? null
        : await writeRejects(deps, format === "csv", rejected, options.rejectsFile);
    return { files: [taken.counts], warnings: warnings.list(), mapped: takers.mapped, rejectsFile };
  } finally {
    await input.close();
  }
};

/** Records that would be taken as submissions: what is known by its raw text, or under today's map, is no second one. */
async function wouldTake(
  dry: IngestDeps,
  takers: Takers,
  taken: TakenFile,
  input: Input,
  rows: FileRows["rows"],
): Promise<number> {
  const counts = emptyCounts(input.shown);
  await takeRows(dry, takers, { ...taken, counts }, input, rows);
  return counts.new + counts.history + counts.conflict;
}

function refuseReexport(input: Input, check: { records: number; matched: number }, strangers: number): void {
  if (!isSuspicious(Math.min(check.matched, strangers), check.records)) return;
  throw new CrmledgerError(
    "inputUnreadable",
    `${input.shown} looks like a re-export: ${check.matched} of its ${check.records} records are known persons and times under other keys`,
    {
      hint: "Nothing was taken. Map `id` as the first export had it; `crmledger import --as-new` would take all of it as new.",
    },
  );
}

async function takeRows(
  deps: IngestDeps,
  takers: Takers,
  taken: TakenFile,
  input: Input,
  rows: FileRows["rows"],
): Promise<void> {
  for await (const row of rows()) {
    const taker = await takers.of(row, taken.flat);
    await taker.take(row, taken);
    if (!taker.full) continue;
    await taker.flush(null);
    deps.progress?.({ file: input.shown, records: taken.counts.rows, bytes: row.endOffset, bytesTotal: input.size });
    if (deps.signal?.aborted) return takers.flush();
  }
  await takers.flush();
  deps.progress?.({ file: input.shown, records: taken.counts.rows, bytes: input.size, bytesTotal: input.size });
}

/** Writes this file's open rejects in the shape that can be imported again; the path, or null where there are none. */
async function writeRejects(
  deps: IngestDeps,
  fromCsv: boolean,
  rejected: ReadonlySet<string>,
  path: string,
): Promise<string | null> {
  if (rejected.size === 0) return null;
  const { rows } = await deps.ledger.rejects(OPEN_REJECTS_MAX);
  const own = rows
    .filter((row) => row.kind === "reject" && rejected.has(sha256(row.raw)))
    .map((row): ExportedReject => ({ id: row.id, line: row.origin.line, reason: row.reason, raw: row.raw }))
    .sort((a, b) => (a.line ?? 0) - (b.line ?? 0));
  const asCsv = /\.csv$/i.test(path) || (fromCsv && !/\.(jsonl|ndjson|json)$/i.test(path));
  await writeWhole(path, asCsv ? rejectsAsCsv(own) : rejectsAsJsonl(own));
  return path;
}

/** Written under another name and renamed, so that a half-written file never has the name. Only its owner may read it. */
async function writeWhole(path: string, text: string): Promise<void> {
  const part = `${path}.part`;
  try {
    const handle = await open(part, "w", 0o600);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(part, path);
  } catch (error) {
    const code = errorCode(error);
    throw new CrmledgerError(
      code === "ENOSPC" || code === "EDQUOT" ? "diskFull" : "inputUnreadable",
      `${shownName(path)} can't be written (${code})`,
      {
        hint: "The records are in the ledger, rejects too: `crmledger rejects --export FILE` writes them.",
        cause: error,
      },
    );
  }
}
