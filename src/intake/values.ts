/** Reading of single values of a submission: leniently, and every value that can't be taken is kept as a bad value. */
import type { BadValue } from "../domain/submission.ts";
import { jsonText, withoutBigints } from "./json-text.ts";

/** Collects what could not be taken. `labelOf` names a path as the source's people would. */
export interface Findings {
  badValues: BadValue[];
  /** Members that are no part of a submission's shape. */
  unknown: string[];
  labelOf: (path: string) => string;
}

/** Text as the ledger and the CRM can keep it: no NUL, no half of a surrogate pair. */
export function cleanText(text: string): string {
  if (!/[\0\p{Surrogate}]/u.test(text)) return text;
  return text.replaceAll("\0", "").replace(/\p{Surrogate}/gu, "\uFFFD");
}

export function isAbsent(value: unknown): boolean {
  if (typeof value === "string") return !isVisible(value.charCodeAt(0)) && value.trim() === "";
  return value === undefined || value === null;
}

/** Of most texts the first character tells that they are not blank: printable ASCII. */
function isVisible(code: number): boolean {
  return code > 32 && code < 127;
}

/** Any value as one text for people. */
export function displayText(value: unknown): string {
  if (typeof value === "string") return cleanText(value).trim();
  return value !== null && typeof value === "object" ? cleanText(jsonText(value)) : String(value);
}

export function badValue(findings: Findings, path: string, value: unknown, reason: string): undefined {
  findings.badValues.push({ path, label: findings.labelOf(path), value: displayText(value), reason });
  return undefined;
}

/** A trimmed text. Numbers and truth values become text; a list with one element stands for that element. */
export function readText(findings: Findings, path: string, value: unknown): string | undefined {
  if (isAbsent(value)) return undefined;
  if (Array.isArray(value) && value.length <= 1) return readText(findings, path, value[0]);
  if (typeof value === "object") return badValue(findings, path, value, "a text is needed");
  return displayText(value) || undefined;
}

/** A list of texts from a list or a single value. */
export function readTexts(value: unknown): string[] {
  const members: unknown[] = Array.isArray(value) ? value.flat() : [value];
  return members.filter((member) => !isAbsent(member)).map(displayText);
}

/** A plain decimal number: digits with at most one point. Currency signs and thousands are not guessed at. */
export function readNumber(findings: Findings, path: string, value: unknown): number | undefined {
  if (isAbsent(value)) return undefined;
  const number = typeof value === "string" && /^[+-]?(\d+\.?\d*|\.\d+)$/.test(value.trim()) ? Number(value) : value;
  if (typeof number !== "number" || !Number.isFinite(number)) {
    return badValue(findings, path, value, "a number is needed, such as 1200.50");
  }
  return Math.abs(number) <= Number.MAX_SAFE_INTEGER
    ? number
    : badValue(findings, path, value, "a number this great would lose digits");
}

/** Fields by visible name. Empty ones are left out; values stay as they are, but for text that can't be kept. */
export function readFields(findings: Findings, path: string, value: unknown): Record<string, unknown> | undefined {
  if (isAbsent(value)) return undefined;
  if (typeof value !== "object" || Array.isArray(value)) {
    return badValue(findings, path, value, "an object of field names and values is needed");
  }
  const entries: [string, unknown][] = [];
  for (const [name, member] of Object.entries(value as Record<string, unknown>)) {
    if (isAbsent(member)) continue;
    // Harmless here, but an ordinary assignment further down would change an object's prototype.
    if (name === "__proto__") badValue(findings, `${path}.${name}`, member, "this can't be the name of a field");
    else entries.push([cleanText(name), typeof member === "string" ? cleanText(member) : withoutBigints(member)]);
  }
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

/** An object, or undefined; what is neither is a bad value. */
export function readObject(findings: Findings, path: string, value: unknown): Record<string, unknown> | undefined {
  if (isAbsent(value)) return undefined;
  if (typeof value === "object" && !Array.isArray(value)) return value as Record<string, unknown>;
  return badValue(findings, path, value, "an object is needed");
}
