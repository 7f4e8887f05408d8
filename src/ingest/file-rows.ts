/** An imported file as rows: which format it is, and whether it is what it claims to be. */
import type { SourceFormat, SourceSettings } from "../domain/settings.ts";
import { type CsvBatch, type CsvDialect, readCsv, readCsvBatches } from "../intake/csv.ts";
import { detectEncoding } from "../intake/decoding.ts";
import { readFormDocument, readJsonDocument } from "../intake/document.ts";
import { DOCUMENT_BYTES_MAX } from "../intake/limits.ts";
import { readJsonLines } from "../intake/lines.ts";
import type { Mapping } from "../intake/mapping.ts";
import type { Row } from "../intake/row.ts";
import { SHAPE } from "../intake/submission.ts";
import { rowOf } from "./documents.ts";
import { formatOfContent, formatOfName } from "./formats.ts";
import { type Input, unreadable } from "./input.ts";
import type { CsvBeginning } from "./mapped-rows.ts";
import { noTable } from "./no-table.ts";
import { isNobodys } from "./warnings.ts";

export interface FileRows {
  format: SourceFormat;
  rows: () => AsyncIterable<Row>;
  /** Of a CSV: what another thread must know to read it, and its bytes. */
  csv?: CsvBeginning & { bytes: () => AsyncIterable<Uint8Array>; batches: () => AsyncIterable<CsvBatch> };
}

/** Finds the format and gives the rows. Rejects with `inputUnreadable` for what is none of the formats. */
export async function rowsOfFile(
  input: Input,
  source: SourceSettings,
  mapping: Mapping,
  asked: SourceFormat | null,
): Promise<FileRows> {
  const format = asked ?? formatOfName(input.name) ?? source.format ?? formatOfContent(input.head);
  const refusal = noTable(input.shown, format, input.head);
  if (refusal !== null) throw refusal;
  const { name: encoding, markBytes } = detectEncoding(input.head, source.encoding);
  const start = { offset: markBytes, line: 0 };
  const bytes = (): AsyncIterable<Uint8Array> => input.bytes(markBytes);
  if (format === "csv") {
    const onDialect = (dialect: CsvDialect): void => checkColumns(input, mapping, dialect.columns);
    const csv = { start, encoding, delimiter: source.delimiter };
    const options = { ...csv, dialect: null, whole: true, onDialect };
    const batches = (): AsyncIterable<CsvBatch> => readCsvBatches(bytes(), options);
    return { format, rows: () => readCsv(bytes(), options), csv: { ...csv, bytes, batches } };
  }
  const lines = (): AsyncIterable<Row> => readJsonLines(bytes(), { start, encoding, whole: true });
  if (format === "jsonl") {
    if (input.size > 0) await checkLines(input, lines());
    return { format, rows: lines };
  }
  const row = await documentRow(input, format);
  if (row !== null)
    return {
      format,
      rows: async function* () {
        yield row;
      },
    };
  // Many tools call a file of JSON lines .json.
  if (asked === null && formatOfContent(input.head) === "jsonl") return { format: "jsonl", rows: lines };
  throw await notJson(input);
}

/** Null where it does not parse. */
async function documentRow(input: Input, format: "json" | "form"): Promise<Row | null> {
  const bytes = await wholeOf(input);
  const read = format === "json" ? readJsonDocument(bytes) : await readFormDocument(bytes);
  if (format === "form" && !read.parsed.ok)
    throw unreadable(input.shown, read.parsed.reason, "Nothing of it was taken. Store the post's body byte by byte.");
  return read.parsed.ok ? rowOf(read) : null;
}

async function wholeOf(input: Input): Promise<Uint8Array> {
  if (input.size > DOCUMENT_BYTES_MAX) {
    throw unreadable(
      input.shown,
      `it is ${input.size} bytes long; ${DOCUMENT_BYTES_MAX} is the limit of a JSON file`,
      "As JSONL, one record a line, it may have any length.",
    );
  }
  const chunks: Uint8Array[] = [];
  for await (const chunk of input.bytes(0)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function notJson(input: Input): Promise<Error> {
  const read = readJsonDocument(await wholeOf(input));
  const reason = read.parsed.ok ? "not JSON" : read.parsed.reason;
  return unreadable(
    input.shown,
    reason,
    "Nothing of it was taken. Mend the file there, or name its format with --format json|jsonl|csv.",
  );
}

/** A file of which the first records all are no JSON is no JSONL. */
async function checkLines(input: Input, rows: AsyncIterable<Row>): Promise<void> {
  let first: Row | null = null;
  let count = 0;
  for await (const row of rows) {
    if (row.fault === undefined) return;
    first ??= row;
    count += 1;
    if (count >= 20) break;
  }
  if (first === null) return;
  throw unreadable(
    input.shown,
    `line ${first.line}: ${first.fault}`,
    "Nothing of it was taken. If it is no JSONL, name its format with --format json|csv.",
  );
}

/** A header in which nothing is what map or shape look for belongs to another kind of file. */
function checkColumns(input: Input, mapping: Mapping, columns: readonly string[]): void {
  if (columns.includes("crmledger.reject")) return;
  const isRead = (column: string): boolean =>
    mapping.reads === null
      ? (SHAPE[""] as readonly string[]).includes(column.split(".")[0] as string)
      : mapping.reads.some((path) => [path.join("."), path[0]].some((name) => name?.trim() === column));
  if (columns.some(isRead) || mapping.reads?.length === 0) return;
  const wanted =
    mapping.reads === null ? "a submission's (person.email, deal.title, ...)" : "what the source's map reads";
  // A file without a header begins with a record: people's data has no place in a message that logs keep.
  const named = columns.every(isNobodys);
  const shown = named ? columns.slice(0, 8).join(", ") : "no names (its first line looks like a record)";
  throw unreadable(
    input.shown,
    `no column is ${wanted}; the header is: ${shown}`,
    "Nothing of it was taken. Give the source a map, name the right one with --source, or set its `delimiter`.",
  );
}
