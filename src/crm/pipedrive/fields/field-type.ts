import type { Catalog, Encoded, FieldDef } from "../../../domain/catalog.ts";
import { canonicalJson } from "../../../domain/json.ts";

/** One row of the field-type table. Called with a value that is not empty. */
export interface FieldType {
  /** A submission's value as a wire value, or why not. */
  encode(value: unknown, def: FieldDef, catalog: Catalog): Encoded;
  /** Whether two wire values, neither of them empty, mean the same to the CRM. */
  equal(ours: unknown, theirs: unknown): boolean;
  /** A wire value for people. */
  display(value: unknown, def: FieldDef, catalog: Catalog): string;
}

export const taken = (value: unknown): Encoded => ({ ok: true, value });
export const notTaken = (reason: string): Encoded => ({ ok: false, reason });

/** Plain text of a string, number, bigint or boolean; null for anything else. */
export function plainText(value: unknown): string | null {
  if (typeof value === "string") return value.trim();
  if (typeof value === "number") return Number.isFinite(value) ? String(value) : null;
  return typeof value === "bigint" || typeof value === "boolean" ? String(value) : null;
}

/** A value that a row does not understand, for people. */
export const shown = (value: unknown): string => plainText(value) ?? canonicalJson(value);

/** How names and labels are compared: without case and outer or doubled spaces. */
export function foldLabel(text: string): string {
  return text.normalize("NFKC").trim().replace(/\s+/g, " ").toLowerCase();
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The id in a wire value: bare, or inside `{ id }` or `{ value }`, as some replies have it. */
export function idOf(value: unknown): string | null {
  const bare = isObject(value) ? (value.id ?? value.value) : value;
  return typeof bare === "number" || typeof bare === "string" ? String(bare) : null;
}

/** Whole numbers go as numbers; the built-in options' word ids (`open`) stay text. */
export function wireOption(id: string): number | string {
  return /^\d{1,15}$/.test(id) ? Number(id) : id;
}
