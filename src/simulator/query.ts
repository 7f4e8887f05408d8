/** Query parameters as v2 takes them: unknown ones are refused, so that a misspelt filter can't pass for "all". */
import { invalid } from "./refusal.ts";
import { parseRfc3339 } from "./times.ts";

export interface Paging {
  sortBy: "id" | "update_time" | "add_time";
  descending: boolean;
  limit: number;
  after: { id: number; key: number } | null;
}

export function allowOnly(query: URLSearchParams, names: readonly string[]): void {
  for (const name of query.keys()) if (!names.includes(name)) throw invalid(name, "unknown query parameter");
}

export function integerParam(query: URLSearchParams, name: string): number | null {
  const text = query.get(name);
  if (text === null) return null;
  if (!/^\d{1,15}$/.test(text)) throw invalid(name, "expected an integer");
  return Number(text);
}

/** Comma list of at most 100 ids. */
export function idsParam(query: URLSearchParams): number[] | null {
  const text = query.get("ids");
  if (text === null) return null;
  const ids = text.split(",").map((id) => id.trim());
  if (ids.length > 100) throw invalid("ids", "at most 100");
  if (!ids.every((id) => /^\d{1,15}$/.test(id))) throw invalid("ids", "expected integers");
  return ids.map(Number);
}

/** Inclusive since, exclusive until; whole seconds only. */
export function timeParam(query: URLSearchParams, name: string): number | null {
  const text = query.get(name);
  if (text === null) return null;
  const ms = parseRfc3339(text);
  if (ms === null) throw invalid(name, "expected an RFC 3339 time without fractions of a second");
  return ms;
}

/** At most 15 keys; null: all. */
export function customFieldsParam(query: URLSearchParams): string[] | null {
  const text = query.get("custom_fields");
  if (text === null) return null;
  const keys = text.split(",").map((key) => key.trim());
  if (keys.length > 15) throw invalid("custom_fields", "at most 15");
  return keys;
}

export function limitParam(query: URLSearchParams, most: number): number {
  const limit = integerParam(query, "limit") ?? 100;
  if (limit < 1 || limit > most) throw invalid("limit", `expected 1 to ${most}`);
  return limit;
}

export function pagingParams(query: URLSearchParams): Paging {
  const sortBy = query.get("sort_by") ?? "id";
  const direction = query.get("sort_direction") ?? "asc";
  if (sortBy !== "id" && sortBy !== "update_time" && sortBy !== "add_time") throw invalid("sort_by", "unknown");
  if (direction !== "asc" && direction !== "desc") throw invalid("sort_direction", "asc or desc");
  return { sortBy, descending: direction === "desc", limit: limitParam(query, 500), after: cursorParam(query) };
}

function cursorParam(query: URLSearchParams): { id: number; key: number } | null {
  const text = query.get("cursor");
  if (text === null) return null;
  const match = /^(\d+):(\d+)$/.exec(Buffer.from(text, "base64url").toString("latin1"));
  if (!match) throw invalid("cursor", "is not one of ours");
  return { key: Number(match[1]), id: Number(match[2]) };
}

export function writeCursor(key: number, id: number): string {
  return Buffer.from(`${key}:${id}`, "latin1").toString("base64url");
}
