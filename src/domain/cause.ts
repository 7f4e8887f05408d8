/** What failures have in common: `CODE`, `CODE:SUBJECT` or `CODE:SUBJECT:VALUE`, such as `BAD_VALUE:deal.source:webinar`. */
import type { StepError } from "./chain.ts";

const PART_LENGTH_MAX = 60;
/** What may be an address or a number of somebody. */
const PERSONAL = /@|\d[\d\s().-]{4,}\d/;

/** The same for every failure of one cause, whatever else its message says; a word that a shell takes without quotes. */
export function causeOf({ code, about }: Pick<StepError, "code" | "about">): string {
  if (about === undefined) return code;
  return [code, about.subject, about.value].flatMap((part, index) => wordOf(part, index)).join(":");
}

function wordOf(part: string | undefined, index: number): string[] {
  if (part === undefined) return [];
  if (index === 0) return [part];
  const folded = part.normalize("NFC").trim().toLowerCase();
  const word = folded.replace(/[^\p{L}\p{M}\p{N}._]+/gu, "-").replace(/^-+|-+$/g, "");
  return [[...word].slice(0, PART_LENGTH_MAX).join("") || "-"];
}

/** Whether a failure is of the cause that somebody asked for: the whole of it, or its first parts. */
export function isOfCause(error: Pick<StepError, "code" | "about">, asked: string): boolean {
  const cause = causeOf(error);
  return error.code === asked || cause === asked || cause.startsWith(`${asked}:`);
}

/** A value as part of a cause; undefined for what is too long for a name or may belong to a person. */
export function causeValue(text: string): string | undefined {
  const value = text.trim();
  return value === "" || value.length > PART_LENGTH_MAX || PERSONAL.test(value) ? undefined : value;
}
