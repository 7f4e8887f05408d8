/** CSV text (RFC 4180) that no spreadsheet runs. */

/** Begins like a formula, or like a text that was guarded, on any of its lines, also behind blanks. */
const FORMULA = /^(?='*[^\S\r\n]*[=+\-@\t\r])/gm;
const GUARDED = /^'(?='*[^\S\r\n]*[=+\-@\t\r])/gm;

/** A CSV cell that no spreadsheet runs: each line that looks like a formula gets a leading apostrophe. */
export function csvCell(text: string): string {
  return `"${text.replace(FORMULA, "'").replaceAll('"', '""')}"`;
}

/** Takes the guard of `csvCell` off again. */
export function withoutGuard(text: string): string {
  return text.replace(GUARDED, "");
}
