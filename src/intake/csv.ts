/** CSV as a stream of rows, with bounded memory, exact lines and offsets; it goes on after a broken record. */

import { type CsvRecord, columnNames, readCsvHeader, readCsvRecord } from "./csv-record.ts";
import { Cursor } from "./cursor.ts";
import { type Decoding, makeDecoding } from "./decoding.ts";
import { RECORD_BYTES_MAX, RECORD_FIELDS_MAX, RECORD_SEARCH_BYTES_MAX } from "./limits.ts";
import type { ReadStart, Row } from "./row.ts";

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

/** Reads rows. Blank lines and rows of empty cells are no records. */
export async function* readCsv(chunks: AsyncIterable<Uint8Array>, options: CsvOptions): AsyncGenerator<Row> {
  const decoding = makeDecoding(options.dialect?.encoding ?? options.encoding);
  const cursor = new Cursor(chunks, decoding, options.start);
  try {
    const dialect = options.dialect ?? (await readHeader(cursor, decoding, options));
    if (dialect === null) return;
    for (;;) {
      const begin = cursor.line + 1;
      const next = await nextRecord(cursor, dialect.delimiter, options.whole);
      if (next === null) return;
      const row = rowOf(next, dialect, decoding, cursor, begin);
      if (row !== null) yield row;
    }
  } finally {
    await cursor.close();
  }
}

interface Found {
  record: CsvRecord | null;
  text: string;
}

/** The next record with its text; a null record for a line whose quote is never closed; null at the end. */
async function nextRecord(cursor: Cursor, delimiter: string, whole: boolean): Promise<Found | null> {
  for (;;) {
    const final = cursor.ended && whole;
    if (cursor.text.length > 0) {
      const record = readCsvRecord(cursor.text, 0, delimiter, final);
      if (record?.broken) return { record: null, text: cursor.take(firstLineLength(cursor.text)) };
      if (record !== null) return { record, text: cursor.take(record.end) };
      if (final || cursor.text.length > RECORD_SEARCH_BYTES_MAX)
        return { record: null, text: cursor.take(firstLineLength(cursor.text)) };
    }
    if (!(await cursor.more()) && (cursor.text.length === 0 || !whole)) return null;
  }
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
    const columns = columnNames(readCsvRecord(text, 0, delimiter, true)?.cells ?? [text.trim()]);
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
    const header = readCsvHeader(cursor.text, delimiter, cursor.ended && whole);
    const settled = header !== null && (header.sure || cursor.ended || cursor.text.length > RECORD_BYTES_MAX);
    if (settled) return { text: cursor.take(header.end), delimiter: header.delimiter };
    if (await cursor.more()) continue;
    if (header === null && whole && cursor.text.length > 0) {
      return { text: cursor.take(firstLineLength(cursor.text)), delimiter: delimiter ?? "," };
    }
    if (header === null) return null;
  }
}

function rowOf(found: Found, dialect: CsvDialect, decoding: Decoding, cursor: Cursor, line: number): Row | null {
  const place = { line, endOffset: cursor.offset, endLine: cursor.line };
  const { text, guessed } = decoding.decode(found.text);
  if (found.record === null) {
    const fault = `a quote that opens in line ${line} is never closed; the next line is read as a record of its own`;
    return { ...place, fault, raw: text.replace(/\r?\n$/, ""), guessed };
  }
  const cells =
    text === found.text ? found.record.cells : found.record.cells.map((cell) => decodeCell(cell, guessed, decoding));
  if (cells.every((cell) => cell.trim() === "")) return null;
  const record = Object.fromEntries(cells.map((cell, index) => [dialect.columns[index] ?? `#${index + 1}`, cell]));
  const extra = cells.slice(dialect.columns.length).some((cell) => cell.trim() !== "");
  const fault = faultOf(decoding.bytesOf(found.text), cells.length, extra, dialect);
  return {
    ...place,
    raw: JSON.stringify(record),
    guessed,
    ...(fault === null ? { record: withoutExtra(record, cells, dialect) } : { fault }),
  };
}

/** One encoding for a record: where one cell of it is Windows-1252, all are. */
function decodeCell(cell: string, guessed: boolean, decoding: Decoding): string {
  return guessed ? makeDecoding("windows-1252").decode(cell).text : decoding.decode(cell).text;
}

function faultOf(bytes: number, cells: number, extra: boolean, dialect: CsvDialect): string | null {
  if (bytes > RECORD_BYTES_MAX)
    return `it is ${bytes} bytes long; ${RECORD_BYTES_MAX} (1 MiB) is the limit of a record`;
  if (dialect.columns.length > RECORD_FIELDS_MAX)
    return `${dialect.columns.length} columns; ${RECORD_FIELDS_MAX} is the limit`;
  if (!extra) return null;
  return `it has ${cells} cells and the header ${dialect.columns.length}: a cell that holds the delimiter needs quotes`;
}

function withoutExtra(
  record: Record<string, string>,
  cells: readonly string[],
  dialect: CsvDialect,
): Record<string, string> {
  if (cells.length <= dialect.columns.length) return record;
  return Object.fromEntries(Object.entries(record).slice(0, dialect.columns.length));
}
