/** CSV as a stream of rows, with bounded memory, exact lines and offsets; it goes on after a broken record. */

import { GUARDED_COLUMN, withoutGuard } from "../domain/csv-cell.ts";
import { CellReader, type CsvCells, recordText } from "./csv-cells.ts";
import { columnsOf, findHeader } from "./csv-header.ts";
import { type StrayQuote, scanRecord } from "./csv-scan.ts";
import { Cursor } from "./cursor.ts";
import { type DecodedText, type Decoding, makeDecoding } from "./decoding.ts";
import { RECORD_BYTES_MAX, RECORD_FIELDS_MAX, RECORD_SEARCH_BYTES_MAX } from "./limits.ts";
import { setOwn } from "./path.ts";
import { REJECT_COLUMN } from "./rejects-file.ts";
import type { ReadStart, Row } from "./row.ts";
import { isAbsent } from "./values.ts";

/** What the reader must have back to go on in a growing file. */
export interface CsvDialect {
  encoding: string;
  delimiter: string;
  columns: string[];
}

export interface CsvOptions {
  start: ReadStart;
  encoding: string;
  /** Null: found out from the header. */
  delimiter: string | null;
  /** Of a file whose header was read before. */
  dialect: CsvDialect | null;
  /** The end of the bytes ends the last record too; else only whole lines are taken. */
  whole: boolean;
  /** Told once, when the header is known. */
  onDialect: (dialect: CsvDialect, headerEnd: ReadStart) => void;
}

/** What csv-parse is given at a time: a call costs as much as some dozens of records. */
const BATCH_RECORDS_MAX = 256;
const BATCH_CHARACTERS_MAX = 1024 * 1024;

/** Reads rows. Blank lines and rows of empty cells are no records. */
export async function* readCsv(chunks: AsyncIterable<Uint8Array>, options: CsvOptions): AsyncGenerator<Row> {
  for await (const batch of readCsvBatches(chunks, options)) {
    for (let at = 0; at < batch.found.length; at += 1) {
      const row = rowOf(batch, at);
      if (row !== null) yield row;
    }
  }
}

/** Records of a CSV with their cells; of the `n`th one all lists have the `n`th element. `rowOf` makes a row of one. */
export interface CsvBatch {
  found: readonly Found[];
  decoded: readonly DecodedText[];
  read: readonly CsvCells[];
  dialect: CsvDialect;
  decoding: Decoding;
}

/** Reads records in batches. */
export async function* readCsvBatches(
  chunks: AsyncIterable<Uint8Array>,
  options: CsvOptions,
): AsyncGenerator<CsvBatch> {
  const decoding = makeDecoding(options.dialect?.encoding ?? options.encoding);
  const cursor = new Cursor(chunks, decoding, options.start);
  try {
    const dialect = options.dialect ?? (await readHeader(cursor, decoding, options));
    if (dialect === null) return;
    const reader = new CellReader(dialect.delimiter);
    for (;;) {
      const found = await nextBatch(cursor, dialect.delimiter, options.whole);
      if (found.length === 0) return;
      yield batchOf(found, reader, dialect, decoding);
    }
  } finally {
    await cursor.close();
  }
}

/** A record's own text with its place. */
export interface Found {
  text: string;
  /** Null: a line whose quote is never closed. */
  strays: readonly StrayQuote[] | null;
  place: Pick<Row, "endOffset" | "endLine"> & { line: number };
}

/** The next records of the file; none at its end. */
async function nextBatch(cursor: Cursor, delimiter: string, whole: boolean): Promise<Found[]> {
  const batch: Found[] = [];
  for (let length = 0; batch.length < BATCH_RECORDS_MAX && length < BATCH_CHARACTERS_MAX; ) {
    const line = cursor.line + 1;
    const next = recordAt(cursor, delimiter, whole) ?? (await nextRecord(cursor, delimiter, whole));
    if (next === null) break;
    const place = { line, endOffset: cursor.offset, endLine: cursor.line };
    batch.push({ text: next.text, strays: next.strays, place });
    length += next.text.length;
  }
  return batch;
}

/** The next record's text after more was read; a line alone where its quote is never closed; null at the end. */
async function nextRecord(cursor: Cursor, delimiter: string, whole: boolean): Promise<Omit<Found, "place"> | null> {
  for (;;) {
    if (!(await cursor.more()) && (cursor.text.length === 0 || !whole)) return null;
    const next = recordAt(cursor, delimiter, whole);
    if (next !== null) return next;
  }
}

/** The next record of what was read; null where it does not end in it. */
function recordAt(cursor: Cursor, delimiter: string, whole: boolean): Omit<Found, "place"> | null {
  if (cursor.text.length === 0) return null;
  const span = scanRecord(cursor.text, 0, delimiter, cursor.ended && whole);
  if (span === "open" || (span === null && cursor.text.length > RECORD_SEARCH_BYTES_MAX))
    return { text: cursor.take(firstLineLength(cursor.text)), strays: null };
  return span === null ? null : { text: cursor.take(span.end), strays: span.strays };
}

function firstLineLength(text: string): number {
  const end = text.indexOf("\n");
  return end < 0 ? text.length : end + 1;
}

async function readHeader(cursor: Cursor, decoding: Decoding, options: CsvOptions): Promise<CsvDialect | null> {
  let configured = options.delimiter;
  for (;;) {
    const found = await nextHeader(cursor, configured, options.whole);
    if (found === null) return null;
    const text = decoding.decode(found.text).text;
    const declared = /^"?sep=(.)"?\r?\n?$/.exec(text)?.[1];
    configured ??= declared ?? null;
    if (declared !== undefined || text.trim() === "") continue;
    const { delimiter } = found;
    const names = columnsOf(text, delimiter);
    const columns = names.includes(GUARDED_COLUMN) ? names.map(withoutGuard) : names;
    const dialect = { encoding: decoding.name, delimiter, columns };
    options.onDialect(dialect, { offset: cursor.offset, line: cursor.line });
    return dialect;
  }
}

/** The first record, read with the delimiter that cuts it into the most columns: its cells may hold line ends. */
async function nextHeader(
  cursor: Cursor,
  delimiter: string | null,
  whole: boolean,
): Promise<{ text: string; delimiter: string } | null> {
  for (;;) {
    const header = findHeader(cursor.text, delimiter, cursor.ended && whole);
    const settled = header !== null && (header.sure || cursor.ended || cursor.text.length > RECORD_BYTES_MAX);
    if (settled) return { text: cursor.take(header.end), delimiter: header.delimiter };
    if (await cursor.more()) continue;
    if (header === null && whole && cursor.text.length > 0) {
      return { text: cursor.take(firstLineLength(cursor.text)), delimiter: delimiter ?? "," };
    }
    if (header === null) return null;
  }
}

function batchOf(found: readonly Found[], reader: CellReader, dialect: CsvDialect, decoding: Decoding): CsvBatch {
  const decoded = found.map(({ text, strays }) => decoding.decode(strays === null ? text : recordText(text, strays)));
  const closed = decoded.filter((_, index) => found[index]?.strays !== null).map(({ text }) => text);
  const cells = reader.read(closed)[Symbol.iterator]();
  const read = found.map(({ strays, place }) =>
    strays === null ? { fault: neverClosed(place.line) } : (cells.next().value as CsvCells),
  );
  return { found, decoded, read, dialect, decoding };
}

function neverClosed(line: number): string {
  return `a quote that opens in line ${line} is never closed; the next line is read as a record of its own`;
}

/** Null for a blank line or a row of empty cells. */
export function rowOf({ found: all, decoded, read: cellsOf, dialect, decoding }: CsvBatch, at: number): Row | null {
  const found = all[at]!;
  const read = cellsOf[at]!;
  const { guessed } = decoded[at]!;
  if ("fault" in read) {
    const raw = decoding.decode(found.text).text.replace(/\r?\n$/, "");
    return { ...found.place, fault: read.fault, raw, guessed };
  }
  const isGuarded = dialect.columns.includes(GUARDED_COLUMN);
  const cells = isGuarded ? read.cells.map(withoutGuard) : read.cells;
  if (!hasText(cells)) return null;
  const record: Record<string, string> = {};
  for (let index = 0; index < cells.length; index += 1)
    setOwn(record, dialect.columns[index] ?? `#${index + 1}`, cells[index]);
  if (isGuarded) delete record[GUARDED_COLUMN];
  const extra = cells.length > dialect.columns.length && hasText(cells.slice(dialect.columns.length));
  const fault = faultOf(decoding.bytesOf(found.text), cells.length, extra, dialect);
  const { line, endOffset, endLine } = found.place;
  const row: Row = { line, endOffset, endLine, raw: JSON.stringify(record), guessed };
  if (fault === null) row.record = withoutExtra(record, cells, dialect);
  else row.fault = fault;
  return row;
}

const hasText = (cells: readonly string[]): boolean => cells.some((cell) => !isAbsent(cell));

function faultOf(bytes: number, cells: number, extra: boolean, dialect: CsvDialect): string | null {
  // The record that it holds is measured where it is taken; its other cells come from the columns of others.
  if (dialect.columns.includes(REJECT_COLUMN)) return extra ? tooManyCells(cells, dialect) : null;
  if (bytes > RECORD_BYTES_MAX)
    return `it is ${bytes} bytes long; ${RECORD_BYTES_MAX} (1 MiB) is the limit of a record`;
  if (dialect.columns.length > RECORD_FIELDS_MAX)
    return `${dialect.columns.length} columns; ${RECORD_FIELDS_MAX} is the limit`;
  return extra ? tooManyCells(cells, dialect) : null;
}

function tooManyCells(cells: number, dialect: CsvDialect): string {
  return `it has ${cells} cells and the header ${dialect.columns.length}: a cell that holds the delimiter needs quotes`;
}

function withoutExtra(
  record: Record<string, string>,
  cells: readonly string[],
  dialect: CsvDialect,
): Record<string, string> {
  if (cells.length <= dialect.columns.length) return record;
  const named = dialect.columns.filter((name) => Object.hasOwn(record, name)).length;
  return Object.fromEntries(Object.entries(record).slice(0, named));
}
