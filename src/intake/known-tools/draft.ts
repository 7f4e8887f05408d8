/** What a draft of a source is made of, and how its paths and expressions are written. */
import type { SourceFormat, SourceMap } from "../../domain/settings.ts";
import type { Path } from "../path.ts";

/** The first records of a file. */
export interface DraftSample {
  format: SourceFormat;
  records: readonly Record<string, unknown>[];
  /** Where a record's own members begin: `["body"]` where webhooks were stored with their headers, else nothing. */
  base: Path;
}

/** A source as a config would have it. */
export interface SourceDraft {
  /** What it was recognised as, for people. */
  tool: string;
  /** A name for the source. */
  name: string;
  map: SourceMap;
  settings: {
    records?: string;
    where?: string;
    timezone?: string;
    sameWithin?: string;
    restToNote?: string;
    deals?: { match: string };
  };
  /** By target of the map or name of the setting: what to know of it. */
  comments: Readonly<Record<string, string>>;
  /** What to know of all of it. */
  remarks: readonly string[];
}

export interface KnownTool {
  /** A draft where the records are this tool's, else null. */
  draft: (sample: DraftSample) => SourceDraft | null;
}

const RESERVED = new Set(["and", "or", "in", "true", "false", "null", "function"]);

/** Backticks, which no path can hold; variables of the environment and control characters, which no config should. */
const UNNAMEABLE = /[`\p{Cc}\u200e\u200f\u2028-\u202e\u2066-\u2069]|\$\{/u;

/** Whether a path of a map can name a member, or an expression hold a text. */
export function isNameable(name: string): boolean {
  return name.trim() !== "" && !UNNAMEABLE.test(name);
}

/** A path in an expression: what is no plain name stands in backticks. */
export function inExpression(path: Path): string {
  return path.map((name) => (/^[A-Za-z_]\w*$/.test(name) && !RESERVED.has(name) ? name : `\`${name}\``)).join(".");
}

/** A text in an expression. JSONata has no escape for a single quote. */
export function quotedText(text: string): string {
  return /['\\\n]/.test(text) ? JSON.stringify(text) : `'${text}'`;
}

/** A variable of an expression, called after `name` where that can be. */
export function variable(name: string): string {
  const plain = name.toLowerCase().replace(/[^a-z0-9]+/g, "_");
  return /^[a-z]\w{0,29}$/.test(plain) ? `$${plain}` : "$chosen";
}

/** An expression that puts the parts that are there under each other: one note. */
export function linesExpression(parts: readonly string[]): string {
  return `= $join([${parts.join(", ")}], '\\n')`;
}

/** Whether every record has what tells the tool. */
export function everyRecord(sample: DraftSample, tells: (body: Record<string, unknown>) => boolean): boolean {
  return sample.records.length > 0 && sample.records.every((record) => tells(bodyOf(sample, record)));
}

export function bodyOf({ base }: Pick<DraftSample, "base">, record: unknown): Record<string, unknown> {
  let body = record;
  for (const name of base) body = objectOf(body)[name];
  return objectOf(body);
}

export function objectOf(value: unknown): Record<string, unknown> {
  return value !== null && typeof value === "object" && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}
