/** How alike two texts are that two programs made of one submission. Pure. */
import { foldName } from "../domain/identity.ts";

/** Parts of words that must be the same, of those that the wanted text has, or of those that are there. */
const WANTED_SHARE = 0.7;
const THERE_SHARE = 0.9;
/** A text of fewer words lies in too many others. */
const THERE_WORDS_MIN = 4;
const TITLE_SHARE = 0.5;

export const sameTitle = (a: string, b: string): boolean => foldName(a) === foldName(b);

/** One holds the other, or half of their words are the same. */
export function likeTitle(a: string, b: string): boolean {
  const [first, second] = [wordsOf(a, "text"), wordsOf(b, "text")];
  if (first.size === 0 || second.size === 0) return false;
  const shared = sharedWords(first, second);
  const least = Math.min(first.size, second.size);
  return shared === least || (2 * shared) / (first.size + second.size) >= TITLE_SHARE;
}

/** Words without case, markup and entities, so that HTML and plain text compare. */
export function wordsOf(text: string, format: "text" | "html"): Set<string> {
  const plain = format === "text" ? text : text.replace(/<[^>]*>/g, " ").replace(/&(?:#\w+|\w+);/g, " ");
  return new Set(
    plain
      .normalize("NFKC")
      .toLowerCase()
      .match(/[\p{L}\p{N}]+/gu) ?? [],
  );
}

/** Most of what is wanted is there, or nearly all that is there is of what is wanted. */
export function likeText(wanted: ReadonlySet<string>, there: ReadonlySet<string>): boolean {
  if (wanted.size === 0 || there.size === 0) return false;
  const shared = sharedWords(wanted, there);
  if (shared >= wanted.size * WANTED_SHARE) return true;
  return there.size >= THERE_WORDS_MIN && shared >= there.size * THERE_SHARE;
}

function sharedWords(a: ReadonlySet<string>, b: ReadonlySet<string>): number {
  let shared = 0;
  for (const word of a) if (b.has(word)) shared += 1;
  return shared;
}
