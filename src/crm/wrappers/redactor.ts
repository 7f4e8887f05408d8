/** Takes secrets out of texts before they are stored or shown. */

const REDACTED = "[redacted]";
/** A shorter one would blank out ordinary words. */
const SECRET_LENGTH_MIN = 6;
/** How much of base64 text at each end depends on what stands beside the secret, by its offset in a group of three. */
const BASE64_SHIFTS = [0, 1, 2] as const;

/**
 * Makes a function that replaces each secret, as it is, URL-encoded (either case of the escapes), JSON-escaped, and inside
 * base64 or base64url text at any offset. Secrets below 6 characters are left alone. Safe on any text.
 */
export function createRedactor(secrets: readonly string[]): (text: string) => string {
  const forms = [...new Set(secrets.filter((secret) => secret.length >= SECRET_LENGTH_MIN).flatMap(formsOf))]
    .filter((form) => form.length >= SECRET_LENGTH_MIN)
    .sort((a, b) => b.length - a.length);
  if (forms.length === 0) return (text) => text;
  const pattern = new RegExp(forms.map(escapePattern).join("|"), "g");
  // Nearly every text holds none, and plain search is many times faster than the pattern on a page of 500 records.
  return (text) => (forms.some((form) => text.includes(form)) ? text.replace(pattern, REDACTED) : text);
}

function formsOf(secret: string): string[] {
  const encoded = encodeURIComponent(secret);
  const lower = encoded.replace(/%[0-9A-F]{2}/g, (part) => part.toLowerCase());
  const form = encoded.replace(/%20/g, "+");
  const json = JSON.stringify(secret).slice(1, -1);
  const base64 = BASE64_SHIFTS.flatMap((shift) => {
    const bare = base64Within(secret, shift);
    return [bare, bare.replaceAll("+", "-").replaceAll("/", "_")];
  });
  return [secret, encoded, lower, form, json, ...base64];
}

/** The characters of base64 text that only the secret decides when `shift` bytes stand before it. */
function base64Within(secret: string, shift: number): string {
  const bytes = Buffer.byteLength(secret);
  const text = Buffer.concat([Buffer.alloc(shift), Buffer.from(secret)]).toString("base64");
  const from = Math.ceil((shift * 8) / 6);
  const to = Math.floor(((shift + bytes) * 8) / 6);
  return text.slice(from, to);
}

const escapePattern = (text: string): string => text.replace(/[.*+?^${}()|[\]\\/-]/g, "\\$&");
