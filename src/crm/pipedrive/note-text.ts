/**
 * Notes are HTML at Pipedrive, which it sanitises. Text is escaped on the way in; on the way back both sides are brought
 * down to their visible text before they are compared, since which tags survive is not documented.
 */

/** What is sent as `content`. */
export function noteContent(text: string, format: "text" | "html"): string {
  if (format === "html") return text;
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replace(/\r\n|\r|\n/g, "<br>");
}

/** Whether a stored note shows what `text` shows; markup and white space do not count. */
export function sameNote(stored: string, text: string, format: "text" | "html"): boolean {
  return folded(visibleText(stored)) === folded(visibleText(noteContent(text, format)));
}

/** What a note's last line names: `Ref. SOURCE/KEY` the stamp alone, `Ref. SOURCE/KEY (1/2)` its part as well; or null. */
export function referenceOf(stored: string): { stamp: string; part: number | null } | null {
  const last = visibleText(stored)
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "")
    .at(-1);
  const [, stamp, part] = /^Ref\. (\S.*?\/.*?)(?: \((\d{1,6})\/\d+\))?$/.exec(last ?? "") ?? [];
  return stamp === undefined ? null : { stamp, part: part === undefined ? null : Number(part) };
}

const folded = (text: string): string => text.normalize("NFC").replace(/\s+/g, " ").trim();

const NAMED: Readonly<Record<string, string>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
  nbsp: " ",
};

function visibleText(html: string): string {
  return html
    .replace(/<(script|style)\b[^>]*>[\s\S]*?<\/\1\s*>/gi, "")
    .replace(/<!--[\s\S]*?-->/g, "")
    .replace(/<\/?(br|p|div|li|ul|ol|h[1-6]|tr|table|blockquote|hr|pre)\b[^>]*>/gi, "\n")
    .replace(/<\/?[a-z][^>]*>/gi, "")
    .replace(/&(#x[0-9a-f]{1,6}|#\d{1,7}|[a-z]+);/gi, (whole, name: string) => entity(name) ?? whole);
}

function entity(name: string): string | undefined {
  if (!name.startsWith("#")) return NAMED[name.toLowerCase()];
  const code = /^#x/i.test(name) ? Number.parseInt(name.slice(2), 16) : Number.parseInt(name.slice(1), 10);
  return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : undefined;
}
