import { type FieldType, notTaken, plainText, shown, taken } from "./field-type.ts";

/** `varchar` and `varchar_auto` hold 255 characters, `text` 65,000 (v2 OpenAPI document, field creation, 2026-08-18). */
export function textType(lengthMax: number): FieldType {
  return {
    encode(value) {
      const text = plainText(value);
      if (text === null) return notTaken("is not a text");
      return text.length > lengthMax ? notTaken(`is longer than ${lengthMax} characters`) : taken(text);
    },
    equal: (ours, theirs) => fold(ours) === fold(theirs),
    display: (value) => shown(value),
  };
}

const fold = (value: unknown): string | null => plainText(value)?.normalize("NFC").replace(/\r\n?/g, "\n") ?? null;
