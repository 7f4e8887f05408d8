/** Whose a record is, and where it stands in the bytes of a file. Pure. */
import type { Mentions } from "../domain/mentions.ts";
import type { SourceSettings } from "../domain/settings.ts";
import { detectEncoding } from "../intake/decoding.ts";
import { jsonText, parseJson } from "../intake/json-text.ts";
import { parsePath, readPath } from "../intake/path.ts";

/** From and to, counted in the view's units. */
export interface Span {
  from: number;
  to: number;
}

/** Bytes of a file in units that each hold a delimiter or none: bytes, or pairs of them where the text is UTF-16. */
export interface View {
  /** One character for each unit. */
  units: string;
  /** Units of a byte order mark, which stays. */
  mark: number;
  text(span: Span): string;
  /** What overwrites a span, and where in the file. */
  blanks(span: Span): { at: number; bytes: Buffer };
}

export function viewOf(bytes: Buffer, configured: string | null): View {
  const { name, markBytes } = detectEncoding(bytes, configured);
  const order = /^utf-?16(le|be)$/i.exec(name)?.[1]?.toLowerCase();
  if (order === undefined) {
    return {
      units: bytes.toString("latin1"),
      mark: markBytes,
      text: ({ from, to }) => bytes.toString("utf8", from, to),
      blanks: ({ from, to }) => ({ at: from, bytes: Buffer.alloc(to - from, " ") }),
    };
  }
  const even = bytes.subarray(0, bytes.length - (bytes.length % 2));
  const little = order === "le" ? even : Buffer.from(even).swap16();
  const units = little.toString("utf16le");
  return {
    units,
    mark: markBytes / 2,
    text: ({ from, to }) => units.slice(from, to),
    blanks: ({ from, to }) => {
      const blank = Buffer.from(" ".repeat(to - from), "utf16le");
      return { at: 2 * from, bytes: order === "le" ? blank : blank.swap16() };
    },
  };
}

/** Lines, or rows of a CSV (without its header) whose quoted cells may hold line ends; without their own line end. */
export function spansOf({ units, mark: start }: Pick<View, "units" | "mark">, isCsv: boolean): Span[] {
  const spans: Span[] = [];
  let from = start;
  let isQuoted = false;
  for (const { 0: mark, index: at } of units.matchAll(/["\n]/g)) {
    if (mark === '"') isQuoted = isCsv && !isQuoted;
    if (mark === '"' || isQuoted) continue;
    spans.push({ from, to: at > from && units[at - 1] === "\r" ? at - 1 : at });
    from = at + 1;
  }
  if (from < units.length) spans.push({ from, to: units.length });
  return isCsv ? spans.slice(1) : spans;
}

const JSON_ESCAPE = /\\u([0-9a-f]{4})/gi;
const URL_ESCAPE = /%([0-9a-f]{2})/gi;

/** Whether a record's text is the person's, also where its letters are written with JSON's or a URL's escapes. */
export function isTheirs(mentions: Mentions, text: string): boolean {
  const letter = (_: string, code: string): string => String.fromCharCode(Number.parseInt(code, 16));
  const ways = [text, text.replace(JSON_ESCAPE, letter), text.replace(URL_ESCAPE, letter)];
  return [...new Set(ways)].some((way) => mentions.record(way));
}

/** The list that a source's `records` names in a body; null where it is an expression, or no list is there. */
export function recordsIn({ records }: SourceSettings, body: unknown): unknown[] | null {
  if (records === null || records.trim().startsWith("=")) return null;
  const found = readPath(body, parsePath(records));
  return Array.isArray(found) ? found : null;
}

/** Whether a line that holds several records may have other people's too. */
export function hasOthers(source: SourceSettings, line: string, mentions: Mentions): boolean {
  const parsed = parseJson(line);
  const found = parsed.ok ? recordsIn(source, parsed.value) : null;
  return found === null || found.some((record) => !isTheirs(mentions, jsonText(record)));
}
