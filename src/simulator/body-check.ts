/** Types of a v2 body: real booleans, numbers that are no text, known keys only (v2 migration guide, read 2026-11). */

import { invalid, Refusal } from "./refusal.ts";
import { isDate } from "./times.ts";

export type Body = Readonly<Record<string, unknown>>;

type Check = (field: string, value: unknown) => void;

export function parseJsonBody(contentType: string | undefined, text: string | undefined): Body {
  if (contentType !== undefined && !/^application\/json\b/i.test(contentType))
    throw new Refusal(400, "The request body must be JSON.", { code: "ERR_UNSUPPORTED_CONTENT_TYPE" });
  let body: unknown;
  try {
    body = JSON.parse(text ?? "");
  } catch {
    throw new Refusal(400, "The request body is not valid JSON.", { code: "ERR_INVALID_JSON" });
  }
  if (typeof body !== "object" || body === null || Array.isArray(body)) throw invalid("body", "expected an object");
  return body as Body;
}

export function checkBody(body: Body, shape: Readonly<Record<string, Check>>): void {
  for (const [key, value] of Object.entries(body)) {
    const check = Object.hasOwn(shape, key) ? shape[key] : undefined;
    if (!check) throw invalid(key, "this property is not allowed");
    check(key, value);
  }
}

const typed = (word: string, test: (value: unknown) => boolean): Check => {
  return (field, value) => {
    if (!test(value)) throw invalid(field, `expected ${word}`);
  };
};

export const text = typed("a string", (value) => typeof value === "string");
export const filledText = typed("a string that is not empty", (v) => typeof v === "string" && v.trim() !== "");
export const integer = typed("an integer", Number.isSafeInteger);
export const number = typed("a number", Number.isFinite);
export const flag = typed("a boolean", (value) => typeof value === "boolean");
export const object = typed("an object", isObject);
export const visibility = typed("1, 3, 5 or 7", (value) => [1, 3, 5, 7].includes(value as number));
export const currency = typed("an ISO 4217 code", (value) => typeof value === "string" && /^[A-Z]{3}$/.test(value));
export const date = typed("a date YYYY-MM-DD", (value) => typeof value === "string" && isDate(value));
export const time = typed("a date and time", (v) => typeof v === "string" && !Number.isNaN(Date.parse(v)));
export const integers = typed("an array of integers", (v) => Array.isArray(v) && v.every(Number.isSafeInteger));
export const oneOf = (words: readonly string[]): Check =>
  typed(`one of ${words.join(", ")}`, (value) => words.includes(value as string));

export function nullable(check: Check): Check {
  return (field, value) => {
    if (value !== null) check(field, value);
  };
}

/** `emails` and `phones`: objects with a value, at most one of them primary. */
export const contacts: Check = (field, value) => {
  if (!Array.isArray(value)) throw invalid(field, "expected an array of objects");
  for (const [index, contact] of value.entries()) {
    const where = `${field}[${index}]`;
    if (!isObject(contact)) throw invalid(where, "expected an object");
    checkBody(contact as Body, { value: filledText, primary: flag, label: text });
    if (!("value" in (contact as Body))) throw invalid(`${where}.value`, "is required");
  }
  if (value.filter((contact) => contact.primary === true).length > 1)
    throw invalid(field, "only one value can be primary");
};

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
