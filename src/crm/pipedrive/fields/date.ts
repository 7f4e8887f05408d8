import { type FieldType, notTaken, shown, taken } from "./field-type.ts";

/** `YYYY-MM-DD`, alone or before a time; null where the calendar has no such day. */
export function isoDate(value: unknown): string | null {
  const text = typeof value === "string" ? value.trim() : "";
  const date = /^(\d{4}-\d\d-\d\d)(?:[T ]\d\d:\d\d.*)?$/.exec(text)?.[1];
  if (date === undefined) return null;
  const ms = Date.parse(`${date}T00:00:00Z`);
  return Number.isFinite(ms) && new Date(ms).toISOString().startsWith(date) ? date : null;
}

export const dateType: FieldType = {
  encode(value) {
    const date = isoDate(value);
    return date === null ? notTaken("is not a date such as 2026-11-20") : taken(date);
  },
  equal: (ours, theirs) => isoDate(ours) !== null && isoDate(ours) === isoDate(theirs),
  display: (value) => shown(value),
};
