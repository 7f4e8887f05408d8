import { type FieldType, notTaken, plainText, shown, taken } from "./field-type.ts";

/** Decimals are stored in binary: the last digits of a sum may differ. */
const TOLERANCE = 1e-9;

/** A number, or text that is nothing but a number with a decimal point. Null for the rest: nobody guesses at "1,200". */
export function exactNumber(value: unknown): number | null {
  if (typeof value === "boolean") return null;
  const text = plainText(value);
  if (text === null || !/^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d{1,3})?$/i.test(text)) return null;
  const number = Number(text);
  if (!Number.isFinite(number)) return null;
  // A longer whole number would come back with other digits.
  return Number.isInteger(number) && !Number.isSafeInteger(number) ? null : number;
}

export function sameNumber(a: number | null, b: number | null): boolean {
  if (a === null || b === null) return false;
  return Math.abs(a - b) <= TOLERANCE * Math.max(1, Math.abs(a), Math.abs(b));
}

export function numberType(wholeOnly: boolean): FieldType {
  return {
    encode(value) {
      const number = exactNumber(value);
      if (number === null) return notTaken("is not a number");
      return wholeOnly && !Number.isInteger(number) ? notTaken("is not a whole number") : taken(number);
    },
    equal: (ours, theirs) => sameNumber(exactNumber(ours), exactNumber(theirs)),
    display: (value) => shown(value),
  };
}
