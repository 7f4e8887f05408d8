import { type FieldType, isObject, notTaken, taken } from "./field-type.ts";
import { exactNumber, sameNumber } from "./number.ts";

/** A number, in the currency of the token's user, or `{ value, currency }`. */
export const monetaryType: FieldType = {
  encode(value, _def, catalog) {
    const amount = exactNumber(isObject(value) ? value.value : value);
    if (amount === null) return notTaken("is not an amount (a number, or value and currency)");
    const currency = currencyOf(value) ?? catalog.account?.currency ?? null;
    if (currency === null) return taken({ value: amount });
    return /^[A-Z]{3}$/.test(currency)
      ? taken({ value: amount, currency })
      : notTaken("has a currency that is not a code of three letters, such as EUR");
  },
  equal: (ours, theirs) => {
    const currency = currencyOf(ours);
    return sameNumber(amountOf(ours), amountOf(theirs)) && (currency === null || currency === currencyOf(theirs));
  },
  display: (value) => [amountOf(value), currencyOf(value)].filter((part) => part !== null).join(" "),
};

const amountOf = (value: unknown): number | null => exactNumber(isObject(value) ? value.value : value);

function currencyOf(value: unknown): string | null {
  if (!isObject(value) || value.currency === undefined || value.currency === null || value.currency === "") return null;
  return String(value.currency).trim().toUpperCase();
}
