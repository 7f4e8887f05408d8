import { createRequire } from "node:module";
import type { PhoneNormalizer } from "../domain/identity.ts";

type Library = typeof import("libphonenumber-js/min");

/** Normalised numbers kept at the most; then all go, since looking for the oldest one costs more than it saves. */
const CACHE_MAX = 10_000;
/** Longer texts are no phone numbers. */
const TEXT_MAX = 100;

/**
 * Gives a normaliser to E.164, by libphonenumber (min metadata), which is loaded with the first number: most runs see none.
 * It takes what *could* be dialled (right length for its country), since the CRM's own numbers are judged by the same rule.
 * Without a country a number needs `+` or `00`.
 */
export async function loadPhoneNormalizer(): Promise<PhoneNormalizer> {
  const require = createRequire(import.meta.url);
  let library: Library | null = null;
  const cache = new Map<string, string | null>();
  return (text, country) => {
    if (text.length > TEXT_MAX) return null;
    const id = `${country ?? ""}|${text}`;
    const known = cache.get(id);
    if (known !== undefined) return known;
    const dialled = country === undefined ? text.replace(/^(\D*)00(?=[1-9])/, "$1+") : text;
    library ??= require("libphonenumber-js/min") as Library;
    type Country = Parameters<Library["parsePhoneNumberFromString"]>[1];
    const parsed = library.parsePhoneNumberFromString(dialled, country?.toUpperCase() as Country);
    const normalized = parsed?.isPossible() ? parsed.number : null;
    if (cache.size >= CACHE_MAX) cache.clear();
    cache.set(id, normalized);
    if (normalized !== null && isSpelling(text, normalized)) cache.set(`${country ?? ""}|${normalized}`, normalized);
    return normalized;
  };
}

/** `+49 171 / 123` is `+49171123` with marks between; then that one, which identity keys ask for next, is itself too. */
function isSpelling(text: string, normalized: string): boolean {
  return text.startsWith("+") && text !== normalized && `+${text.replace(/\D/g, "")}` === normalized;
}
