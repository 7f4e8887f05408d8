import iconv from "iconv-lite";

/** Letters that have no mark to take off, with what Windows puts in their place (its best-fit table for code page 1252). */
const BEST_FIT: Readonly<Record<string, string>> = { ı: "i", ł: "l", Ł: "L", đ: "d", Đ: "D", ħ: "h", Ħ: "H" };
/** Longer texts are not compared letter by letter. */
const TEXT_MAX = 1024 * 1024;

/**
 * Whether `copy` is `text` as a program leaves it that saves in Windows-1252, as spreadsheets do: each letter that is not in
 * there became `?` (an emoji one or two), or the plain letter that Windows takes for it.
 */
export function isWindows1252Copy(text: string, copy: string): boolean {
  if (copy.length > text.length || text.length > TEXT_MAX || isWindows1252(text)) return false;
  let at = 0;
  for (const letter of text) {
    if (copy.startsWith(letter, at)) at += letter.length;
    else if (isWindows1252(letter)) return false;
    else if (letter.length === 2 && copy.startsWith("??", at)) at += 2;
    else if (copy[at] === "?" || copy[at] === plainOf(letter)) at += 1;
    else return false;
  }
  return at === copy.length;
}

function plainOf(letter: string): string | undefined {
  return BEST_FIT[letter] ?? letter.normalize("NFD")[0];
}

function isWindows1252(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: ASCII is in every code page
  if (/^[\x00-\x7f]*$/.test(text)) return true;
  return iconv.decode(iconv.encode(text, "win1252"), "win1252") === text;
}
