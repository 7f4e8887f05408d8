import { type FieldType, notTaken, plainText, taken } from "./field-type.ts";

const WORDS: Readonly<Record<string, boolean>> = {
  true: true,
  yes: true,
  "1": true,
  false: false,
  no: false,
  "0": false,
};

export const booleanType: FieldType = {
  encode(value) {
    const word = WORDS[plainText(value)?.toLowerCase() ?? ""];
    return word === undefined ? notTaken("is not yes or no") : taken(word);
  },
  equal: (ours, theirs) => WORDS[plainText(ours) ?? ""] === WORDS[plainText(theirs) ?? ""],
  display: (value) => (WORDS[plainText(value) ?? ""] === true ? "yes" : "no"),
};
