/** v2 list pages: filters, `ids=`, times, sorting, cursors. */
import type { FieldedEntity } from "../domain/catalog.ts";
import { PURGE_AFTER_MS } from "./fielded.ts";
import { allowOnly, idsParam, integerParam, type Paging, pagingParams, timeParam, writeCursor } from "./query.ts";
import type { DealRecord, RecordOf } from "./records.ts";
import { invalid, notFound } from "./refusal.ts";
import type { World } from "./world.ts";

const PAGE = ["sort_by", "sort_direction", "limit", "cursor"];
const COMMON = [
  ...PAGE,
  "filter_id",
  "ids",
  "owner_id",
  "updated_since",
  "updated_until",
  "include_fields",
  "custom_fields",
  "include_option_labels",
  "include_labels",
];
const ALLOWED: Readonly<Record<FieldedEntity, readonly string[]>> = {
  person: [...COMMON, "org_id", "deal_id"],
  organization: COMMON,
  deal: [...COMMON, "person_id", "org_id", "pipeline_id", "stage_id", "status"],
};
const COLUMNS = ["owner_id", "org_id", "person_id", "pipeline_id", "stage_id"] as const;

export interface Page<T> {
  rows: T[];
  nextCursor: string | null;
}

/** One page. Deleted records are left out (of deals, `status=deleted` shows them for 30 days); so are archived deals. */
export function listPage<E extends FieldedEntity>(
  world: World,
  entity: E,
  query: URLSearchParams,
  archived = false,
): Page<RecordOf[E]> {
  allowOnly(query, ALLOWED[entity]);
  if (query.has("filter_id")) throw notFound("Filter");
  const paging = pagingParams(query);
  const since = timeParam(query, "updated_since");
  const until = timeParam(query, "updated_until");
  const tests = columnTests<RecordOf[E]>(query);
  const states = entity === "deal" ? dealStates(query) : null;
  const keep = (row: RecordOf[E]): boolean =>
    !(world.hidden.size > 0 && world.hidden.has(`${entity}:${row.id}`)) &&
    (world.listLagMs === 0 || world.nowMs - row.addedMs >= world.listLagMs) &&
    shown(world, row, states, archived) &&
    (since === null || seconds(row.updatedMs) >= since) &&
    (until === null || seconds(row.updatedMs) < until) &&
    tests.every((test) => test(row));
  return cut(candidates(world, entity, query, since, paging), keep, paging);
}

/** Times are kept in ms and shown in whole seconds: a filter must see what is shown. */
const seconds = (ms: number) => Math.floor(ms / 1000) * 1000;

function candidates<E extends FieldedEntity>(
  world: World,
  entity: E,
  query: URLSearchParams,
  since: number | null,
  paging: Paging,
): readonly RecordOf[E][] {
  const table = world.tables[entity] as unknown as {
    all(): readonly RecordOf[E][];
    get(id: number): RecordOf[E] | undefined;
    where(column: string, value: unknown): RecordOf[E][];
    changedSince(ms: number): RecordOf[E][];
    firstId: number;
  };
  const ids = idsParam(query);
  if (ids) {
    const found = [...new Set(ids)].sort((a, b) => a - b).map((id) => table.get(id));
    return found.filter((row) => row !== undefined);
  }
  const dealId = integerParam(query, "deal_id");
  if (dealId !== null) {
    const person = table.get(world.tables.deal.get(dealId)?.person_id ?? -1);
    return person ? [person] : [];
  }
  for (const column of ["person_id", "org_id"]) {
    const id = integerParam(query, column);
    if (id !== null) return table.where(column, id);
  }
  if (since !== null) return table.changedSince(since);
  // A walk by id goes on where its cursor stands, without passing everything before it again.
  if (paging.after && paging.sortBy === "id" && !paging.descending)
    return table.all().slice(paging.after.id - table.firstId + 1);
  return table.all();
}

function columnTests<T>(query: URLSearchParams): ((row: T) => boolean)[] {
  return COLUMNS.flatMap((column) => {
    const id = integerParam(query, column);
    return id === null ? [] : [(row: T) => (row as Record<string, unknown>)[column] === id];
  });
}

function dealStates(query: URLSearchParams): Set<string> | null {
  const text = query.get("status");
  if (text === null) return null;
  const states = text.split(",").map((state) => state.trim());
  for (const state of states)
    if (!["open", "won", "lost", "deleted"].includes(state)) throw invalid("status", "unknown status");
  return new Set(states);
}

function shown(world: World, row: RecordOf[FieldedEntity], states: Set<string> | null, archived: boolean): boolean {
  if (!("title" in row)) return !row.is_deleted;
  if (row.is_deleted) return Boolean(states?.has("deleted")) && world.nowMs - row.updatedMs <= PURGE_AFTER_MS;
  return row.is_archived === archived && (!states || states.has((row as DealRecord).status));
}

function cut<T extends RecordOf[FieldedEntity]>(
  rows: readonly T[],
  keep: (row: T) => boolean,
  paging: Paging,
): Page<T> {
  const { sortBy, descending, limit, after } = paging;
  const key = (row: T) => (sortBy === "id" ? 0 : sortBy === "update_time" ? row.updatedMs : row.addedMs);
  const sign = descending ? -1 : 1;
  const order = (a: { key: number; id: number }, b: { key: number; id: number }) =>
    sign * (a.key - b.key || a.id - b.id);
  const page: T[] = [];
  if (sortBy === "id" && !descending) {
    for (const row of rows) {
      if ((after && row.id <= after.id) || !keep(row)) continue;
      page.push(row);
      if (page.length > limit) break;
    }
  } else {
    const all = rows.filter((row) => keep(row) && (!after || order({ key: key(row), id: row.id }, after) > 0));
    all.sort((a, b) => order({ key: key(a), id: a.id }, { key: key(b), id: b.id }));
    page.push(...all.slice(0, limit + 1));
  }
  const more = page.length > limit;
  if (more) page.pop();
  const last = page.at(-1);
  return { rows: page, nextCursor: more && last ? writeCursor(key(last), last.id) : null };
}
