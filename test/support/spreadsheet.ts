/** What people do to an export before it comes in again: columns added and moved, rows sorted, saved by a spreadsheet. */
import { parse } from "csv-parse/sync";
import iconv from "iconv-lite";

/** Cells of a CSV, the header first. */
export type Table = string[][];

export function readTable(bytes: Uint8Array): Table {
  const utf16 = bytes[0] === 0xff && bytes[1] === 0xfe;
  const text = iconv.decode(Buffer.from(bytes), utf16 ? "utf16le" : "utf8");
  return parse(text, { delimiter: utf16 ? "\t" : ",", relax_quotes: true, bom: true });
}

export interface Saving {
  delimiter: string;
  encoding: "utf8" | "utf16le" | "win1252";
  bom: boolean;
  lineEnd: string;
}

export const PLAIN: Saving = { delimiter: ",", encoding: "utf8", bom: false, lineEnd: "\n" };

/** Quoted only where it must be, as spreadsheets write. What the encoding lacks becomes `?`. */
export function save(table: Table, saving: Saving): Buffer {
  const cell = (text: string): string =>
    text.includes(saving.delimiter) || /["\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  const text = table.map((row) => row.map(cell).join(saving.delimiter) + saving.lineEnd).join("");
  return iconv.encode(text, saving.encoding, { addBOM: saving.bom });
}

export function insertColumn(table: Table, at: number, name: string, value: (row: number) => string): Table {
  return table.map((row, index) => row.toSpliced(at, 0, index === 0 ? name : value(index)));
}

export const reverseRows = ([header, ...rows]: Table): Table => [header as string[], ...rows.toReversed()];
export const reverseColumns = (table: Table): Table => table.map((row) => row.toReversed());
