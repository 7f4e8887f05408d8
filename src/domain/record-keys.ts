/** The identity keys that a CRM record carries, and which of several records for one identity is used. Pure. */
import {
  emailKey,
  fieldKey,
  type IdentityKey,
  normalizeEmail,
  organizationKey,
  type PhoneNormalizer,
  phoneKey,
} from "./identity.ts";
import type { CrmId } from "./ids.ts";
import type { CrmRecord } from "./operation.ts";

export interface PersonKeyOptions {
  phone: PhoneNormalizer;
  /** For numbers that the CRM holds in national form; null: none. */
  country: string | null;
  /** Fields that `persons.match` names. */
  matchFields: readonly { name: string; code: string }[];
}

/** Text of a field's wire value for matching; null for what is empty or no scalar. */
export function matchText(value: unknown): string | null {
  if (typeof value === "number" || typeof value === "bigint") return String(value);
  if (typeof value !== "string") return null;
  const text = value.trim();
  return text === "" ? null : text;
}

/** Each normalisable e-mail, each phone that has an E.164 form, and the match fields. No doubles. */
export function personKeys(record: CrmRecord, options: PersonKeyOptions): IdentityKey[] {
  const keys = new Set<IdentityKey>();
  for (const text of record.emails) {
    const email = normalizeEmail(text);
    if (email !== null) keys.add(emailKey(email));
  }
  for (const text of record.phones) {
    const phone = options.phone(text, options.country ?? undefined);
    if (phone !== null) keys.add(phoneKey(phone));
  }
  for (const { name, code } of options.matchFields) {
    const text = matchText(record.fields[code]);
    if (text !== null) keys.add(fieldKey(name, text));
  }
  return [...keys];
}

export function organizationKeys(record: CrmRecord): IdentityKey[] {
  return record.name === null || record.name.trim() === "" ? [] : [organizationKey(record.name)];
}

/** Order of ids: as numbers where both are, so that 9 comes before 10. */
export function compareIds(a: CrmId, b: CrmId): number {
  if (/^\d+$/.test(a) && /^\d+$/.test(b)) {
    const difference = BigInt(a) - BigInt(b);
    return difference < 0n ? -1 : difference > 0n ? 1 : 0;
  }
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Sorts the record that was created first to the front, then the lowest id; unknown creation times come last. */
export function oldestFirst(
  a: { id: CrmId; createdAtMs: number | null },
  b: { id: CrmId; createdAtMs: number | null },
): number {
  const first = a.createdAtMs ?? Number.POSITIVE_INFINITY;
  const second = b.createdAtMs ?? Number.POSITIVE_INFINITY;
  return first === second ? compareIds(a.id, b.id) : first - second;
}
