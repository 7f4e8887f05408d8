/** Finds where the records of a CSV end, on text that may end anywhere. What is in them is read by `csv-cells.ts`. */

/** A closing quote with more text behind it in its cell: `"Ada" Lovelace`. */
export interface StrayQuote {
  /** Index of the quote. */
  at: number;
  /** Index behind its cell. */
  cellEnd: number;
}

export interface CsvSpan {
  /** Index behind the record's line end. */
  end: number;
  strays: readonly StrayQuote[];
}

/**
 * `open`: a quote that opened in it was not closed where it should, so that it would swallow the records behind it.
 * Null: the text ends before the record does.
 */
export type CsvScan = CsvSpan | "open" | null;

const QUOTE = 34;
const LINE_FEED = 10;
const RETURN = 13;
const NO_STRAYS: readonly StrayQuote[] = [];

/**
 * Finds the end of the record that begins at `start`. With `final` the text's end ends a record too. Only a quote that
 * is the first character of its cell opens anything; what follows a closing quote belongs to the cell, as spreadsheets
 * read it.
 */
export function scanRecord(text: string, start: number, delimiter: string, final: boolean): CsvScan {
  const stopper = delimiter.charCodeAt(0);
  let strays: StrayQuote[] | null = null;
  for (let at = start; ; at += 1) {
    let close = -1;
    if (text.charCodeAt(at) === QUOTE) {
      close = closingQuote(text, at + 1, final);
      if (close < 0) return final ? "open" : null;
      // Inside one line such text is a lenient writer's; over line ends it is the next record, behind a quote that was never closed.
      if (!isCellEnd(text, close + 1, stopper) && text.slice(at, close).includes("\n")) return "open";
      at = close + 1;
    }
    const rest = at;
    for (let code = text.charCodeAt(at); at < text.length && code !== stopper && code !== LINE_FEED; ) {
      at += 1;
      code = text.charCodeAt(at);
    }
    if (at >= text.length && !final) return null;
    const isEnd = at >= text.length || text.charCodeAt(at) === LINE_FEED;
    const cellEnd = isEnd && text.charCodeAt(at - 1) === RETURN ? at - 1 : at;
    if (close >= 0 && cellEnd > rest) {
      strays ??= [];
      strays.push({ at: close, cellEnd });
    }
    if (isEnd) return { end: Math.min(at + 1, text.length), strays: strays ?? NO_STRAYS };
  }
}

function isCellEnd(text: string, at: number, stopper: number): boolean {
  return at >= text.length || text.charCodeAt(at) === stopper || /\s/.test(text.charAt(at));
}

/** Index of the quote that closes what begins at `from`, -1 where there is none yet. A doubled one closes nothing. */
function closingQuote(text: string, from: number, final: boolean): number {
  for (let at = text.indexOf('"', from); at >= 0; at = text.indexOf('"', at + 2)) {
    if (at + 1 >= text.length) return final ? at : -1;
    if (text.charCodeAt(at + 1) !== QUOTE) return at;
  }
  return -1;
}
