/** Finds a person in running text: records as they came, in JSON, CSV or percent-encoded. Pure. */
import type { IdentityKey } from "./identity.ts";

export interface Mentions {
  /** One of the person's e-mail addresses stands there. */
  email(text: string): boolean;
  /**
   * The text of one record is this person's: it has the e-mail or, where it has no e-mail at all or the number was asked for,
   * the phone. Others may share a phone.
   */
  record(text: string): boolean;
  /** An address, or a number with its country, stands there that is not the person's: the record may be somebody else's. */
  others(text: string): boolean;
}

/** Shorter runs of digits are no phone number without its country. */
const DIGITS_MIN = 7;
const NUMBER = /[+\d][\d ()./-]{4,}\d/g;
/** Bounded: a record of strangers may be one very long word. */
const ANY_EMAIL = /[^\s@"'<>,;:=&](?:@|%40)[^\s@"'<>,;:=&.]{1,63}\.[^\s@"'<>,;:=&]/i;

const EVERY_EMAIL = /[\p{L}\p{N}._+'-]{1,64}@[\p{L}\p{N}-]{1,63}(?:\.[\p{L}\p{N}-]{1,63})+/giu;
const WHOLE_NUMBER = /\+\d[\d ()./-]{6,20}\d/g;

/** Without the escapes of JSON and of URLs. */
function plainText(text: string): string {
  const letter = (_: string, code: string): string => String.fromCharCode(Number.parseInt(code, 16));
  return text
    .replace(/\\[nrtbf]/g, " ")
    .replace(/\\u([0-9a-f]{4})/gi, letter)
    .replace(/%([0-9a-f]{2})/gi, letter);
}

/** `askedPhones`: identity keys of numbers that somebody named. */
export function mentionsOf(keys: readonly IdentityKey[], askedPhones: readonly IdentityKey[]): Mentions {
  const emails = emailsOf(keys).flatMap((email) => [...new Set([email, encodeURIComponent(email)])].map(emailPattern));
  const digitsOf = (some: readonly IdentityKey[]): string[] =>
    some.filter((key) => key.startsWith("phone:")).map((key) => key.replace(/\D/g, ""));
  const [phones, asked] = [digitsOf(keys), digitsOf(askedPhones)];
  const email = (text: string): boolean => emails.some((pattern) => text.search(pattern) >= 0);
  const record = (text: string): boolean =>
    email(text) || hasNumber(text, asked) || (phones.length > 0 && !ANY_EMAIL.test(text) && hasNumber(text, phones));
  return {
    email,
    record,
    others(text) {
      const plain = plainText(text);
      const names = [...(plain.match(EVERY_EMAIL) ?? []), ...(plain.match(WHOLE_NUMBER) ?? [])];
      return names.some((name) => !record(name));
    },
  };
}

export const emailsOf = (keys: readonly IdentityKey[]): string[] =>
  keys.filter((key) => key.startsWith("email:")).map((key) => key.slice("email:".length));

/** The address alone: not the end of a longer name, nor the beginning of a longer domain. An escape before it is no letter of it. */
export function emailPattern(email: string): RegExp {
  const text = email.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const before = "(?:(?<=\\\\[nrtbf]|\\\\u[0-9a-f]{4}|%[0-9a-f]{2})|(?<![\\p{L}\\p{N}._+'-]))";
  return new RegExp(`${before}${text}(?![\\p{L}\\p{N}-]|\\.[\\p{L}\\p{N}])`, "giu");
}

/** In any spelling, with its country or without. */
function hasNumber(text: string, phones: readonly string[]): boolean {
  if (phones.length === 0) return false;
  return (text.replaceAll(/%2b/gi, "+").match(NUMBER) ?? []).some((written) => {
    const digits = written.replace(/\D/g, "").replace(/^0+/, "");
    return digits.length >= DIGITS_MIN && phones.some((phone) => phone.endsWith(digits));
  });
}
