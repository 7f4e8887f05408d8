import type { FieldDef } from "../../../domain/catalog.ts";
import { type FieldType, foldLabel, idOf, isObject, notTaken, plainText, taken, wireOption } from "./field-type.ts";

const LABELS_NAMED_MAX = 10;

/** One option, given by its label. */
export const enumType: FieldType = {
  encode(value, def) {
    const id = optionId(value, def);
    return id === null ? notTaken(unknownOption(def)) : taken(wireOption(id));
  },
  equal: (ours, theirs) => idOf(ours) !== null && idOf(ours) === idOf(theirs),
  display: (value, def) => labelOf(value, def),
};

/** A built-in choice whose definition may come without options: then its ids are taken too. */
export function fixedChoice(ids: readonly string[]): FieldType {
  return {
    ...enumType,
    encode(value, def, catalog) {
      const id = plainText(value)?.toLowerCase() ?? "";
      const label = enumType.encode(value, def, catalog);
      if (label.ok) return label;
      return ids.includes(id) ? taken(wireOption(id)) : notTaken(`is not one of ${ids.join(", ")}`);
    },
  };
}

/** Several options: a list of labels, one label, or labels in one text with commas or semicolons between them. */
export const setType: FieldType = {
  encode(value, def) {
    const wanted = labelsIn(value, def);
    const ids = wanted.map((label) => optionId(label, def));
    if (ids.some((id) => id === null)) return notTaken(unknownOption(def));
    // The CRM refuses an empty list; nothing chosen is nothing to write.
    return taken(ids.length === 0 ? undefined : [...new Set(ids as string[])].map(wireOption));
  },
  equal: (ours, theirs) => idSet(ours) === idSet(theirs),
  display: (value, def) =>
    entries(value)
      .map((entry) => labelOf(entry, def))
      .join(", "),
};

function optionId(value: unknown, def: FieldDef): string | null {
  const text = plainText(value);
  if (text === null) return null;
  return def.options.find((option) => foldLabel(option.label) === foldLabel(text))?.id ?? null;
}

function labelsIn(value: unknown, def: FieldDef): unknown[] {
  if (Array.isArray(value)) return value.filter((entry) => entry !== null && entry !== "");
  if (typeof value !== "string" || optionId(value, def) !== null) return [value];
  return value.split(/[,;]/).filter((part) => part.trim() !== "");
}

function unknownOption(def: FieldDef): string {
  const labels = def.options.map((option) => option.label);
  const named = labels.slice(0, LABELS_NAMED_MAX).join(", ");
  return `is not one of its options: ${named}${labels.length > LABELS_NAMED_MAX ? ", ..." : ""}`;
}

function entries(value: unknown): unknown[] {
  if (Array.isArray(value)) return value;
  return typeof value === "string" ? value.split(",") : [value];
}
const idSet = (value: unknown): string => [...new Set(entries(value).map(idOf))].sort().join(",");

function labelOf(value: unknown, def: FieldDef): string {
  const id = idOf(value);
  const known = def.options.find((option) => option.id === id)?.label;
  if (known !== undefined) return known;
  return isObject(value) && typeof value.label === "string" ? value.label : (id ?? "");
}
