/** Cells of CSV records, read by csv-parse. */
import type { TransformCallback } from "node:stream";
import { CsvError, type Options, Parser } from "csv-parse";
import { parse } from "csv-parse/sync";
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

const optionsOf = (delimiter: string): Options => ({
  bom: false,
  delimiter,
  record_delimiter: "\n",
  relax_column_count: true,
  // A quote inside a cell that began without one is text: 5" pipe.
  relax_quotes: true,
});

function parseRecords(records: readonly string[], delimiter: string): { lines: string[][] } | { fault: string } {
  try {
    const lines: string[][] = parse(`${records.join("\n")}\n`, optionsOf(delimiter));
    if (lines.length === records.length) return { lines };
    return { fault: `its quotes make ${lines.length} records of one` };
  } catch (error) {
    if (error instanceof CsvError) return { fault: `it can't be read as CSV (${error.code})` };
    throw error;
  }
}

/**
 * Reads batch after batch, each as `readCells` does, with one parser for all: a parser is made of functions of its own, and with a
 * new one for each batch they would be compiled again and again, which costs more than what they do.
 */
export class CellReader {
  readonly #delimiter: string;
  /** A record behind each batch: where it comes out as it went in, no quote of the batch is open. */
  readonly #mark: string;
  /** csv-parse gives a record only when it has seen some bytes behind it. */
  readonly #filler: string;
  #parser: BatchParser | null = null;

  constructor(delimiter: string) {
    this.#delimiter = delimiter;
    this.#mark = delimiter === "-" ? "=" : "-";
    this.#filler = this.#mark.repeat(8);
  }

  read(records: readonly string[]): CsvCells[] {
    if (records.length === 0) return [];
    const isFirst = this.#parser === null;
    this.#parser ??= new BatchParser(optionsOf(this.#delimiter));
    const lines = this.#parser.parsed(`${records.join("\n")}\n${this.#mark}\n${this.#filler}\n`);
    // The filler of the batch before is the first that comes.
    const isWhole = (isFirst || isLine(lines?.shift(), this.#filler)) && isLine(lines?.pop(), this.#mark);
    if (isWhole && lines?.length === records.length) return lines.map((cells) => ({ cells }));
    this.#parser.destroy();
    this.#parser = null;
    return readCells(records, this.#delimiter);
  }
}

const isLine = (cells: readonly string[] | undefined, text: string): boolean =>
  cells?.length === 1 && cells[0] === text;

/** csv-parse's stream, without the waiting of streams: what is written is parsed at once. */
class BatchParser extends Parser {
  #lines: string[][] = [];
  #isBroken = false;

  /** The records that ended in the text or before it; null where it can't be read. */
  parsed(text: string): string[][] | null {
    this.write(text);
    const lines = this.#lines;
    this.#lines = [];
    return this.#isBroken ? null : lines;
  }

  override push(cells: string[]): boolean {
    this.#lines.push(cells);
    return true;
  }

  override _transform(chunk: Buffer, encoding: BufferEncoding, done: TransformCallback): void {
    super._transform(chunk, encoding, (error) => {
      this.#isBroken = error !== undefined && error !== null;
      done();
    });
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
