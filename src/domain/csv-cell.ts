/** CSV text (RFC 4180) that no spreadsheet runs. */

/**
 * Begins like a formula, or like a text that was guarded, on any of its lines, also behind what is not seen: blanks, control
 * characters, letters of no width. The wide signs are signs to a spreadsheet of Chinese, Japanese or Korean settings
 * (OWASP, CSV Injection, read 2026-11-23).
 */
const LEAD = String.raw`'*(?:(?![\r\n\u2028\u2029])[\s\p{Cc}\p{Cf}])*[=+\-@\t\r＝＋－＠﹦﹢﹣﹫]`;
const FORMULA = new RegExp(`^(?=${LEAD})`, "gmu");
const GUARDED = new RegExp(`^'(?=${LEAD})`, "gmu");

/** A table with this column has guarded names and cells, which whoever reads it in takes the guard off. */
export const GUARDED_COLUMN = "crmledger.guarded";

/** A CSV cell that no spreadsheet runs: each line that looks like a formula gets a leading apostrophe. */
export function csvCell(text: string): string {
  return `"${text.replace(FORMULA, "'").replaceAll('"', '""')}"`;
}

/** Takes the guard of `csvCell` off again. */
export function withoutGuard(text: string): string {
  return text.replace(GUARDED, "");
}
