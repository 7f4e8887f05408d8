/** What intake remembers between records, or looks at cheaply first, never changes what it makes of one. */
import { createHash } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { canonicalJson, sha256 } from "../../src/domain/json.ts";
import { loadPhoneNormalizer } from "../../src/intake/phone.ts";

const DIGITS = { unit: fc.constantFrom(..."0123456789"), minLength: 3, maxLength: 12 };
const number = fc
  .tuple(fc.constantFrom("+49", "+1", "+39", "+52", "+54", "0049", "+490", "0", ""), fc.string(DIGITS))
  .chain(([code, digits]) =>
    fc.constantFrom(
      code + digits,
      `${code} ${digits.slice(0, 3)} / ${digits.slice(3)}`,
      `${code} (0)${digits}`,
      `${code}-${digits} ext. ${digits.slice(0, 2)}`,
    ),
  );

test("a phone number is read the same, whatever was read before it", async () => {
  const { parsePhoneNumberFromString } = await import("libphonenumber-js/min");
  const phone = await loadPhoneNormalizer();
  const fresh = (text: string): string | null => {
    const parsed = parsePhoneNumberFromString(text, "DE");
    return parsed?.isPossible() ? parsed.number : null;
  };
  fc.assert(
    fc.property(number, (text) => {
      const first = phone(text, "de");
      expect(first).toBe(fresh(text));
      // As identity keys ask once more for what came of it.
      if (first !== null) expect(phone(first, "de")).toBe(fresh(first));
    }),
    { numRuns: 500 },
  );
});

const hostile = fc.string({
  unit: fc.constantFrom("a", "Z", '"', "\\", "\n", "\0", "\u007f", "\ud800", "\u2028", "😀"),
});

test("canonical JSON is JSON: it escapes what JSON escapes, and its hash is that of its bytes", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.oneof(hostile, fc.string()), fc.jsonValue()), hostile, (value, text) => {
      const canonical = canonicalJson({ ...value, text });
      expect(JSON.parse(canonical)).toEqual(JSON.parse(JSON.stringify({ ...value, text })));
      expect(canonicalJson(text)).toBe(JSON.stringify(text));
      expect(sha256(canonical)).toBe(createHash("sha256").update(canonical).digest("hex"));
    }),
  );
});
