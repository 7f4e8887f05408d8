/** A CSV's rows as another thread hands them over: mapped, keyed and hashed, in columns, which are cheap to hand over. */
import { canonicalJson, sha256 } from "../domain/json.ts";
import type { SourceSettings } from "../domain/settings.ts";
import { cellTexts, type ReadCellTexts } from "../intake/cell-texts.ts";
import { type CsvBatch, rowOf } from "../intake/csv.ts";
import { boundFault } from "../intake/json-text.ts";
import { RECORD_BYTES_MAX } from "../intake/limits.ts";
import type { MappedSubmission, Mapping } from "../intake/mapping.ts";
import type { MapCells } from "../intake/plain-map.ts";
import { unwrapReject } from "../intake/rejects-file.ts";
import type { ReadStart, Row } from "../intake/row.ts";
import { type MappedRow, type PackedRows, RowPacker, unpacked } from "./packed-rows.ts";
import type { RowBatch } from "./row-batch.ts";

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

/** The rows of a CSV in batches. */
export async function* batchRows(
  read: AsyncIterable<CsvBatch>,
  mapping: Mapping,
  maps: boolean,
): AsyncGenerator<RowBatch, void> {
  for await (const packed of packRows(read, mapping, maps)) yield unpacked(packed, maps);
}

/** The same, as another thread can hand them over. */
export async function* packRows(
  read: AsyncIterable<CsvBatch>,
  mapping: Mapping,
  maps: boolean,
): AsyncGenerator<PackedRows, void> {
  let packer = new RowPacker();
  let readers: CellReaders | null = null;
  for await (const batch of read) {
    readers ??= cellReaders(mapping, batch.dialect.columns, maps);
    for (let at = 0; at < batch.found.length; at += 1) {
      if (!addCells(packer, batch, at, readers)) {
        const row = rowOf(batch, at);
        if (row !== null && !(await addRow(packer, row, mapping, maps))) packer.addOther(row);
      }
      if (!packer.isFull) continue;
      yield packer.packed();
      packer = new RowPacker();
    }
  }
  if (!packer.isEmpty) yield packer.packed();
}

interface CellReaders {
  texts: ReadCellTexts | null;
  /** Null: each row's record is mapped. */
  map: MapCells | null;
  maps: boolean;
}

function cellReaders(mapping: Mapping, columns: readonly string[], maps: boolean): CellReaders {
  return { texts: cellTexts(columns), map: maps ? mapping.ofCells(columns) : null, maps };
}

/** False: the row needs a look at its record. */
function addCells(packer: RowPacker, batch: CsvBatch, at: number, { texts, map, maps }: CellReaders): boolean {
  const read = batch.read[at]!;
  if (texts === null || (maps && map === null) || "fault" in read) return false;
  const { text, place } = batch.found[at]!;
  const own = texts(read.cells, text.length);
  if (own === null) return false;
  const mapped = maps ? map!(read.cells) : null;
  if (maps && mapped === null) return false;
  const { guessed } = batch.decoded[at]!;
  return packer.add({ ...place, guessed }, own.raw, own.rawHash, mapped);
}

async function addRow(packer: RowPacker, row: Row, mapping: Mapping, maps: boolean): Promise<boolean> {
  if (!isPlain(row)) return false;
  const { line, endOffset, guessed, raw } = row;
  const place = { line: line as number, endOffset, guessed };
  if (maps) {
    const mapped = await mapping.map(row.record, true);
    return mapped.type === "submission" && packer.add(place, raw, hashOf(row), rowOfMapped(mapped));
  }
  // Of a record with more cells than columns the raw text is more than the record: then the hash does not stand for the text.
  return raw === JSON.stringify(row.record) && packer.add(place, raw, hashOf(row), null);
}

const hashOf = ({ record }: Row): string => sha256(canonicalJson(record));

function rowOfMapped({
  key,
  contentHash,
  content,
  submittedAtMs,
  identityKeys,
  lane,
  unknown,
}: MappedSubmission): MappedRow {
  const more = { hasBadValues: content.badValues !== undefined, lane, unknown };
  return { key, contentHash, content: JSON.stringify(content), submittedAtMs, identityKeys, more };
}

/** Neither a fault, nor a mended reject, nor beyond a bound. */
function isPlain(row: Row): boolean {
  if (row.fault !== undefined || row.record === undefined || row.line === null) return false;
  if (unwrapReject(row.record, true).rejectId !== null || boundFault(row.record) !== null) return false;
  return Buffer.byteLength(row.raw) <= RECORD_BYTES_MAX;
}
