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
  let plans: Plans | null = null;
  const cache = new Map<string, string | null>();
  return (text, country) => {
    if (text.length > TEXT_MAX) return null;
    if (DIALLED.test(text)) {
      library ??= require("libphonenumber-js/min") as Library;
      plans ??= loneCountries(library);
      if (isAsItIs(text, plans)) return text;
    }
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

/** E.164 already, as far as digits tell. */
const DIALLED = /^\+[1-9]\d{5,14}$/;
const CALLING_CODE_DIGITS_MAX = 3;

interface Plan {
  lengths: ReadonlySet<number>;
  /** What would be taken off a national number as its prefix. */
  prefix: RegExp | null;
}

/** By calling code; null where several countries share it. */
type Plans = ReadonlyMap<string, Plan | null>;

/** What the library knows of numbers with a country's own calling code. */
function loneCountries(library: Library): Plans {
  const plans = new Map<string, Plan | null>();
  const metadata = new library.Metadata();
  for (const country of library.getCountries()) {
    const code = library.getCountryCallingCode(country);
    metadata.selectNumberingPlan(country);
    plans.set(code, plans.has(code) ? null : planOf(metadata.numberingPlan));
  }
  return plans;
}

/** Of the library's description of a country; the prefix is not in its types (its METADATA.md, read 2026-11-24). */
function planOf(numbering: unknown): Plan | null {
  const known = numbering as { possibleLengths(): number[]; nationalPrefixForParsing?(): string | undefined };
  if (known.nationalPrefixForParsing === undefined) return null;
  const prefix = known.nationalPrefixForParsing();
  return { lengths: new Set(known.possibleLengths()), prefix: prefix ? new RegExp(`^(?:${prefix})`) : null };
}

/** Whether the library would give the text back: nothing is taken off it, and it is as long as it may be. */
function isAsItIs(text: string, plans: Plans): boolean {
  for (let digits = 1; digits <= CALLING_CODE_DIGITS_MAX; digits += 1) {
    const plan = plans.get(text.slice(1, 1 + digits));
    if (plan === null) return false;
    if (plan === undefined) continue;
    const national = text.slice(1 + digits);
    return plan.lengths.has(national.length) && plan.prefix?.test(national) !== true;
  }
  return false;
}

/** `+49 171 / 123` is `+49171123` with marks between; then that one, which identity keys ask for next, is itself too. */
function isSpelling(text: string, normalized: string): boolean {
  return text.startsWith("+") && text !== normalized && `+${text.replace(/\D/g, "")}` === normalized;
}
