/** JSON text of strangers: whole numbers keep their digits, and bounds are checked before anything walks the value. */
import { canonicalJson } from "../domain/json.ts";
import { jsonErrorPosition } from "./json-position.ts";
import { RECORD_DEPTH_MAX, RECORD_FIELDS_MAX } from "./limits.ts";

export type ParsedJson = { ok: true; value: unknown } | { ok: false; reason: string };

/** Only such texts can hold a whole number beyond 2^53, the greatest that JSON.parse keeps exactly. */
const LONG_DIGITS = /\d{16,}/;
const NEXT_QUOTE_OR_NUMBER = /["\d-]/g;
const NUMBER = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

/**
 * Parses JSON. Whole numbers beyond 2^53 become bigints, so that ids keep their digits; `__proto__` is an ordinary own
 * member. The reason of a failure names line and column, never the text around it.
 */
export function parseJson(text: string): ParsedJson {
  try {
    return { ok: true, value: LONG_DIGITS.test(text) ? parseKeepingDigits(text) : JSON.parse(text) };
  } catch {
    return { ok: false, reason: `not JSON${whereOf(text)}` };
  }
}

/**
 * A kept raw record as its value. Its text stands for what is no JSON, for a mere text, and for what is nested too deeply to
 * be walked.
 */
export function recordOf(raw: string): unknown {
  const parsed = parseJson(raw);
  return parsed.ok && typeof parsed.value !== "string" && !isTooDeep(parsed.value, 1) ? parsed.value : raw;
}

function isTooDeep(value: unknown, depth: number): boolean {
  if (value === null || typeof value !== "object") return false;
  return depth > RECORD_DEPTH_MAX || Object.values(value).some((member) => isTooDeep(member, depth + 1));
}

function parseKeepingDigits(text: string): unknown {
  const plain: unknown = JSON.parse(text);
  let mark = "\u0001digits:";
  while (holdsText(plain, mark)) mark += ":";
  const quotedMark = JSON.stringify(mark).slice(1, -1);
  const parts: string[] = [];
  let taken = 0;
  for (const { from, to } of longNumbers(text)) {
    parts.push(text.slice(taken, from), `"${quotedMark}${text.slice(from, to)}"`);
    taken = to;
  }
  return taken === 0 ? plain : unmark(JSON.parse(parts.join("") + text.slice(taken)), mark);
}

/**
 * Places of the whole numbers that JSON.parse would round, in text that is JSON. One pattern for strings and numbers would
 * be shorter, and use up the stack on a string of some megabytes.
 */
function* longNumbers(text: string): Generator<{ from: number; to: number }> {
  for (let at = 0; ; ) {
    NEXT_QUOTE_OR_NUMBER.lastIndex = at;
    const from = NEXT_QUOTE_OR_NUMBER.exec(text)?.index;
    if (from === undefined) return;
    if (text[from] === '"') {
      at = endOfString(text, from);
      continue;
    }
    NUMBER.lastIndex = from;
    const [token = "-"] = NUMBER.exec(text) ?? [];
    at = from + token.length;
    if (/^-?\d{16,}$/.test(token) && !Number.isSafeInteger(Number(token))) yield { from, to: at };
  }
}

/** Index behind the quote that ends a string: one with an even number of backslashes before it. */
function endOfString(text: string, from: number): number {
  for (let quote = text.indexOf('"', from + 1); quote >= 0; quote = text.indexOf('"', quote + 1)) {
    let escapes = 0;
    while (text[quote - 1 - escapes] === "\\") escapes += 1;
    if (escapes % 2 === 0) return quote + 1;
  }
  return text.length;
}

/** What is nested deeper belongs to no record that is taken; walking it could use up the stack. */
const WALK_DEPTH_MAX = 2 * RECORD_DEPTH_MAX;

/** Whether some text in the value begins so. */
function holdsText(value: unknown, beginning: string, depth = 0): boolean {
  if (typeof value === "string") return value.startsWith(beginning);
  if (value === null || typeof value !== "object" || depth > WALK_DEPTH_MAX) return false;
  return Object.values(value).some((member) => holdsText(member, beginning, depth + 1));
}

function unmark(value: unknown, mark: string, depth = 0): unknown {
  if (typeof value === "string") return value.startsWith(mark) ? BigInt(value.slice(mark.length)) : value;
  if (value === null || typeof value !== "object" || depth > WALK_DEPTH_MAX) return value;
  if (Array.isArray(value)) return value.map((member) => unmark(member, mark, depth + 1));
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, unmark(member, mark, depth + 1)]));
}

function whereOf(text: string): string {
  if (text.trim() === "") return " (it is empty)";
  const position = jsonErrorPosition(text);
  if (position >= text.trimEnd().length) return " (it ends too early)";
  const before = text.slice(0, position);
  const line = before.split("\n").length;
  return ` (at line ${line}, column ${before.length - before.lastIndexOf("\n")})`;
}

/** Names the bound that a value breaks, or null. Looks no deeper than the bound. */
export function boundFault(value: unknown): string | null {
  return walk(value, 1);
}

function walk(value: unknown, depth: number): string | null {
  if (value === null || typeof value !== "object") return null;
  if (depth > RECORD_DEPTH_MAX) return `nested deeper than ${RECORD_DEPTH_MAX} levels`;
  const members = Array.isArray(value) ? value : Object.values(value);
  if (!Array.isArray(value) && members.length > RECORD_FIELDS_MAX) {
    return `${members.length} fields in one object; ${RECORD_FIELDS_MAX} is the limit`;
  }
  for (const member of members) {
    if (typeof member !== "object") continue;
    const fault = walk(member, depth + 1);
    if (fault !== null) return fault;
  }
  return null;
}

/** JSON text of a value that may hold bigints, whose digits are kept. */
export function jsonText(value: unknown): string {
  return hasBigint(value) ? canonicalJson(value) : (JSON.stringify(value) ?? "null");
}

/** As `jsonText`, of a value that breaks the bounds: what is nested too deeply to be walked is left out and said so. */
export function jsonTextOfAny(value: unknown): string {
  return jsonText(pruned(value, 0));
}

function pruned(value: unknown, depth: number): unknown {
  if (value === null || typeof value !== "object") return value;
  if (depth > WALK_DEPTH_MAX) return "(left out: nested too deeply)";
  if (Array.isArray(value)) return value.map((member) => pruned(member, depth + 1));
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, pruned(member, depth + 1)]));
}

function hasBigint(value: unknown): boolean {
  if (typeof value === "bigint") return true;
  return value !== null && typeof value === "object" && Object.values(value).some(hasBigint);
}

/** The value with bigints as text, for what computes with JSON values or stores them. The same object where none is in it. */
export function withoutBigints(value: unknown): unknown {
  if (!hasBigint(value)) return value;
  if (typeof value === "bigint") return value.toString();
  if (Array.isArray(value)) return value.map(withoutBigints);
  return Object.fromEntries(
    Object.entries(value as Record<string, unknown>).map(([name, member]) => [name, withoutBigints(member)]),
  );
}
