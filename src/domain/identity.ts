/**
 * Identity keys: what makes two submissions "the same person" or two organizations "the same". They are leased while a
 * chain works, and they are the mirror's match keys.
 */
export type IdentityKey = string;

/** Turns a phone number into E.164, or null where that is not possible. `country` is ISO 3166-1 alpha-2. */
export type PhoneNormalizer = (text: string, country?: string) => string | null;

// biome-ignore lint/suspicious/noControlCharactersInRegex: ASCII has one form only, and most addresses are ASCII
const ASCII = /^[\x00-\x7f]*$/;

/** E-mail addresses match without case and outer spaces. Null for what has no `@` between two non-empty parts. */
export function normalizeEmail(text: string): string | null {
  const lower = text.trim().toLowerCase();
  const folded = ASCII.test(lower) ? lower : lower.normalize("NFC");
  return /^[^\s@]+@[^\s@]+$/.test(folded) ? folded : null;
}

/** Organization names match with case and spaces folded. Empty for an empty name. */
export function foldName(text: string): string {
  return text.normalize("NFKC").trim().replace(/\s+/g, " ").toLowerCase();
}

export const emailKey = (email: string): IdentityKey => `email:${email}`;
export const phoneKey = (phone: string): IdentityKey => `phone:${phone}`;
/** A CRM field used for matching; `field` is its visible name, values match trimmed and exactly. */
export const fieldKey = (field: string, value: string): IdentityKey => `field:${field}:${value.trim()}`;
export const organizationKey = (name: string): IdentityKey => `organization:${foldName(name)}`;
export const dealKey = (key: string): IdentityKey => `deal:${key.trim()}`;
/** Leased after the look-up: two e-mail addresses of one CRM person are one hand. */
export const crmPersonKey = (id: string): IdentityKey => `crm-person:${id}`;
/** Leased while it is found out whether a person has an open deal: two that look at once would make one each. */
export const openDealKey = (personId: string): IdentityKey => `open-deal:${personId}`;
