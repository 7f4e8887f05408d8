import { type FieldType, notTaken, plainText, shown, taken } from "./field-type.ts";

const LENGTH_MAX = 255;

/** Text for the CRM; compared by its digits, since people and integrations punctuate differently. */
export const phoneType: FieldType = {
  encode(value) {
    const text = plainText(value);
    if (text === null || typeof value === "boolean") return notTaken("is not a phone number");
    return text.length > LENGTH_MAX ? notTaken(`is longer than ${LENGTH_MAX} characters`) : taken(text);
  },
  equal: (ours, theirs) => fold(ours) === fold(theirs),
  display: (value) => shown(value),
};

const fold = (value: unknown): string | null => plainText(value)?.replace(/[\s().\-/]/g, "") ?? null;
