/** Rows on their way from one thread to another: their texts in one piece of memory, which is handed over and not copied. */
import type { IdentityKey } from "../domain/identity.ts";
import type { Lane } from "../domain/submission.ts";
import type { Row } from "../intake/row.ts";
import type { RowBatch, RowColumns } from "./row-batch.ts";

export interface PackedRows {
  rows: number;
  /** `NUMBERS` of each row. */
  numbers: Float64Array<ArrayBuffer>;
  /** The rows' texts, one behind the other, as UTF-8. */
  bytes: Uint8Array<ArrayBuffer>;
  byteLength: number;
  others: RowBatch["others"];
  isOrdinary: boolean;
}

/** What a row became. */
export interface MappedRow {
  key: string;
  contentHash: string;
  /** JSON. */
  content: string;
  submittedAtMs: number | null;
  identityKeys: readonly IdentityKey[];
  /** What few of them have. */
  more?: { hasBadValues: boolean; lane: Lane | null; unknown: string[] };
}

interface Place {
  line: number;
  endOffset: number;
  guessed: boolean;
}

export const BATCH_ROWS = 500;
/** Larger strings have a place of their own in the memory of the thread that takes them, which is swept seldom. */
const BATCH_BYTES = 112 * 1024;
/** Line, offset, guess, time, then the lengths of its texts. */
const NUMBERS = 9;
const SHA256_LENGTH = 64;
/** Of UTF-8, for one of a string's units. */
const UNIT_BYTES_MAX = 3;
const HALF = /\p{Surrogate}/u;

/** One batch. */
export class RowPacker {
  #rows = 0;
  readonly #numbers = new Float64Array(BATCH_ROWS * NUMBERS);
  #bytes = Buffer.allocUnsafeSlow(BATCH_BYTES + BATCH_BYTES / 8);
  #at = 0;
  #otherCharacters = 0;
  readonly #others: RowBatch["others"] = [];
  #isOrdinary = false;

  get isEmpty(): boolean {
    return this.#rows + this.#others.length === 0;
  }

  get isFull(): boolean {
    return this.#rows + this.#others.length >= BATCH_ROWS || this.#at + this.#otherCharacters >= BATCH_BYTES;
  }

  /** A row that is taken in the ordinary way, between those before and behind it. */
  addOther(row: Row): void {
    this.#others.push({ before: this.#rows, row });
    this.#otherCharacters += row.raw.length;
  }

  /** `mapped` is null where only the hash is wanted. False where bytes can't hold what it became. */
  add({ line, endOffset, guessed }: Place, raw: string, rawHash: string, mapped: MappedRow | null): boolean {
    const { key = "", contentHash = "", content = "", submittedAtMs = null } = mapped ?? {};
    const keys = mapped === null ? "" : keysText(mapped.identityKeys);
    const more = mapped?.more === undefined ? "" : JSON.stringify(mapped.more);
    const text = rawHash + contentHash + key + keys + content + raw + more;
    // Half a character, as an expression may cut one out.
    if (more !== "" && HALF.test(text)) {
      this.#isOrdinary = true;
      return false;
    }
    const numbers = this.#numbers;
    let at = this.#rows * NUMBERS;
    numbers[at++] = line;
    numbers[at++] = endOffset;
    numbers[at++] = guessed ? 1 : 0;
    numbers[at++] = submittedAtMs ?? Number.NaN;
    numbers[at++] = key.length;
    numbers[at++] = keys.length;
    numbers[at++] = content.length;
    numbers[at++] = raw.length;
    numbers[at] = more.length;
    this.#write(text);
    this.#rows += 1;
    return true;
  }

  #write(text: string): void {
    const needed = this.#at + text.length * UNIT_BYTES_MAX;
    if (needed > this.#bytes.length) {
      const grown = Buffer.allocUnsafeSlow(needed);
      this.#bytes.copy(grown, 0, 0, this.#at);
      this.#bytes = grown;
    }
    this.#at += this.#bytes.write(text, this.#at, "utf8");
  }

  packed(): PackedRows {
    const bytes = new Uint8Array(this.#bytes.buffer as ArrayBuffer);
    const [numbers, others] = [this.#numbers, this.#others];
    return { rows: this.#rows, numbers, bytes, byteLength: this.#at, others, isOrdinary: this.#isOrdinary };
  }
}

/** As the ledger keeps them: each once. */
function keysText(keys: readonly IdentityKey[]): string {
  return JSON.stringify(keys.length < 2 ? keys : [...new Set(keys)]);
}

const noColumns = (): RowColumns => ({
  ...{ line: [], endOffset: [], guessed: [], raw: [], rawHash: [], key: [], contentHash: [], content: [] },
  ...{ hasBadValues: [], submittedAtMs: [], lane: [], identityKeys: [], unknown: [] },
});
const NONE: string[] = [];

/** The rows as columns. `maps`: they were mapped. */
export function unpacked(
  { rows, numbers, bytes, byteLength, others, isOrdinary }: PackedRows,
  maps: boolean,
): RowBatch {
  const columns = noColumns();
  const text = Buffer.from(bytes.buffer, 0, byteLength).toString("utf8");
  let from = 0;
  const next = (length: number): string => {
    from += length;
    return text.slice(from - length, from);
  };
  for (let at = 0; at < rows * NUMBERS; at += NUMBERS) {
    columns.line.push(numbers[at]!);
    columns.endOffset.push(numbers[at + 1]!);
    columns.guessed.push(numbers[at + 2] === 1);
    columns.rawHash.push(next(SHA256_LENGTH));
    if (!maps) {
      columns.raw.push(next(numbers[at + 7]!));
      continue;
    }
    columns.submittedAtMs.push(Number.isNaN(numbers[at + 3]) ? null : numbers[at + 3]!);
    columns.contentHash.push(next(SHA256_LENGTH));
    columns.key.push(next(numbers[at + 4]!));
    columns.identityKeys.push(next(numbers[at + 5]!));
    columns.content.push(next(numbers[at + 6]!));
    columns.raw.push(next(numbers[at + 7]!));
    const more = numbers[at + 8] === 0 ? null : (JSON.parse(next(numbers[at + 8]!)) as NonNullable<MappedRow["more"]>);
    columns.hasBadValues.push(more?.hasBadValues ?? false);
    columns.lane.push(more?.lane ?? null);
    columns.unknown.push(more?.unknown ?? NONE);
  }
  return { columns, others, isOrdinary };
}
