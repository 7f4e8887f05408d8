import { type FieldType, foldLabel, isObject, notTaken, plainText, taken } from "./field-type.ts";

/** Members of an address beside `value` (v2 OpenAPI document, 2026-08-18). */
const PARTS = [
  "country",
  "admin_area_level_1",
  "admin_area_level_2",
  "locality",
  "sublocality",
  "route",
  "street_number",
  "subpremise",
  "postal_code",
] as const;

/** The whole address as text, or an object with `value` and parts. The CRM fills the parts itself: only `value` is compared. */
export const addressType: FieldType = {
  encode(value) {
    const whole = wholeOf(value);
    if (whole === null || whole === "") return notTaken("is not an address (a text, or an object with value)");
    const parts = isObject(value) ? PARTS.map((part) => [part, plainText(value[part])] as const) : [];
    return taken({ value: whole, ...Object.fromEntries(parts.filter(([, text]) => text)) });
  },
  equal: (ours, theirs) => foldLabel(wholeOf(ours) ?? "") === foldLabel(wholeOf(theirs) ?? ""),
  display: (value) => wholeOf(value) ?? "",
};

const wholeOf = (value: unknown): string | null => plainText(isObject(value) ? value.value : value);
