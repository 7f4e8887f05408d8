const ESCAPE_SEQUENCES =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: terminal sequences are what is looked for
  /\u001b\[[0-?]*[ -/]*[@-~]|\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|\u009b[0-?]*[ -/]*[@-~]|\u001b[@-Z\\-_]/g;
/** Line and paragraph separators and marks that turn the reading direction are no letters either. */
const INVISIBLE = /[\p{Cc}\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu;

/**
 * Text of a submission or of the CRM as one line that a terminal shows as it is: no escape sequences, control characters
 * or direction marks. A record must not be able to clear the screen, forge a line or set the window's title.
 */
export function safeLine(text: string): string {
  return text
    .replace(ESCAPE_SEQUENCES, "")
    .replace(/[\t\r\n]+/g, " ")
    .replace(INVISIBLE, "");
}

/** The same for text of several lines: its line ends stay. */
export function safeText(text: string): string {
  return text
    .split(/\r\n|\r|\n/)
    .map(safeLine)
    .join("\n");
}

/** At most `max` characters, the cut marked. */
export function shorten(text: string, max: number): string {
  const letters = [...text];
  return letters.length <= max ? text : `${letters.slice(0, Math.max(1, max - 1)).join("")}…`;
}

/** Text of several lines for a page: each line safe and at most `lineMax` long, of more than `linesMax` the first. */
export function shownLines(text: string, linesMax: number, lineMax: number): string[] {
  const lines = text.split(/\r\n|\r|\n/);
  const more = lines.length - linesMax;
  const shown = lines.slice(0, linesMax).map((line) => shorten(safeLine(line), lineMax));
  return more > 0 ? [...shown, `… ${more} more ${more === 1 ? "line" : "lines"}`] : shown;
}
