/** Exports of rejects: made so that they can be mended in an editor or spreadsheet and imported as they are. */
import { csvCell, withoutGuard } from "../domain/csv-cell.ts";
import { jsonText, parseJson, recordOf } from "./json-text.ts";
import { RECORD_FIELDS_MAX } from "./limits.ts";
import { pathText } from "./path.ts";

export interface ExportedReject {
  id: string;
  line: number | null;
  reason: string;
  /** As kept: JSON text of the record, or the text that could not be read. */
  raw: string;
}

export const REJECT_COLUMN = "crmledger.reject";
const LINE = "crmledger.line";
const REASON = "crmledger.reason";
/** Column for text that could not be read as a record, and for a record as JSON that has too many cells for a table. */
const TEXT = "crmledger.text";

/** One `{"reject", "line", "reason", "record"}` a line. */
export function rejectsAsJsonl(rejects: readonly ExportedReject[]): string {
  return rejects
    .map(({ id, line, reason, raw }) => `${jsonText({ reject: id, line, reason, record: recordOf(raw) })}\n`)
    .join("");
}

/**
 * The records' own columns, then id, line and reason. Cells that a spreadsheet would take for a formula are guarded. A
 * record that would make the table wider than a table may be stands in one cell, as JSON.
 */
export function rejectsAsCsv(rejects: readonly ExportedReject[]): string {
  const columns = new Set<string>();
  const rows = rejects.map((reject) => ({ reject, cells: cellsWithin(columns, reject.raw) }));
  const lines = rows.map(({ reject, cells }) => [
    ...[...columns].map((column) => cells.get(column) ?? ""),
    reject.id,
    reject.line === null ? "" : String(reject.line),
    reject.reason,
  ]);
  const text = [[...columns, REJECT_COLUMN, LINE, REASON], ...lines].map(
    (cells) => `${cells.map(csvCell).join(",")}\r\n`,
  );
  // Zero bytes in front would be taken for UTF-16.
  return `${[...columns][0]?.includes("\0") ? "\ufeff" : ""}${text.join("")}`;
}

/** Id, line and reason stand beside them, and the text of what has no cells. */
const OWN_COLUMNS_MAX = RECORD_FIELDS_MAX - 4;

/** A record's cells, whose names come to the table's columns; its text where there is no room for them. */
function cellsWithin(columns: Set<string>, raw: string): Map<string, string> {
  const record = recordOf(raw);
  const cells = cellsOf(record, raw);
  const added = [...cells.keys()].filter((name) => name !== TEXT && !columns.has(name));
  const fits = added.length === 0 || columns.size + added.length <= OWN_COLUMNS_MAX;
  const taken = fits ? cells : new Map([[TEXT, raw]]);
  for (const name of taken.keys()) columns.add(name);
  return taken;
}

/** Flattened to dotted paths, as a CSV of submissions has them. */
function cellsOf(record: unknown, raw: string): Map<string, string> {
  if (record === null || typeof record !== "object" || Array.isArray(record)) return new Map([[TEXT, raw]]);
  return new Map(flatten(record, []));
}

function flatten(value: object, at: readonly string[]): [string, string][] {
  return Object.entries(value).flatMap(([name, member]): [string, string][] => {
    const path = [...at, name];
    if (member !== null && typeof member === "object") return flatten(member, path);
    const text = member === null ? "" : String(member);
    return [[at.length === 0 ? name : pathText(path), text]];
  });
}

export interface Unwrapped {
  record: unknown;
  /** The record's own text, where the export holds that. */
  text?: string;
  /** The reject that this record mends; null for an ordinary record. */
  rejectId: string | null;
  /** Why the mended record can't be read. */
  fault?: string;
}

/** Takes a record out of an export of rejects; any other record comes back as it is. */
export function unwrapReject(record: unknown, flat: boolean): Unwrapped {
  if (record === null || typeof record !== "object" || Array.isArray(record)) return { record, rejectId: null };
  return flat ? unwrapRow(record as Record<string, string>) : unwrapObject(record as Record<string, unknown>);
}

function unwrapRow(row: Record<string, string>): Unwrapped {
  if (!Object.hasOwn(row, REJECT_COLUMN)) return { record: row, rejectId: null };
  const rejectId = row[REJECT_COLUMN]?.trim() || null;
  const text = row[TEXT];
  if (text !== undefined && text !== "") return { ...parsed(withoutGuard(text)), rejectId };
  const own = Object.entries(row).filter(([name]) => ![REJECT_COLUMN, LINE, REASON, TEXT].includes(name));
  return { record: Object.fromEntries(own.map((member) => member.map(withoutGuard))), rejectId };
}

function unwrapObject(value: Record<string, unknown>): Unwrapped {
  const isExport = Object.hasOwn(value, "reject") && Object.hasOwn(value, "record") && Object.hasOwn(value, "reason");
  if (!isExport || Object.keys(value).length > 4) return { record: value, rejectId: null };
  const rejectId = String(value.reject);
  return typeof value.record === "string" ? { ...parsed(value.record), rejectId } : { record: value.record, rejectId };
}

function parsed(text: string): Omit<Unwrapped, "rejectId"> {
  const result = parseJson(text);
  return result.ok ? { record: result.value, text } : { record: text, text, fault: result.reason };
}

/** A line of `rejectsAsJsonl` begins so. A record within it may be as long as it was when it was rejected. */
export const EXPORTED_LINE = '{"reject":';
