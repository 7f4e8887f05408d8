/** The grammar of CSV (RFC 4180, read leniently), on text that may end anywhere. */

export interface CsvRecord {
  cells: string[];
  /** Index behind the record's line end. */
  end: number;
  /** A quote was not closed where it should: the record has swallowed others. */
  broken: boolean;
}

const QUOTE = 34;
const LINE_FEED = 10;

/**
 * Reads the record that begins at `start`. Null where the text ends before the record does; with `final` the text's end
 * ends a record too, so that null then means a quote that is never closed. What follows a closing quote belongs to the
 * cell, as spreadsheets read it.
 */
export function readCsvRecord(text: string, start: number, delimiter: string, final: boolean): CsvRecord | null {
  const cells: string[] = [];
  const stopper = delimiter.charCodeAt(0);
  for (let at = start; ; ) {
    let cell = "";
    if (text.charCodeAt(at) === QUOTE) {
      const quoted = readQuoted(text, at + 1, final);
      if (quoted === null) return null;
      cell = quoted.cell;
      at = quoted.end;
      // Inside one line such text is a lenient writer's; over line ends it is the next record, behind a quote that was never closed.
      if (cell.includes("\n") && !isCellEnd(text, at, stopper)) return { cells: [], end: text.length, broken: true };
    }
    let stop = at;
    for (let code = text.charCodeAt(stop); stop < text.length && code !== stopper && code !== LINE_FEED; ) {
      stop += 1;
      code = text.charCodeAt(stop);
    }
    if (stop >= text.length && !final) return null;
    const isEnd = stop >= text.length || text.charCodeAt(stop) === LINE_FEED;
    const rest = isEnd ? text.slice(at, stop).replace(/\r$/, "") : text.slice(at, stop);
    cells.push(cell === "" || rest.trim() !== "" ? cell + rest : cell);
    if (isEnd) return { cells, end: Math.min(stop + 1, text.length), broken: false };
    at = stop + 1;
  }
}

function isCellEnd(text: string, at: number, stopper: number): boolean {
  const code = text.charCodeAt(at);
  return at >= text.length || code === stopper || /\s/.test(text.charAt(at));
}

function readQuoted(text: string, start: number, final: boolean): { cell: string; end: number } | null {
  let cell = "";
  for (let from = start; ; ) {
    const close = text.indexOf('"', from);
    if (close < 0) return null;
    // The next byte decides whether this quote closes the cell or is half of a doubled one.
    if (close + 1 >= text.length && !final) return null;
    if (text.charCodeAt(close + 1) !== QUOTE) return { cell: cell + text.slice(from, close), end: close + 1 };
    cell += text.slice(from, close + 1);
    from = close + 2;
  }
}

const DELIMITERS = [",", ";", "\t", "|"] as const;

/**
 * Reads the first record with the delimiter that cuts it into the most columns (a comma where none does), or with the
 * given one. `sure`: no other delimiter could still win with more text. Null where the text ends before any record.
 */
export function readCsvHeader(
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
    const record = readCsvRecord(text, 0, delimiter, final);
    if (record === null) sure = final;
    else if (record.cells.length > columns) [best, columns] = [{ delimiter, end: record.end }, record.cells.length];
  }
  return best === null ? null : { ...best, sure };
}

/** Column names: trimmed, a name that comes again gets `#2`, an empty one is called after its position. */
export function columnNames(cells: readonly string[]): string[] {
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
