/**
 * Text of notes: how long it becomes at the CRM, and where a long one is cut. Plain text is stored as HTML there, so it
 * is measured as it will be sent.
 */

/** Longest form that each character may take as HTML: quotes are counted as escaped, whether an adapter does it or not. */
const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
  "\n": "<br>",
};

/** Text as HTML that shows it unchanged, line breaks kept. */
export function htmlOfText(text: string): string {
  return text.replace(/[&<>"'\n]/g, (character) => ESCAPES[character] ?? character);
}

/** An upper bound of the UTF-16 units that `text` takes at the CRM. Exact but for quotes that an adapter leaves as they are. */
export function sentLength(text: string, format: "text" | "html"): number {
  return format === "html" ? text.length : htmlOfText(text).length;
}

/** One kind of line end, and no half characters, which no CRM could store. */
export function cleanText(text: string): string {
  return text.replace(/\r\n?/g, "\n").replace(/\p{Surrogate}/gu, "\uFFFD");
}

/** The longest piece that must not be cut: a character, or of HTML a whole tag or entity. */
const UNITS = { text: /[\s\S]/gu, html: /<[^<>]*>|&(?:#\d+|#x[\da-f]+|[a-z]\w*);|[\s\S]/giu } as const;

/**
 * Cuts a text into pieces of at most `lengthMax` sent units each, between characters, and where there is one in the last
 * fifth of a piece at a line end, else at a space. Together the pieces are the text, but for the line end or space at a cut.
 */
export function splitText(text: string, format: "text" | "html", lengthMax: number): string[] {
  if (sentLength(text, format) <= lengthMax) return [text];
  const pieces: string[] = [];
  let rest = text;
  while (rest !== "") {
    const end = cutEnd(rest, format, lengthMax);
    const cut = end < rest.length ? niceCut(rest, end, format) : { end, next: end };
    pieces.push(rest.slice(0, cut.end));
    rest = rest.slice(cut.next);
  }
  return pieces;
}

/** Where the longest prefix within the budget ends. A tag that is too long by itself (an image inside it) is cut too. */
function cutEnd(text: string, format: "text" | "html", lengthMax: number): number {
  let spent = 0;
  let end = 0;
  for (const [unit] of text.matchAll(UNITS[format])) {
    spent += sentLength(unit, format);
    if (spent > lengthMax && end > 0) return end;
    if (spent > lengthMax && unit.length > 2) return plainEnd(unit, lengthMax);
    end += unit.length;
  }
  return end;
}

function plainEnd(text: string, lengthMax: number): number {
  const splitsPair = /[\uD800-\uDBFF]/.test(text.charAt(lengthMax - 1));
  return splitsPair ? lengthMax - 1 : lengthMax;
}

function niceCut(text: string, end: number, format: "text" | "html"): { end: number; next: number } {
  if (format === "html") return { end, next: end };
  const from = Math.floor(end * 0.8);
  for (const separator of ["\n", " "]) {
    const at = text.lastIndexOf(separator, end);
    if (at > from) return { end: at, next: at + 1 };
  }
  return { end, next: end };
}
