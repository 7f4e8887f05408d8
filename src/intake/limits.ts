/** Bounds of one record. A record beyond them becomes a reject that names the bound; the rest of its file goes on. */
export const RECORD_BYTES_MAX = 1024 * 1024;
/** Objects and lists inside each other. */
export const RECORD_DEPTH_MAX = 32;
/** Members of one object, or columns of a CSV. */
export const RECORD_FIELDS_MAX = 500;
/** How far a reader looks for the end of a record before it gives that record up. */
export const RECORD_SEARCH_BYTES_MAX = 16 * 1024 * 1024;
/** A JSON document is read whole; a longer one belongs into JSONL, which is read as a stream. */
export const DOCUMENT_BYTES_MAX = 128 * 1024 * 1024;
/** Commas and brackets of a JSON document: a hundred megabytes of the smallest values would not fit into memory. */
export const DOCUMENT_MARKS_MAX = 12_000_000;
/** A url-encoded form is one record; its escapes triple it at the most. */
export const FORM_BYTES_MAX = 3 * RECORD_BYTES_MAX;
