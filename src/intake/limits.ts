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
