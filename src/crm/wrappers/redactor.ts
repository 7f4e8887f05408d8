/** Takes secrets out of texts before they are stored or shown. */

const REDACTED = "[redacted]";
/** A shorter one would blank out ordinary words. */
const SECRET_LENGTH_MIN = 6;
/** How much of base64 text at each end depends on what stands beside the secret, by its offset in a group of three. */
const BASE64_SHIFTS = [0, 1, 2] as const;
/** So much of a long secret gives it away too: a reply may be cut, or show a token's beginning or end. */
const PART_CHARACTERS = 12;
/** Of a shorter secret such a part is most of it, and may be an ordinary word. */
const CUTTABLE_LENGTH_MIN = 24;

/**
 * Makes a function that replaces each secret, as it is, URL-encoded (either case of the escapes), JSON-escaped, and inside
 * base64 or base64url text at any offset; of one with 24 characters or more also any beginning or end of 12 and more.
 * Secrets below 6 characters are left alone. Safe on any text.
 */
export function createRedactor(secrets: readonly string[]): (text: string) => string {
  const forms = [...new Set(secrets.filter((secret) => secret.length >= SECRET_LENGTH_MIN).flatMap(formsOf))]
    .filter((form) => form.length >= SECRET_LENGTH_MIN)
    .sort((a, b) => b.length - a.length);
  if (forms.length === 0) return (text) => text;
  const marks = [...new Set(forms.flatMap(marksOf))];
  const pattern = new RegExp([...forms, ...forms.flatMap(partsOf)].map(asPattern).join("|"), "g");
  // Nearly every text holds none, and plain search is many times faster than the pattern on a page of 500 records.
  return (text) => (marks.some((mark) => text.includes(mark)) ? text.replace(pattern, REDACTED) : text);
}

/** Addresses begin alike: of those only the end is a secret's own. */
const isCuttable = (form: string): boolean => form.length >= CUTTABLE_LENGTH_MIN;
const beginsAlike = (form: string): boolean => /^https?(:|%3a)/i.test(form);

/** What stands in every text that holds a form or an end of it. */
function marksOf(form: string): string[] {
  if (!isCuttable(form)) return [form];
  const end = form.slice(-PART_CHARACTERS);
  return beginsAlike(form) ? [end] : [form.slice(0, PART_CHARACTERS), end];
}

interface Part {
  /** What is there for sure, and what may go on from it, character by character. */
  sure: string;
  more: string;
  at: "beginning" | "end";
}

function partsOf(form: string): Part[] {
  if (!isCuttable(form)) return [];
  const cut = form.length - PART_CHARACTERS;
  const end: Part = { sure: form.slice(cut), more: form.slice(0, cut), at: "end" };
  if (beginsAlike(form)) return [end];
  return [{ sure: form.slice(0, PART_CHARACTERS), more: form.slice(PART_CHARACTERS), at: "beginning" }, end];
}

function asPattern(form: string | Part): string {
  if (typeof form === "string") return escapePattern(form);
  const letters = [...form.more].map(escapePattern);
  if (form.at === "beginning")
    return escapePattern(form.sure) + letters.reduceRight((rest, one) => `(?:${one}${rest})?`, "");
  return letters.reduce((rest, one) => `(?:${rest}${one})?`, "") + escapePattern(form.sure);
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
