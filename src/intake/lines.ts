/** JSONL as a stream of rows: one JSON text a line, with bounded memory. */
import { Cursor } from "./cursor.ts";
import { type Decoding, makeDecoding } from "./decoding.ts";
import { parseJson } from "./json-text.ts";
import { RECORD_BYTES_MAX, RECORD_SEARCH_BYTES_MAX } from "./limits.ts";
import { EXPORTED_LINE } from "./rejects-file.ts";
import type { ReadStart, Row } from "./row.ts";

/** In an export a line that was no JSON stands as a text, whose quotes and backslashes make it twice as long. */
const EXPORTED_SEARCH_MAX = 2 * RECORD_SEARCH_BYTES_MAX + RECORD_BYTES_MAX;

export interface LineOptions {
  start: ReadStart;
  encoding: string;
  /** The end of the bytes ends the last line too; else only whole lines are taken. */
  whole: boolean;
}

/** Reads rows. Blank lines are no records. */
export async function* readJsonLines(chunks: AsyncIterable<Uint8Array>, options: LineOptions): AsyncGenerator<Row> {
  const decoding = makeDecoding(options.encoding);
  const cursor = new Cursor(chunks, decoding, options.start);
  try {
    for (;;) {
      const line = cursor.line + 1;
      const text = await nextLine(cursor, options.whole);
      if (text === null) return;
      const row = rowOf(text, decoding, cursor, line);
      if (row !== null) yield row;
    }
  } finally {
    await cursor.close();
  }
}

/** The next line with its end; of a line longer than the search bound, its beginning (the rest is passed over). Null at the end. */
async function nextLine(cursor: Cursor, whole: boolean): Promise<string | null> {
  for (;;) {
    const end = cursor.text.indexOf("\n", cursor.searched);
    if (end >= 0) return cursor.take(end + 1);
    cursor.searched = cursor.text.length;
    const most = cursor.text.startsWith(EXPORTED_LINE) ? EXPORTED_SEARCH_MAX : RECORD_SEARCH_BYTES_MAX;
    if (cursor.text.length > most) return await passOver(cursor, whole);
    if (await cursor.more()) continue;
    return whole && cursor.text.length > 0 ? cursor.take(cursor.text.length) : null;
  }
}

async function passOver(cursor: Cursor, whole: boolean): Promise<string | null> {
  const head = cursor.take(RECORD_SEARCH_BYTES_MAX);
  for (;;) {
    const end = cursor.text.indexOf("\n");
    cursor.take(end < 0 ? cursor.text.length : end + 1);
    if (end >= 0) return head;
    if (!(await cursor.more())) return whole ? head : null;
  }
}

function rowOf(taken: string, decoding: Decoding, cursor: Cursor, line: number): Row | null {
  const { text: decoded, guessed } = decoding.decode(taken);
  const raw = decoded.replace(/\r?\n$/, "");
  if (raw.trim() === "") return null;
  const place = { line, endOffset: cursor.offset, endLine: cursor.line, raw, guessed };
  const bytes = decoding.bytesOf(taken);
  // Of an export the record within is measured, where it is taken.
  if (bytes > RECORD_BYTES_MAX && !raw.startsWith(EXPORTED_LINE)) {
    return {
      ...place,
      fault: `it is ${bytes} bytes long or more; ${RECORD_BYTES_MAX} (1 MiB) is the limit of a record`,
    };
  }
  const parsed = parseJson(raw);
  return parsed.ok ? { ...place, record: parsed.value } : { ...place, fault: parsed.reason.replace("line 1, ", "") };
}
