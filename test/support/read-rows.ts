import { readCsv } from "../../src/intake/csv.ts";
import { detectEncoding } from "../../src/intake/decoding.ts";
import { readJsonLines } from "../../src/intake/lines.ts";
import type { Row } from "../../src/intake/row.ts";

async function* cut(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

/** Rows of bytes that arrive `size` at a time. */
export async function rowsOf(
  format: "csv" | "jsonl",
  bytes: Uint8Array,
  size: number,
  options: { whole?: boolean; delimiter?: string } = {},
): Promise<Row[]> {
  const { name: encoding, markBytes } = detectEncoding(bytes, null);
  const common = { start: { offset: markBytes, line: 0 }, encoding, whole: options.whole ?? true };
  const chunks = cut(bytes.subarray(markBytes), size);
  const csv = { ...common, delimiter: options.delimiter ?? null, dialect: null, onDialect: () => {} };
  const rows: Row[] = [];
  for await (const row of format === "csv" ? readCsv(chunks, csv) : readJsonLines(chunks, common)) rows.push(row);
  return rows;
}
