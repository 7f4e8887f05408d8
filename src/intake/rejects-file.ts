/** Exports of rejects: made so that they can be mended in an editor or spreadsheet and imported as they are. */
import { csvCell, withoutGuard } from "../domain/csv-cell.ts";
import { jsonText, parseJson } from "./json-text.ts";
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
/** Column for text that could not be read as a record. */
const TEXT = "crmledger.text";

/** One `{"reject", "line", "reason", "record"}` a line. */
export function rejectsAsJsonl(rejects: readonly ExportedReject[]): string {
  return rejects
    .map(({ id, line, reason, raw }) => `${jsonText({ reject: id, line, reason, record: recordOf(raw) })}\n`)
    .join("");
}

/** The records' own columns, then id, line and reason. Cells that a spreadsheet would take for a formula are guarded. */
export function rejectsAsCsv(rejects: readonly ExportedReject[]): string {
  const rows = rejects.map((reject) => ({ reject, cells: cellsOf(recordOf(reject.raw)) }));
  const columns = [...new Set(rows.flatMap(({ cells }) => [...cells.keys()]))];
  const lines = rows.map(({ reject, cells }) => [
    ...columns.map((column) => cells.get(column) ?? ""),
    reject.id,
    reject.line === null ? "" : String(reject.line),
    reject.reason,
  ]);
  const text = [[...columns, REJECT_COLUMN, LINE, REASON], ...lines].map(
    (cells) => `${cells.map(csvCell).join(",")}\r\n`,
  );
  // Zero bytes in front would be taken for UTF-16.
  return `${columns[0]?.includes("\0") ? "\ufeff" : ""}${text.join("")}`;
}

function recordOf(raw: string): unknown {
  const parsed = parseJson(raw);
  return parsed.ok ? parsed.value : raw;
}

/** Flattened to dotted paths, as a CSV of submissions has them. */
function cellsOf(record: unknown): Map<string, string> {
  if (record === null || typeof record !== "object" || Array.isArray(record)) {
    return new Map([[TEXT, typeof record === "string" ? record : jsonText(record)]]);
  }
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

function parsed(text: string): { record: unknown; fault?: string } {
  const result = parseJson(text);
  return result.ok ? { record: result.value } : { record: text, fault: result.reason };
}
