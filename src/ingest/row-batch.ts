/** Rows of a CSV in columns. */
import type { Lane } from "../domain/submission.ts";
import type { Row } from "../intake/row.ts";

/** Rows that became submissions, or (without `maps`) that may; of the `n`th row all columns have the `n`th element. */
export interface RowColumns {
  line: number[];
  endOffset: number[];
  guessed: boolean[];
  raw: string[];
  rawHash: string[];
  /** From here on empty without `maps`. */
  key: string[];
  contentHash: string[];
  /** JSON. */
  content: string[];
  hasBadValues: boolean[];
  submittedAtMs: (number | null)[];
  lane: (Lane | null)[];
  /** JSON. */
  identityKeys: string[];
  unknown: string[][];
}

export interface RowBatch {
  columns: RowColumns;
  /** Faults, rejects and whatever else is taken in the ordinary way, each before the row of `columns` at this index. */
  others: { before: number; row: Row }[];
  /** Among the others are submissions too, so that all are to be taken in their order. */
  isOrdinary: boolean;
}
