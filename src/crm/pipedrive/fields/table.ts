/**
 * One row for each field type that can be written, by the name in `field_type` of the v2 OpenAPI document (2026-08-18).
 * Types that are not here (lead, stage, json, picture, ...) are set by Pipedrive itself.
 */
import { addressType } from "./address.ts";
import { booleanType } from "./boolean.ts";
import { dateType } from "./date.ts";
import type { FieldType } from "./field-type.ts";
import { monetaryType } from "./monetary.ts";
import { numberType } from "./number.ts";
import { enumType, fixedChoice, setType } from "./options.ts";
import { phoneType } from "./phone.ts";
import { dateRangeType, timeRangeType } from "./range.ts";
import { recordType, userType } from "./reference.ts";
import { textType } from "./text.ts";
import { timeType } from "./time.ts";

const VARCHAR_LENGTH_MAX = 255;
const TEXT_LENGTH_MAX = 65_000;

export const FIELD_TYPES: Readonly<Record<string, FieldType>> = {
  varchar: textType(VARCHAR_LENGTH_MAX),
  varchar_auto: textType(VARCHAR_LENGTH_MAX),
  text: textType(TEXT_LENGTH_MAX),
  phone: phoneType,
  double: numberType(false),
  int: numberType(true),
  boolean: booleanType,
  monetary: monetaryType,
  enum: enumType,
  varchar_options: textType(VARCHAR_LENGTH_MAX),
  visible_to: fixedChoice(["1", "3", "5", "7"]),
  status: fixedChoice(["open", "won", "lost"]),
  set: setType,
  user: userType,
  org: recordType,
  people: recordType,
  date: dateType,
  daterange: dateRangeType,
  time: timeType,
  timerange: timeRangeType,
  address: addressType,
};

/** Built-in fields whose member in a record is a whole number, whatever type the field list gives them. */
export const WHOLE_NUMBER_CODES: readonly string[] = ["annual_revenue", "employee_count"];
