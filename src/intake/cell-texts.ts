/** What is kept of a CSV's row, straight from its cells: the texts that its record would give, without the record. */
import { GUARDED_COLUMN } from "../domain/csv-cell.ts";
import { quoted, sha256 } from "../domain/json.ts";
import { RECORD_BYTES_MAX, RECORD_FIELDS_MAX } from "./limits.ts";
import { setOwn } from "./path.ts";
import { REJECT_COLUMN } from "./rejects-file.ts";
import { isAbsent } from "./values.ts";

/** JSON makes six bytes of a byte at the most: what is shorter is within the bound of a record, however it is written. */
const TEXT_MAX = RECORD_BYTES_MAX / 16;

export interface CellTexts {
  /** JSON, as `rowOf` has it. */
  raw: string;
  /** SHA-256 of the canonical JSON. */
  rawHash: string;
}

/** Null: the row needs a look at its record. `length`: of the row's own text. */
export type ReadCellTexts = (cells: readonly string[], length: number) => CellTexts | null;

/** For rows of these columns; null where each of them needs a look. */
export function cellTexts(columns: readonly string[]): ReadCellTexts | null {
  if (columns.includes(GUARDED_COLUMN) || columns.includes(REJECT_COLUMN)) return null;
  if (columns.length > RECORD_FIELDS_MAX || new Set(columns).size < columns.length) return null;
  // An object's own order: names that are whole numbers come first.
  const record: Record<string, unknown> = {};
  for (const name of columns) setOwn(record, name, "");
  const names = Object.keys(record);
  const asTheyStand = membersOf(names, columns);
  const canonical = membersOf(names.sort(), columns);
  if (asTheyStand.prefixes.join("").length > TEXT_MAX) return null;
  const values: string[] = columns.map(() => "");
  return (cells, length) => {
    if (cells.length !== columns.length || length > TEXT_MAX) return null;
    let isEmpty = true;
    for (let at = 0; at < cells.length; at += 1) {
      const cell = cells[at]!;
      if (isEmpty && !isAbsent(cell)) isEmpty = false;
      values[at] = quoted(cell);
    }
    return isEmpty ? null : { raw: written(asTheyStand, values), rawHash: sha256(written(canonical, values)) };
  };
}

interface Members {
  /** What stands before each value. */
  prefixes: string[];
  /** Of the columns. */
  order: number[];
}

function membersOf(names: readonly string[], columns: readonly string[]): Members {
  const prefixes = names.map((name, at) => `${at === 0 ? "{" : ","}${quoted(name)}:`);
  return { prefixes, order: names.map((name) => columns.indexOf(name)) };
}

function written({ prefixes, order }: Members, values: readonly string[]): string {
  let text = "";
  for (let at = 0; at < order.length; at += 1) text += prefixes[at]! + values[order[at]!]!;
  return `${text}}`;
}
