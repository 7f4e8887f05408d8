/** What a custom field takes, by its type (custom fields page and v2 migration guide, read 2026-11). */
import { type Body, checkBody, currency, date, isObject, nullable, number, text } from "./body-check.ts";
import type { CustomValues, FieldRecord } from "./records.ts";
import { invalid } from "./refusal.ts";
import { alive, type World } from "./world.ts";

const VARCHAR_MAX = 255;
const CLOCK = /^\d\d:\d\d(:\d\d)?$/;

type Reader = (world: World, field: FieldRecord, value: unknown) => unknown;

const readText: Reader = (world, field, value) => {
  text(field.field_code, value);
  return (value as string).trim().slice(0, world.textMax ?? undefined) || null;
};

const readVarchar: Reader = (world, field, value) => {
  const read = readText(world, field, value);
  if (typeof read === "string" && world.textMax === null && read.length > VARCHAR_MAX)
    throw invalid(field.field_code, "longer than 255");
  return read;
};

const readNumber: Reader = (_world, field, value) => {
  number(field.field_code, value);
  return value;
};

const readDate: Reader = (_world, field, value) => {
  date(field.field_code, value);
  return value;
};

function checkOption(field: FieldRecord, id: unknown): void {
  if (!field.options?.some((option) => option.id === id)) throw invalid(field.field_code, "unknown option");
}

const readEnum: Reader = (_world, field, value) => {
  checkOption(field, value);
  return value;
};

const readSet: Reader = (_world, field, value) => {
  if (!Array.isArray(value)) throw invalid(field.field_code, "expected an array of option ids");
  if (value.length === 0) throw invalid(field.field_code, "an empty array is not supported, use null");
  for (const id of value) checkOption(field, id);
  return [...new Set(value)];
};

const readMoney: Reader = (world, field, value) => {
  if (!isObject(value)) throw invalid(field.field_code, "expected an object");
  checkBody(value, { value: nullable(number), currency: nullable(currency) });
  if (typeof value.value !== "number") return null;
  return { value: value.value, currency: value.currency ?? world.company.currency };
};

const readTime: Reader = (_world, field, value) => {
  if (!isObject(value)) throw invalid(field.field_code, "expected an object");
  checkBody(value, { value: text, timezone_name: nullable(text) });
  if (!CLOCK.test(String(value.value))) throw invalid(field.field_code, "expected HH:MM:SS");
  return { value: value.value, timezone_name: value.timezone_name ?? null };
};

const readRange =
  (part: RegExp, zoned: boolean): Reader =>
  (_world, field, value) => {
    if (!isObject(value)) throw invalid(field.field_code, "expected an object");
    checkBody(value, { value: text, until: text, ...(zoned ? { timezone_name: nullable(text) } : {}) });
    if (!part.test(String(value.value)) || !part.test(String(value.until)))
      throw invalid(field.field_code, "expected both ends");
    return zoned
      ? { value: value.value, until: value.until, timezone_name: value.timezone_name ?? null }
      : { value: value.value, until: value.until };
  };

const ADDRESS_PARTS = [
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

/** Parts that are left out become null, on POST and on PATCH. */
export function readAddress(field: string, value: unknown): Record<string, string | null> {
  if (!isObject(value)) throw invalid(field, "expected an object");
  checkBody(value as Body, { value: text, ...Object.fromEntries(ADDRESS_PARTS.map((part) => [part, nullable(text)])) });
  if (typeof value.value !== "string") throw invalid(`${field}.value`, "is required");
  const parts = ADDRESS_PARTS.map((part) => [part, (value[part] as string | undefined) ?? null]);
  return { value: value.value, ...Object.fromEntries(parts) };
}

const readRef =
  (exists: (world: World, id: number) => boolean): Reader =>
  (world, field, value) => {
    if (typeof value !== "number" || !exists(world, value)) throw invalid(field.field_code, "no such record");
    return value;
  };

const isUser = (world: World, id: number) => world.users.some((user) => user.id === id);

const READERS: Readonly<Record<string, Reader>> = {
  varchar: readVarchar,
  varchar_auto: readVarchar,
  text: readText,
  phone: readVarchar,
  double: readNumber,
  date: readDate,
  enum: readEnum,
  set: readSet,
  monetary: readMoney,
  time: readTime,
  timerange: readRange(CLOCK, true),
  daterange: readRange(/^\d{4}-\d\d-\d\d$/, false),
  address: (_world, field, value) => readAddress(field.field_code, value),
  user: readRef(isUser),
  org: readRef((world, id) => alive(world, "organization", id) !== undefined),
  people: readRef((world, id) => alive(world, "person", id) !== undefined),
};
export const CUSTOM_FIELD_TYPES: readonly string[] = Object.keys(READERS);

/** The values after a write; `given` keys replace, null clears, the others stay. An unknown key fails the whole request. */
export function mergeCustomValues(
  world: World,
  fields: readonly FieldRecord[],
  before: CustomValues,
  given: unknown,
): CustomValues {
  if (given === undefined) return before;
  if (!isObject(given)) throw invalid("custom_fields", "expected an object");
  const after: Record<string, unknown> = { ...before };
  for (const [code, value] of Object.entries(given)) {
    const field = fields.find((one) => one.field_code === code && one.is_custom_field);
    if (!field && world.unknownFields === "ignore") continue;
    if (!field) throw invalid(code, "unknown custom field");
    const read = value === null ? null : READERS[field.field_type]!(world, field, value);
    if (read === null) delete after[code];
    else after[code] = read;
  }
  return after;
}
