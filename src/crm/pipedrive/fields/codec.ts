import type { FieldCodec, FieldDef } from "../../../domain/catalog.ts";
import { canonicalJson } from "../../../domain/json.ts";
import { type FieldType, notTaken, shown, taken } from "./field-type.ts";
import { FIELD_TYPES, WHOLE_NUMBER_CODES } from "./table.ts";

function rowOf(def: FieldDef): FieldType | undefined {
  const type = !def.custom && WHOLE_NUMBER_CODES.includes(def.code) ? "int" : def.type;
  return Object.hasOwn(FIELD_TYPES, type) ? FIELD_TYPES[type] : undefined;
}

/** Absent, as the CRM may write it: no value, null, an empty text, an empty list, a range or an amount without content. */
function isEmpty(value: unknown): boolean {
  if (value === null || value === undefined) return true;
  if (typeof value === "string") return value.trim() === "";
  if (Array.isArray(value)) return value.length === 0;
  return typeof value === "object" && "value" in value && isEmpty(value.value);
}

/** Reads, writes and compares field values by the table of types. */
export const pipedriveCodec: FieldCodec = {
  encode(def, value, catalog) {
    if (isEmpty(value)) return taken(undefined);
    const row = rowOf(def);
    return row === undefined
      ? notTaken(`goes into a field of type ${def.type}, which can't be written`)
      : row.encode(value, def, catalog);
  },
  equal(def, ours, theirs) {
    if (isEmpty(ours) || isEmpty(theirs)) return isEmpty(ours) && isEmpty(theirs);
    return rowOf(def)?.equal(ours, theirs) ?? canonicalJson(ours) === canonicalJson(theirs);
  },
  display(def, value, catalog) {
    if (isEmpty(value)) return "";
    return rowOf(def)?.display(value, def, catalog) ?? shown(value);
  },
};
