/** Import of one file, pipe or standard input. */
import { open, rename } from "node:fs/promises";
import { CrmledgerError } from "../domain/errors.ts";
import { sha256 } from "../domain/json.ts";
import type { SourceSettings } from "../domain/settings.ts";
import { compileMapping, type Mapping } from "../intake/mapping.ts";
import { type ExportedReject, rejectsAsCsv, rejectsAsJsonl, unwrapReject } from "../intake/rejects-file.ts";
import type { Row } from "../intake/row.ts";
import { type FileRows, rowsOfFile } from "./file-rows.ts";
import type { ImportFile, IngestDeps } from "./ingest.ts";
import { type Input, openInput } from "./input.ts";
import { LargeFile } from "./large-file.ts";
import { batchRows } from "./mapped-rows.ts";
import { errorCode } from "./open.ts";
import { checkReexport, checkUnknown, isSuspicious } from "./reexport.ts";
import type { RowBatch } from "./row-batch.ts";
import { warnOfGuess } from "./taken-warnings.ts";
import { emptyCounts, type TakenFile, type Taker } from "./taker.ts";
import { OPEN_REJECTS_MAX, Takers } from "./takers.ts";
import { checkTimes } from "./unread-times.ts";
import { shownName, Warnings } from "./warnings.ts";

/** Takes a file's records. Safe to repeat: what was taken before is a duplicate. */
export const importFile: ImportFile = async (deps, source, options) => {
  const warnings = new Warnings();
  const mapping = await compileMapping(source, deps.phone);
  const input = await openInput(options);
  try {
    const found = await rowsOfFile(input, source, mapping, options.format);
    const { format } = found;
    const taken = { counts: emptyCounts(input.origin), flat: format === "csv" };
    const look = options.asNew ? UNSEEN : await lookAt(deps, source, mapping, input, found, options.sources ?? []);
    if (look.refusal !== null) throw look.refusal;
    const rejected = new Set<string>();
    const takers = new Takers(deps, source, mapping, warnings, options.sources ?? [], (reject) => {
      if (options.rejectsFile !== null) rejected.add(nameOf(reject));
    });
    const large = isLarge(deps, input) ? new LargeFile(deps, source, takers.own, taken, warnings) : null;
    // What is all known is not mapped once more.
    const maps = !look.known || deps.dryRun || deps.wanted !== undefined || deps.onVerdict !== undefined;
    const batches = batchesOf(deps, source, mapping, input, found, maps);
    if (maps || batches === null) await takeAll(deps, takers, taken, input, found, batches, large);
    else await takeKnown(deps, source, takers, taken, input, batches, warnings);
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

interface Look {
  /** Why the file must not be taken without somebody's word: it looks like a re-export, or hides what is history. */
  refusal: CrmledgerError | null;
  /** Every record of it was known a moment ago. */
  known: boolean;
}

const UNSEEN: Look = { refusal: null, known: false };

/** Looks through a file before anything of it is taken. Writes nothing. */
async function lookAt(
  deps: IngestDeps,
  source: SourceSettings,
  mapping: Mapping,
  input: Input,
  found: FileRows,
  sources: readonly SourceSettings[],
  recordsMin = 1,
): Promise<Look> {
  // Where nothing is known nothing can match, and without a `sendFrom` no time is asked for.
  if (source.sendFromMs === null && !(await deps.ledger.hasSubmissions())) return UNSEEN;
  const times = checkTimes(source);
  const flat = found.format === "csv";
  const hashes = source.sendFromMs === null ? batchesOf(deps, source, mapping, input, found, false) : null;
  const check =
    hashes === null
      ? await checkReexport(deps.ledger, mapping, found.rows(), flat, times.see)
      : await checkUnknown(deps.ledger, source.name, mapping, hashes);
  const unread = check.records < recordsMin ? null : times.refusal(input.shown);
  if (!check.suspicious && unread === null) return { refusal: null, known: check.known === true && check.records > 0 };
  const dry = { ...deps, dryRun: true, progress: undefined, onVerdict: undefined };
  const takers = new Takers(dry, source, mapping, new Warnings(), sources, () => {});
  // What is known by its raw text, or under today's map, is no second one.
  const counts = emptyCounts(input.origin);
  await takeAll(dry, takers, { counts, flat }, input, found, batchesOf(deps, source, mapping, input, found, true));
  const strangers = counts.new + counts.history + counts.conflict;
  if (unread !== null && strangers > 0) return { refusal: unread, known: false };
  return { refusal: check.suspicious ? reexported(input, check, strangers) : null, known: false };
}

/** A live spool brings single records with broken times: they flow. So many of them at once are an export. */
const EXPORT_RECORDS_MIN = 20;

/** The same of a file that lies in a spool; null also where it can't be read, which its reader says in its own way. */
export async function spooledRefusal(
  deps: IngestDeps,
  source: SourceSettings,
  mapping: Mapping,
  file: string,
  format: NonNullable<SourceSettings["format"]>,
): Promise<CrmledgerError | null> {
  const input = await openInput({ file, format, asNew: false, rejectsFile: null });
  try {
    const found = await rowsOfFile(input, source, mapping, format);
    return (await lookAt(deps, source, mapping, input, found, [], EXPORT_RECORDS_MIN)).refusal;
  } catch (error) {
    if (error instanceof CrmledgerError && error.code === "inputUnreadable") return null;
    throw error;
  } finally {
    await input.close();
  }
}

function reexported(
  input: Input,
  check: { records: number; matched: number },
  strangers: number,
): CrmledgerError | null {
  if (!isSuspicious(Math.min(check.matched, strangers), check.records)) return null;
  return new CrmledgerError(
    "inputUnreadable",
    `${input.shown} looks like a re-export: ${check.matched} of its ${check.records} records are known persons and times under other keys`,
    {
      hint: "Nothing of it was taken. Map `id` as the first export had it; `crmledger import --as-new` would take all of it as new.",
    },
  );
}

/** A CSV's rows in batches, from another thread where the file is large; null for other formats. */
function batchesOf(
  { mapRows }: IngestDeps,
  source: SourceSettings,
  mapping: Mapping,
  input: Input,
  { csv, rows }: FileRows,
  maps: boolean,
): AsyncIterable<RowBatch> | null {
  if (csv === undefined) return null;
  const { bytes, batches, ...beginning } = csv;
  if (mapRows === undefined || !isLarge({ mapRows }, input)) return batchRows(batches(), mapping, maps);
  return fromThread(() => mapRows.start({ source, csv: beginning, maps }, bytes()), rows);
}

const isLarge = ({ mapRows }: Pick<IngestDeps, "mapRows">, input: Input): boolean =>
  mapRows !== undefined && input.size >= mapRows.bytesMin;

/** The header is looked at in this thread: what is no export of the source ends here. */
async function* fromThread(start: () => AsyncIterable<RowBatch>, rows: FileRows["rows"]): AsyncGenerator<RowBatch> {
  for await (const _ of rows()) break;
  yield* start();
}

async function takeAll(
  deps: IngestDeps,
  takers: Takers,
  taken: TakenFile,
  input: Input,
  { rows }: FileRows,
  batches: AsyncIterable<RowBatch> | null,
  large: LargeFile | null = null,
): Promise<void> {
  try {
    if (batches === null) await takeRows(deps, takers, taken, input, rows());
    else await takeBatches(deps, takers, taken, input, batches, large);
  } finally {
    await large?.end();
  }
  await takers.flush();
  if (deps.signal?.aborted) return;
  deps.progress?.({ file: input.shown, records: taken.counts.rows, bytes: input.size, bytesTotal: input.size });
}

/** Of a file whose records are all known they are counted. What is not known after all is taken in the ordinary way. */
async function takeKnown(
  deps: IngestDeps,
  { name: source }: SourceSettings,
  takers: Takers,
  taken: TakenFile,
  input: Input,
  batches: AsyncIterable<RowBatch>,
  warnings: Warnings,
): Promise<void> {
  const { own } = takers;
  const { counts } = taken;
  for await (const { columns, others } of batches) {
    const { line, rawHash, endOffset } = columns;
    if (await deps.ledger.countAgain({ source, file: counts.file, line, rawHash })) {
      counts.rows += line.length;
      counts.duplicate += line.length;
      for (const [at, isGuessed] of columns.guessed.entries())
        if (isGuessed) warnOfGuess(warnings, counts.file, line[at]!);
    } else for (const row of rowsOf(columns)) await own.take(row, taken);
    for (const { row } of others) await (await takers.of(row, true)).take(row, taken);
    await own.flush(null);
    const bytes = endOffset.at(-1) ?? 0;
    deps.progress?.({ file: input.shown, records: counts.rows, bytes, bytesTotal: input.size });
    if (deps.signal?.aborted) break;
  }
  await takers.flush();
}

/** A CSV's raw text is its record as JSON: see `batchRows` without maps. */
function rowsOf({ raw, line, endOffset, guessed }: RowBatch["columns"]): Row[] {
  return raw.map((text, at) => {
    const record = JSON.parse(text) as unknown;
    const place = { line: line[at]!, endOffset: endOffset[at]!, endLine: line[at]! };
    return { record, raw: text, guessed: guessed[at]!, ...place };
  });
}

async function takeRows(
  deps: IngestDeps,
  takers: Takers,
  taken: TakenFile,
  input: Input,
  rows: AsyncIterable<Row>,
): Promise<void> {
  for await (const row of rows) {
    const taker = await takers.of(row, taken.flat);
    await taker.take(row, taken);
    if (await isOver(deps, taker, taken, input, row.endOffset)) return;
  }
}

async function takeBatches(
  deps: IngestDeps,
  takers: Takers,
  taken: TakenFile,
  input: Input,
  batches: AsyncIterable<RowBatch>,
  large: LargeFile | null,
): Promise<void> {
  const { own } = takers;
  for await (const batch of batches) {
    const { columns, others } = batch;
    if (large?.isOpenTo(batch) && !others.some(({ row }) => isMended(row))) {
      // What came before goes in before: of records with the same key the first one counts.
      await own.flush(null);
      await large.take(columns);
      for (const { row } of others) await own.take(row, taken);
      const bytes = columns.endOffset.at(-1) ?? 0;
      deps.progress?.({ file: input.shown, records: taken.counts.rows, bytes, bytesTotal: input.size });
      if (deps.signal?.aborted) return;
      continue;
    }
    await large?.end();
    let other = 0;
    for (let at = 0; at <= columns.line.length; at += 1) {
      for (; others[other]?.before === at; other += 1) {
        const { row } = others[other]!;
        const taker = await takers.of(row, true);
        await taker.take(row, taken);
        if (await isOver(deps, taker, taken, input, row.endOffset)) return;
      }
      if (at === columns.line.length) break;
      own.takeMapped(columns, at, taken);
      if (own.full && (await isOver(deps, own, taken, input, columns.endOffset[at]!))) return;
    }
  }
}

const isMended = ({ record }: Row): boolean => unwrapReject(record, true).rejectId !== null;

/** Commits what fills a chunk; whether the import is to end there. */
async function isOver(deps: IngestDeps, taker: Taker, taken: TakenFile, input: Input, bytes: number): Promise<boolean> {
  if (!taker.full) return false;
  await taker.flush(null);
  if (!deps.dryRun) await deps.ledger.makeRoom();
  deps.progress?.({ file: input.shown, records: taken.counts.rows, bytes, bytesTotal: input.size });
  return deps.signal?.aborted === true;
}

/** A reject by what it is, since one that came before has its own id: another source may have the same text. */
const nameOf = ({ source, raw }: { source: string; raw: string }): string => `${source}/${sha256(raw)}`;

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
    .filter((row) => row.kind === "reject" && rejected.has(nameOf(row)))
    .map((row): ExportedReject => ({ id: row.id, line: row.origin.line, reason: row.reason, raw: row.raw }))
    .sort((a, b) => (a.line ?? 0) - (b.line ?? 0));
  const asCsv = /\.csv$/i.test(path) || (fromCsv && !/\.(jsonl|ndjson|json)$/i.test(path));
  await writeWhole(deps, path, asCsv ? rejectsAsCsv(own) : rejectsAsJsonl(own));
  return path;
}

/** Written under another name and renamed, so that a half-written file never has the name. Only its owner may read it. */
async function writeWhole({ failpoint, runId }: IngestDeps, path: string, text: string): Promise<void> {
  // Another import may write to the same name.
  const part = `${path}.${runId}.part`;
  try {
    const handle = await open(part, "w", 0o600);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    failpoint("ingest.rejects.written");
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
