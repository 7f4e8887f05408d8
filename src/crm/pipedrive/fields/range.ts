import { isoDate } from "./date.ts";
import { type FieldType, isObject, notTaken, shown, taken } from "./field-type.ts";
import { clockTime, zoneOf } from "./time.ts";

/** From and until: `{ value, until }`, or `FROM/UNTIL` as ISO 8601 writes it. */
function rangeType(part: (value: unknown) => string | null, example: string): FieldType {
  const read = (value: unknown): { value: string; until: string } | null => {
    const [from, until] = ends(value).map(part);
    return from && until ? { value: from, until } : null;
  };
  return {
    encode(value) {
      const range = read(value);
      if (range === null) return notTaken(`is not a range such as ${example}`);
      return range.until < range.value ? notTaken("ends before it begins") : taken({ ...range, ...zoneOf(value) });
    },
    equal: (ours, theirs) => {
      const [a, b] = [read(ours), read(theirs)];
      return a !== null && b !== null && a.value === b.value && a.until === b.until;
    },
    display: (value) => {
      const range = read(value);
      return range === null ? shown(value) : `${range.value} to ${range.until}`;
    },
  };
}

function ends(value: unknown): unknown[] {
  if (isObject(value)) return [value.value, value.until];
  return typeof value === "string" ? value.split("/") : [];
}

export const dateRangeType = rangeType(isoDate, "2026-11-20/2026-11-27");

const timeRange = rangeType(clockTime, "09:00/17:30");
/** A time range may pass midnight. */
export const timeRangeType: FieldType = {
  ...timeRange,
  encode(value) {
    const [from, until] = ends(value).map(clockTime);
    if (!from || !until) return notTaken("is not a range such as 09:00/17:30");
    return taken({ value: from, until, ...zoneOf(value) });
  },
};
