/** Cells of CSV records, read by csv-parse. */
import { CsvError, parse } from "csv-parse/sync";
import type { StrayQuote } from "./csv-scan.ts";

const LINE_FEED = 10;
const RETURN = 13;

/** Cells of one record, or why it has none. */
export type CsvCells = { cells: string[] } | { fault: string };

/**
 * Reads records, each the text of exactly one without its line end. One that can't be read costs only itself: the others
 * of the batch are then read one by one.
 */
export function readCells(records: readonly string[], delimiter: string): CsvCells[] {
  const all = parseRecords(records, delimiter);
  if ("lines" in all) return all.lines.map((cells) => ({ cells }));
  if (records.length !== 1) return records.flatMap((record) => readCells([record], delimiter));
  return [{ fault: all.fault }];
}

function parseRecords(records: readonly string[], delimiter: string): { lines: string[][] } | { fault: string } {
  try {
    const lines: string[][] = parse(`${records.join("\n")}\n`, {
      bom: false,
      delimiter,
      record_delimiter: "\n",
      relax_column_count: true,
      // A quote inside a cell that began without one is text: 5" pipe.
      relax_quotes: true,
    });
    if (lines.length === records.length) return { lines };
    return { fault: `its quotes make ${lines.length} records of one` };
  } catch (error) {
    if (error instanceof CsvError) return { fault: `it can't be read as CSV (${error.code})` };
    throw error;
  }
}

/**
 * The record without its line end, as csv-parse takes it: a closing quote that more text follows is moved behind that
 * text, where a spreadsheet would have written it.
 */
export function recordText(text: string, strays: readonly StrayQuote[]): string {
  let end = text.length;
  if (text.charCodeAt(end - 1) === LINE_FEED) end -= 1;
  if (text.charCodeAt(end - 1) === RETURN) end -= 1;
  let mended = "";
  let from = 0;
  for (const { at, cellEnd } of strays) {
    const rest = text.slice(at + 1, cellEnd);
    mended += `${text.slice(from, at)}${rest.trim() === "" ? "" : rest.replaceAll('"', '""')}"`;
    from = cellEnd;
  }
  return mended + text.slice(from, end);
}
