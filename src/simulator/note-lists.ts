/** v1 lists: `start` and `limit` instead of a cursor. */
import { showNote } from "./notes.ts";
import { allowOnly, integerParam, limitParam, timeParam } from "./query.ts";
import type { NoteRecord, UserRecord } from "./records.ts";
import { Refusal } from "./refusal.ts";
import { isDate } from "./times.ts";
import type { World } from "./world.ts";

const PARENT_COLUMNS = ["deal_id", "person_id", "org_id"] as const;
const PINS = ["pinned_to_deal_flag", "pinned_to_person_flag", "pinned_to_organization_flag"] as const;
const OTHERS = ["lead_id", "project_id", "task_id"] as const;
const SORTABLE = ["id", "user_id", "deal_id", "person_id", "org_id", "content", "add_time", "update_time"];
const PARAMS = ["user_id", "start", "limit", "sort", "start_date", "end_date", "updated_since"];

export function listNotes(world: World, query: URLSearchParams, viewer: UserRecord) {
  allowOnly(query, [...PARAMS, ...PARENT_COLUMNS, ...OTHERS, ...PINS, "pinned_to_lead_flag"]);
  const start = integerParam(query, "start") ?? 0;
  const limit = limitParam(query, 500);
  const sort = query.get("sort") ?? "id";
  // In the order of ids nothing behind the page, but the one that tells that there is more, is looked at.
  const rows = isById(sort)
    ? filtered(world, query, start + limit + 1)
    : sorted(filtered(world, query, Number.POSITIVE_INFINITY), sort);
  const page = rows.slice(start, start + limit);
  const more = rows.length > start + limit;
  const pagination = { start, limit, more_items_in_collection: more, ...(more ? { next_start: start + limit } : {}) };
  return { data: page.map((note) => showNote(world, note, viewer.id)), additional_data: { pagination } };
}

const isById = (sort: string): boolean => /^\s*id(\s+ASC)?\s*$/i.test(sort);

/** The first so many. */
function filtered(world: World, query: URLSearchParams, rowsMax: number): NoteRecord[] {
  const since = timeParam(query, "updated_since");
  const from = dateParam(query, "start_date");
  const to = dateParam(query, "end_date");
  const user = integerParam(query, "user_id");
  if (OTHERS.some((name) => query.has(name))) return [];
  const parents = PARENT_COLUMNS.map((column) => ({ column, id: integerParam(query, column) }));
  const asked = parents.filter(({ id }) => id !== null);
  const pins = PINS.filter((pin) => query.has(pin));
  const [nowMs, lagMs] = [world.nowMs, world.listLagMs];
  const keep = (note: NoteRecord): boolean =>
    !note.is_deleted &&
    nowMs - note.addedMs >= lagMs &&
    (user === null || note.user_id === user) &&
    (since === null || Math.floor(note.updatedMs / 1000) * 1000 >= since) &&
    (from === null || note.add_time.slice(0, 10) >= from) &&
    (to === null || note.add_time.slice(0, 10) <= to) &&
    asked.every(({ column, id }) => note[column] === id) &&
    pins.every((pin) => Boolean(note.pinned[pin]) === (query.get(pin) === "1"));
  const rows: NoteRecord[] = [];
  for (const note of candidates(world, parents, since)) {
    if (rows.length >= rowsMax) break;
    if (keep(note)) rows.push(note);
  }
  return rows;
}

function candidates(
  world: World,
  parents: { column: (typeof PARENT_COLUMNS)[number]; id: number | null }[],
  since: number | null,
): readonly NoteRecord[] {
  const { note } = world.tables;
  const parent = parents.find(({ id }) => id !== null);
  if (parent) return note.where(parent.column, parent.id);
  return since === null ? note.all() : note.changedSince(since);
}

function dateParam(query: URLSearchParams, name: string): string | null {
  const text = query.get(name);
  if (text !== null && !isDate(text)) throw new Refusal(400, `${name} must be a date YYYY-MM-DD`);
  return text;
}

function sorted(rows: NoteRecord[], sort: string): NoteRecord[] {
  const parts = sort.split(",").map((part) => /^\s*(\w+)(?:\s+(ASC|DESC))?\s*$/i.exec(part));
  if (parts.some((part) => !part || !SORTABLE.includes(part[1]!))) throw new Refusal(400, "Bad sort parameter");
  const value = (note: NoteRecord, name: string): number | string =>
    name === "update_time" ? note.updatedMs : ((note[name as keyof NoteRecord] as number | string | null) ?? 0);
  return [...rows].sort((a, b) => {
    for (const part of parts) {
      const [left, right] = [value(a, part![1]!), value(b, part![1]!)];
      const sign = part![2]?.toUpperCase() === "DESC" ? -1 : 1;
      if (left !== right) return left < right ? -sign : sign;
    }
    return a.id - b.id;
  });
}
