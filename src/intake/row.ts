/** What readers give: one record or one fault at a time, with the place where it stands and where reading can go on. */
export interface Row {
  /** The record; absent where it could not be read. */
  record?: unknown;
  /** Why it could not be read; absent where it could. */
  fault?: string;
  /** As it came: JSON text of the record; of what can't be read, the text itself. */
  raw: string;
  /** Line on which it begins, from 1; null for a document. */
  line: number | null;
  /** Bytes of the file up to its end, line end included. */
  endOffset: number;
  /** Lines of the file up to its end. */
  endLine: number;
  /** Its bytes were no UTF-8 and were taken for Windows-1252. */
  guessed: boolean;
  /** Files uploaded with a form: their names are in the record, what is in them is not. */
  uploads?: number;
}

/** Where reading begins: at the start of the file, or where a growing one was left. */
export interface ReadStart {
  /** Bytes before it. */
  offset: number;
  /** Lines before it. */
  line: number;
}
