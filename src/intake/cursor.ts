import type { Decoding } from "./decoding.ts";
import type { ReadStart } from "./row.ts";

/** Text that is being read: what was pushed and not yet taken, and where it stands in the file. */
export class Cursor {
  text = "";
  /** No more bytes will come. */
  ended = false;
  offset: number;
  line: number;
  /** How far a search for the end of the present record has come. */
  searched = 0;
  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #decoding: Decoding;

  constructor(chunks: AsyncIterable<Uint8Array>, decoding: Decoding, start: ReadStart) {
    this.#chunks = chunks[Symbol.asyncIterator]();
    this.#decoding = decoding;
    this.offset = start.offset;
    this.line = start.line;
  }

  /** Pulls at least as much again as is there, so that a long record costs linear time. False at the end. */
  async more(): Promise<boolean> {
    if (this.ended) return false;
    const wanted = this.text.length * 2 + 1;
    const parts = [this.text];
    let length = this.text.length;
    while (length < wanted) {
      const next = await this.#chunks.next();
      if (next.done === true) {
        this.ended = true;
        break;
      }
      const part = this.#decoding.push(next.value);
      parts.push(part);
      length += part.length;
    }
    const grew = length > this.text.length;
    this.text = parts.join("");
    return grew;
  }

  /** Takes the first `length` characters and moves offset and line behind them. */
  take(length: number): string {
    const taken = this.text.slice(0, length);
    this.text = this.text.slice(length);
    this.offset += this.#decoding.bytesOf(taken);
    this.line += countLines(taken);
    this.searched = 0;
    return taken;
  }

  async close(): Promise<void> {
    await this.#chunks.return?.();
  }
}

function countLines(text: string): number {
  let count = 0;
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) count += 1;
  return count;
}
