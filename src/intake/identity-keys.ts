import {
  emailKey,
  fieldKey,
  type IdentityKey,
  normalizeEmail,
  type PhoneNormalizer,
  phoneKey,
} from "../domain/identity.ts";
import type { PersonContent } from "../domain/submission.ts";
import { readPath } from "./path.ts";

const FIELD_PREFIX = "person.fields.";

/**
 * What makes this person the same as another, by the ways of `match` (`persons.match`) in their order. A person without
 * any of these, but with an e-mail or phone of another way, is known by that. Empty: not usable.
 */
export function identityKeysOf(
  person: PersonContent | undefined,
  match: readonly string[],
  phone: PhoneNormalizer,
  country: string | null,
): IdentityKey[] {
  if (person === undefined) return [];
  const email = person.email === undefined ? null : normalizeEmail(person.email);
  const number = person.phone === undefined ? null : phone(person.phone, country ?? undefined);
  const byEmail = email === null ? [] : [emailKey(email)];
  const byPhone = number === null ? [] : [phoneKey(number)];
  const keys: IdentityKey[] = [];
  for (const way of match) {
    if (way === "email") keys.push(...byEmail);
    else if (way === "phone") keys.push(...byPhone);
    else if (way.startsWith(FIELD_PREFIX)) keys.push(...fieldKeys(person, way.slice(FIELD_PREFIX.length)));
  }
  return keys.length > 0 ? keys : [...byEmail, ...byPhone];
}

function fieldKeys(person: PersonContent, name: string): IdentityKey[] {
  const value = readPath(person.fields, [name]);
  const text = typeof value === "string" || typeof value === "number" ? String(value).trim() : "";
  return text === "" ? [] : [fieldKey(name, text)];
}
