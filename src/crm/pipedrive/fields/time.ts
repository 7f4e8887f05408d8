import { type FieldType, isObject, notTaken, shown, taken } from "./field-type.ts";

/** `HH:MM:SS` of `HH:MM` or `HH:MM:SS`; null for anything else. */
export function clockTime(value: unknown): string | null {
  const text = typeof value === "string" ? value.trim() : "";
  const [, hours, minutes, seconds = "00"] = /^([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?$/.exec(text) ?? [];
  return hours === undefined ? null : `${hours.padStart(2, "0")}:${minutes}:${seconds}`;
}

/** The zone that goes beside a time, where the value names one. */
export function zoneOf(value: unknown): { timezone_name?: string } {
  const zone = isObject(value) ? value.timezone_name : undefined;
  return typeof zone === "string" && zone !== "" ? { timezone_name: zone } : {};
}

export const timeType: FieldType = {
  encode(value) {
    const time = clockTime(isObject(value) ? value.value : value);
    return time === null ? notTaken("is not a time such as 14:30") : taken({ value: time, ...zoneOf(value) });
  },
  equal: (ours, theirs) => timeOf(ours) !== null && timeOf(ours) === timeOf(theirs),
  display: (value) => timeOf(value) ?? shown(value),
};

const timeOf = (value: unknown): string | null => clockTime(isObject(value) ? value.value : value);
