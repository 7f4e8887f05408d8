import type { SourceFormat } from "../domain/settings.ts";

const BY_SUFFIX: Readonly<Record<string, SourceFormat>> = {
  ".json": "json",
  ".jsonl": "jsonl",
  ".ndjson": "jsonl",
  ".csv": "csv",
  ".tsv": "csv",
  ".form": "form",
};

/** What rotation puts behind a name (`leads.jsonl.1`, `leads.csv-20261124`), and an archive between a name and that. */
const ROTATED = /(~\d+)?[.-]\d[\d-]*$/;

/** The format that a file's name tells, also once it was rotated; null for another name. */
export function formatOfName(name: string): SourceFormat | null {
  return formatOfSuffix(name) ?? formatOfSuffix(name.replace(ROTATED, ""));
}

function formatOfSuffix(name: string): SourceFormat | null {
  const suffix = /\.[^.]+$/.exec(name)?.[0].toLowerCase();
  return (suffix === undefined ? undefined : BY_SUFFIX[suffix]) ?? null;
}

/** Being written (maildir's and rsync's habit), or none of our business. */
export function isLeftAlone(name: string): boolean {
  return name.startsWith(".") || /\.(tmp|part)$/i.test(name);
}

/** The format that the first bytes tell. Text that is no JSON is taken for CSV. */
export function formatOfContent(head: Uint8Array): SourceFormat {
  const text = Buffer.from(head)
    .toString("latin1")
    .replace(/^\xef\xbb\xbf/, "")
    .replaceAll("\0", "")
    .trimStart();
  if (text.startsWith("[")) return "json";
  if (!text.startsWith("{")) return "csv";
  const firstLine = text.split(/\r?\n/, 1)[0] as string;
  return isWholeObject(firstLine) && firstLine.length < text.trimEnd().length ? "jsonl" : "json";
}

function isWholeObject(line: string): boolean {
  try {
    JSON.parse(line);
    return true;
  } catch {
    return false;
  }
}

const SIGNATURES: readonly (readonly [string, string])[] = [
  ["PK\x03\x04", "a ZIP archive or an Excel workbook"],
  ["\xd0\xcf\x11\xe0", "an old Excel workbook"],
  ["\x1f\x8b", "compressed with gzip"],
  ["%PDF", "a PDF"],
  ["SQLite format 3\0", "an SQLite database"],
  ["<!doctype", "HTML"],
  ["<html", "HTML"],
  ["<?xml", "XML"],
];

/** Says what a file is that is none of our formats; null where it may be one. */
export function foreignContent(head: Uint8Array): string | null {
  const text = Buffer.from(head).toString("latin1").toLowerCase();
  const begins = (signature: string): boolean => text.startsWith(signature.toLowerCase());
  return SIGNATURES.find(([signature]) => begins(signature))?.[1] ?? null;
}

/** Whether lines end in a carriage return alone, so that all of a table looks like one line, its header. */
export function hasOldMacLines(head: Uint8Array): boolean {
  const text = Buffer.from(head).toString("latin1").replaceAll("\0", "");
  return !text.includes("\n") && /\r[^\r]/.test(text);
}
