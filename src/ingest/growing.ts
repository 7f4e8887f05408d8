/** JSONL and CSV files that may still grow: only whole lines are taken, and the place is remembered with the records. */
import { createHash } from "node:crypto";
import type { SourceFormat, SourceSettings } from "../domain/settings.ts";
import { type CsvDialect, readCsv } from "../intake/csv.ts";
import { detectEncoding } from "../intake/decoding.ts";
import { readJsonLines } from "../intake/lines.ts";
import type { ReadStart, Row } from "../intake/row.ts";
import type { FileProgress } from "../ledger/rows.ts";
import type { IngestDeps } from "./ingest.ts";
import { type OpenedFile, readBytes, readHead } from "./open.ts";
import type { TakenFile, Taker } from "./taker.ts";
import type { Warnings } from "./warnings.ts";

/** Unchanged for so long, a growing file is complete: then a last line without line end counts too. */
export const COMPLETE_AFTER_MS = 24 * 3_600_000;
/** First bytes by which a reused inode or a file that was begun anew is noticed. */
const HEAD_BYTES = 1024;
/** The last ones before the place to go on at tell too: exports of one tool begin alike, with a header of a thousand bytes. */
const TAIL_BYTES = 1024;
/** The head of no file. */
const REWRITTEN = "0:rewritten";

export interface GrowingFile {
  opened: OpenedFile;
  path: string;
  format: SourceFormat;
  taken: TakenFile;
  before: FileProgress | null;
}

export interface GrowingEnd {
  /** Nothing more is expected, and everything there was is taken. */
  complete: boolean;
  unchangedSinceMs: number;
  progress: FileProgress;
}

/** Takes what is new in the file. Records and place are committed together, chunk by chunk. */
export async function takeGrowing(
  deps: IngestDeps,
  source: SourceSettings,
  taker: Taker,
  warnings: Warnings,
  file: GrowingFile,
): Promise<GrowingEnd> {
  const { opened, taken } = file;
  const nowMs = deps.clock.wallMs();
  const unchangedSinceMs = unchangedSince(opened, file.before, nowMs);
  const whole = nowMs - unchangedSinceMs >= COMPLETE_AFTER_MS;
  const before = file.before !== null && isReadAlike(source, file, file.before) ? file.before : null;
  const asOpened = await headOf(opened, Math.min(HEAD_BYTES, opened.size), opened.size);
  const resumed = await resumable(opened, before, taken.counts.file, warnings);
  taken.again = file.before !== null && file.before.offset > 0 && resumed === null;
  const state = new Progress(source.name, file, resumed, unchangedSinceMs, asOpened);
  const rows =
    resumed !== null && resumed.offset >= opened.size ? [] : await openRows(source, file, resumed, whole, state);
  for await (const row of rows) {
    await taker.take(row, taken);
    if (!taker.full) {
      state.at = row;
      continue;
    }
    await taker.flush(await state.now(row));
    state.at = row;
    deps.progress?.({
      file: taken.counts.file,
      records: taken.counts.rows,
      bytes: row.endOffset,
      bytesTotal: opened.size,
    });
    if (deps.signal?.aborted) return { complete: false, unchangedSinceMs, progress: await state.now(row) };
  }
  const progress = await state.now(state.at);
  const isNews = taken.counts.rows > 0 || isChanged(progress, file.before);
  await taker.flush(isNews ? progress : null);
  return { complete: whole && progress.head !== REWRITTEN, unchangedSinceMs, progress };
}

/** Since when size and time are as they are. A time in the future (a clock that is off) counts from when it was first seen. */
export function unchangedSince(opened: OpenedFile, before: FileProgress | null, nowMs: number): number {
  const same = before !== null && before.size === opened.size && before.modifiedAtMs === opened.modifiedAtMs;
  return Math.min(opened.modifiedAtMs, same ? before.unchangedSinceMs : nowMs);
}

/** Whether the config still asks for what the file was read with; else it is read from its start, as duplicates mostly. */
function isReadAlike(source: SourceSettings, file: GrowingFile, before: FileProgress): boolean {
  if (before.context === null) return true;
  const context = JSON.parse(before.context) as Partial<CsvDialect>;
  if ((file.format === "csv") !== (context.columns !== undefined)) return false;
  return source.delimiter === null || context.delimiter === undefined || context.delimiter === source.delimiter;
}

async function resumable(
  opened: OpenedFile,
  before: FileProgress | null,
  shown: string,
  warnings: Warnings,
): Promise<FileProgress | null> {
  if (before === null || before.offset === 0) return null;
  const { head, offset } = before;
  if (offset <= opened.size && (await headOf(opened, headLength(head), offset)) === head) return before;
  warnings.say(
    `${shown} was begun anew or cut short since it was last read: it is read from its start, known records are duplicates`,
  );
  return null;
}

/** `LENGTH:SHA-256` of the first bytes and of the last ones before `offset`: comparable while the file grows. */
export async function headOf(opened: OpenedFile, length: number, offset = length): Promise<string> {
  const head = await readHead(opened.handle, length);
  const hash = createHash("sha256").update(head);
  const tailFrom = Math.max(length, offset - TAIL_BYTES);
  for await (const chunk of readBytes(opened.handle, tailFrom, offset)) hash.update(chunk);
  return `${head.length}:${hash.digest("hex")}`;
}

/** How many bytes a head is of. */
export function headLength(head: string): number {
  return Number(/^\d+/.exec(head)?.[0] ?? 0);
}

function isChanged(progress: FileProgress, before: FileProgress | null): boolean {
  if (before === null) return true;
  const names = ["offset", "size", "modifiedAtMs", "path", "head", "archivedAtMs", "context"] as const;
  return names.some((name) => progress[name] !== before[name]);
}

/** What is to be remembered of the file at a place. */
class Progress {
  at: ReadStart | Row;
  context: string | null;
  readonly #source: string;
  readonly #file: GrowingFile;
  readonly #unchangedSinceMs: number;
  readonly #resumed: FileProgress | null;
  /** The head of all of the file, as it was before it was read. */
  readonly #asOpened: string;

  constructor(
    source: string,
    file: GrowingFile,
    resumed: FileProgress | null,
    unchangedSinceMs: number,
    asOpened: string,
  ) {
    this.#source = source;
    this.#file = file;
    this.#resumed = resumed;
    this.#unchangedSinceMs = unchangedSinceMs;
    this.#asOpened = asOpened;
    this.at = { offset: resumed?.offset ?? 0, line: resumed?.line ?? 0 };
    this.context = resumed?.context ?? null;
  }

  async now(at: ReadStart | Row): Promise<FileProgress> {
    const { opened, path, before } = this.#file;
    const offset = "endOffset" in at ? at.endOffset : at.offset;
    const line = "endLine" in at ? at.endLine : (at.line ?? 0);
    return {
      ...{ source: this.#source, identity: opened.identity, path, offset, line, head: await this.#headAt(offset) },
      ...{ size: opened.size, modifiedAtMs: opened.modifiedAtMs, unchangedSinceMs: this.#unchangedSinceMs },
      context: this.context,
      archivedAtMs: before?.archivedAtMs ?? null,
    };
  }

  async #headAt(offset: number): Promise<string> {
    const { opened } = this.#file;
    if (offset === this.#resumed?.offset) return this.#resumed.head;
    // Only bytes that were read are compared later, so that a file that was empty when it was first seen stays the same one.
    const head = await headOf(opened, Math.min(HEAD_BYTES, offset), offset);
    const now = await headOf(opened, headLength(this.#asOpened), opened.size);
    // Written anew while it was read: these may be bytes that nobody read, so the next run begins at the file's start.
    return now === this.#asOpened ? head : REWRITTEN;
  }
}

async function openRows(
  source: SourceSettings,
  file: GrowingFile,
  resumed: FileProgress | null,
  whole: boolean,
  state: Progress,
): Promise<AsyncIterable<Row>> {
  const { handle, size } = file.opened;
  if (file.format === "csv") {
    const dialect = resumed?.context == null ? null : (JSON.parse(resumed.context) as CsvDialect);
    const { start, encoding } = await startOf(
      file.opened,
      source.encoding,
      dialect === null ? null : resumed,
      dialect?.encoding,
    );
    const onDialect = (found: CsvDialect, headerEnd: ReadStart): void => {
      state.context = JSON.stringify(found);
      state.at = headerEnd;
    };
    return readCsv(readBytes(handle, start.offset, size), {
      start,
      encoding,
      delimiter: source.delimiter,
      dialect,
      whole,
      onDialect,
    });
  }
  const known = resumed?.context == null ? undefined : (JSON.parse(resumed.context) as { encoding: string }).encoding;
  const { start, encoding } = await startOf(file.opened, source.encoding, resumed, known);
  state.context = JSON.stringify({ encoding });
  return readJsonLines(readBytes(handle, start.offset, size), { start, encoding, whole });
}

async function startOf(
  opened: OpenedFile,
  configured: string | null,
  resumed: FileProgress | null,
  known: string | undefined,
): Promise<{ start: ReadStart; encoding: string }> {
  if (resumed !== null && known !== undefined)
    return { start: { offset: resumed.offset, line: resumed.line }, encoding: known };
  const found = detectEncoding(await readHead(opened.handle, 4), configured);
  return { start: { offset: found.markBytes, line: 0 }, encoding: found.name };
}
