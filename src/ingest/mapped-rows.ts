/** A CSV's rows as another thread hands them over: mapped, keyed and hashed, in columns, which are cheap to hand over. */
import type { IdentityKey } from "../domain/identity.ts";
import { canonicalJson, sha256 } from "../domain/json.ts";
import type { SourceSettings } from "../domain/settings.ts";
import type { Lane } from "../domain/submission.ts";
import { boundFault } from "../intake/json-text.ts";
import { RECORD_BYTES_MAX } from "../intake/limits.ts";
import type { Mapping } from "../intake/mapping.ts";
import { unwrapReject } from "../intake/rejects-file.ts";
import type { ReadStart, Row } from "../intake/row.ts";

/** What the reader of a CSV must know before its first byte. */
export interface CsvBeginning {
  start: ReadStart;
  encoding: string;
  delimiter: string | null;
}

/** `maps`: what is wanted of each row. False: its hash alone, where most rows are known and need no map. */
export interface MapOrder {
  source: SourceSettings;
  csv: CsvBeginning;
  maps: boolean;
}

/** Reads and maps a CSV in another thread. Ending the iteration early ends the thread. */
export type MapRows = (order: MapOrder, chunks: AsyncIterable<Uint8Array>) => AsyncIterable<RowBatch>;

/** Rows that became submissions, or (without `maps`) that may; of the `n`th row all columns have the `n`th element. */
export interface RowColumns {
  line: number[];
  endOffset: number[];
  guessed: boolean[];
  raw: string[];
  rawHash: string[];
  /** From here on empty without `maps`. */
  key: string[];
  contentHash: string[];
  /** JSON. */
  content: string[];
  hasBadValues: boolean[];
  submittedAtMs: (number | null)[];
  lane: (Lane | null)[];
  identityKeys: IdentityKey[][];
  unknown: string[][];
}

export interface RowBatch {
  columns: RowColumns;
  /** Faults, rejects and whatever else is taken in the ordinary way, each before the row of `columns` at this index. */
  others: { before: number; row: Row }[];
}

const noColumns = (): RowColumns => ({
  ...{ line: [], endOffset: [], guessed: [], raw: [], rawHash: [], key: [], contentHash: [], content: [] },
  ...{ hasBadValues: [], submittedAtMs: [], lane: [], identityKeys: [], unknown: [] },
});

const BATCH_ROWS = 500;
const BATCH_CHARACTERS = 512 * 1024;

/** The rows of a CSV in batches. */
export async function* batchRows(
  rows: AsyncIterable<Row>,
  mapping: Mapping,
  maps: boolean,
): AsyncGenerator<RowBatch, void> {
  let batch: RowBatch = { columns: noColumns(), others: [] };
  let characters = 0;
  for await (const row of rows) {
    const { columns, others } = batch;
    const isColumn = isPlain(row) && (maps ? await addMapped(columns, row, mapping) : addHash(columns, row));
    if (!isColumn) others.push({ before: columns.line.length, row });
    characters += row.raw.length;
    if (columns.line.length + others.length < BATCH_ROWS && characters < BATCH_CHARACTERS) continue;
    yield batch;
    batch = { columns: noColumns(), others: [] };
    characters = 0;
  }
  if (batch.columns.line.length + batch.others.length > 0) yield batch;
}

/** Neither a fault, nor a mended reject, nor beyond a bound. */
function isPlain(row: Row): boolean {
  if (row.fault !== undefined || row.record === undefined || row.line === null) return false;
  if (unwrapReject(row.record, true).rejectId !== null || boundFault(row.record) !== null) return false;
  return Buffer.byteLength(row.raw) <= RECORD_BYTES_MAX;
}

/** Of a record with more cells than columns the raw text is more than the record: then the hash does not stand for the text. */
function addHash(columns: RowColumns, row: Row): boolean {
  if (row.raw !== JSON.stringify(row.record)) return false;
  addPlace(columns, row);
  return true;
}

function addPlace(columns: RowColumns, row: Row): void {
  columns.line.push(row.line as number);
  columns.endOffset.push(row.endOffset);
  columns.guessed.push(row.guessed);
  columns.raw.push(row.raw);
  columns.rawHash.push(sha256(canonicalJson(row.record)));
}

async function addMapped(columns: RowColumns, row: Row, mapping: Mapping): Promise<boolean> {
  const mapped = await mapping.map(row.record, true);
  if (mapped.type !== "submission") return false;
  addPlace(columns, row);
  columns.key.push(mapped.key);
  columns.contentHash.push(mapped.contentHash);
  columns.content.push(JSON.stringify(mapped.content));
  columns.hasBadValues.push(mapped.content.badValues !== undefined);
  columns.submittedAtMs.push(mapped.submittedAtMs);
  columns.lane.push(mapped.lane);
  columns.identityKeys.push(mapped.identityKeys);
  columns.unknown.push(mapped.unknown);
  return true;
}
