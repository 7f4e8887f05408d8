/** The header of a CSV: its delimiter and the names of its columns. */
import { readCells, recordText } from "./csv-cells.ts";
import { type CsvSpan, scanRecord } from "./csv-scan.ts";
import { REJECT_COLUMN } from "./rejects-file.ts";

const DELIMITERS = [",", ";", "\t", "|"] as const;

/**
 * Reads the first record with the delimiter that cuts it into the most columns (a comma where none does), or with the
 * given one. `sure`: no other delimiter could still win with more text. Null where the text ends before any record.
 */
export function findHeader(
  text: string,
  given: string | null,
  final: boolean,
): { delimiter: string; end: number; sure: boolean } | null {
  if (text === "") return null;
  const candidates = given === null ? DELIMITERS : [given];
  let best: { delimiter: string; end: number } | null = null;
  let columns = 0;
  let sure = true;
  for (const delimiter of candidates) {
    const span = scanRecord(text, 0, delimiter, final);
    if (span === null) sure = false;
    if (span === null || span === "open") continue;
    const cells = cellsOf(text, span, delimiter) ?? [];
    // An export of ours is cut where it was written, whatever stands in its other columns' names.
    const count = cells.includes(REJECT_COLUMN) ? Number.POSITIVE_INFINITY : cells.length;
    if (count > columns) [best, columns] = [{ delimiter, end: span.end }, count];
  }
  return best === null ? null : { ...best, sure };
}

/** Column names of a header's text; all of it is one name where it can't be read. */
export function columnsOf(text: string, delimiter: string): string[] {
  const span = scanRecord(text, 0, delimiter, true);
  const cells = span === null || span === "open" ? null : cellsOf(text, span, delimiter);
  return columnNames(cells ?? [text.trim()]);
}

function cellsOf(text: string, { end, strays }: CsvSpan, delimiter: string): string[] | null {
  const [read] = readCells([recordText(text.slice(0, end), strays)], delimiter);
  return read !== undefined && "cells" in read ? read.cells : null;
}

/** Column names: trimmed, a name that comes again gets `#2`, an empty one is called after its position. */
function columnNames(cells: readonly string[]): string[] {
  const seen = new Map<string, number>();
  const names = new Set(cells.map((cell) => cell.trim()));
  return cells.map((cell, index) => {
    const name = cell.trim() === "" ? `column ${index + 1}` : cell.trim();
    let count = (seen.get(name) ?? 0) + 1;
    while (count > 1 && names.has(`${name}#${count}`)) count += 1;
    seen.set(name, count);
    return count === 1 ? name : `${name}#${count}`;
  });
}
