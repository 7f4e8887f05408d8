const ESCAPE_SEQUENCES =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: terminal sequences are what is looked for
  /\u001b\[[0-?]*[ -/]*[@-~]|\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|\u009b[0-?]*[ -/]*[@-~]|\u001b[@-Z\\-_]/g;
/**
 * What has no look of its own: control characters, separators that break a line, marks that turn the reading direction, and
 * letters of no width, by which two names look alike. Joiners stay between letters that are joined, and in emoji.
 */
const INVISIBLE =
  /[\p{Cc}\u00ad\u061c\u115f\u1160\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb\u{1bca0}-\u{1bca3}\u{1d173}-\u{1d17a}\u{e0000}-\u{e007f}]|(?<!\P{ASCII})[\u200c\u200d]|[\u200c\u200d](?!\P{ASCII})/gu;

/**
 * Text of a submission or of the CRM as one line that a terminal shows as it is: no escape sequences, control characters,
 * direction marks or letters of no width. A record must not be able to clear the screen, forge a line or set the window's title.
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

/** A whole page on its way to a terminal: nothing but colours is obeyed, whoever forgot to make a part of it safe. */
export function terminalText(page: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the sequences of our own colours
  const parts = page.split(/(\u001b\[[\d;]*m)/);
  return parts.map((part, index) => (index % 2 === 1 ? part : part.split("\n").map(safeCells).join("\n"))).join("");
}

const safeCells = (line: string): string => line.split("\t").map(safeLine).join("\t");

/** JSON text that says the same and holds no character that a terminal would obey or not show. */
export function safeJson(json: string): string {
  return json.replace(INVISIBLE, (found) =>
    found === "\n"
      ? found
      : found.replace(/[\s\S]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`),
  );
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
