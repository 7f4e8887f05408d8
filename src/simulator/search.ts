/** v2 search: index-backed, late, and a summary of records rather than the records. */
import type { FieldedEntity } from "../domain/catalog.ts";
import { sanitizeNote } from "./note-html.ts";
import { allowOnly, integerParam, limitParam } from "./query.ts";
import type { DealRecord, NoteRecord, OrganizationRecord, PersonRecord } from "./records.ts";
import { invalid } from "./refusal.ts";
import { type Searchable, type SearchField, searchTexts } from "./search-index.ts";
import type { World } from "./world.ts";

const FIELDS: Readonly<Record<FieldedEntity, readonly string[]>> = {
  person: ["name", "email", "phone", "notes", "custom_fields"],
  organization: ["name", "address", "notes", "custom_fields"],
  deal: ["title", "notes", "custom_fields"],
};
const PARAMS = ["term", "fields", "exact_match", "include_fields", "limit", "cursor"];
const FILTERS: Readonly<Record<FieldedEntity, readonly string[]>> = {
  person: ["organization_id"],
  organization: [],
  deal: ["person_id", "organization_id", "status"],
};
const NOTE_COLUMN = { person: "person_id", organization: "org_id", deal: "deal_id" } as const;

interface Wanted {
  term: string;
  exact: boolean;
  fields: ReadonlySet<string>;
}

export interface Hits {
  items: { result_score: number; item: Record<string, unknown> }[];
  nextCursor: string | null;
}

export function search(world: World, entity: FieldedEntity, query: URLSearchParams): Hits {
  allowOnly(query, [...PARAMS, ...FILTERS[entity]]);
  const wanted = readWanted(query, FIELDS[entity]);
  const rows = find(world, entity, wanted).filter((row) => passes(row, query));
  return page(world, entity, rows, query, limitParam(query, 500), wanted);
}

/** `/itemSearch` over the entities that are kept here. */
export function itemSearch(world: World, query: URLSearchParams): Hits {
  allowOnly(query, [...PARAMS, "item_types", "search_for_related_items"]);
  const types = (query.get("item_types") ?? "person,organization,deal").split(",");
  const entities = (["person", "organization", "deal"] as const).filter((entity) => types.includes(entity));
  const limit = limitParam(query, 100);
  const items = entities.flatMap((entity) => {
    const known = new Set(FIELDS[entity]);
    const wanted = readWanted(query, [...Object.values(FIELDS).flat()]);
    const fields = new Set([...wanted.fields].filter((field) => known.has(field)));
    const own = { ...wanted, fields };
    return find(world, entity, own).map((row) => ({ result_score: 1, item: summary(world, entity, row, own) }));
  });
  return { items: items.slice(0, limit), nextCursor: null };
}

/** `/itemSearch/field`: one field, case-sensitive. Rows of `{id, name}`. */
export function fieldSearch(world: World, query: URLSearchParams): { rows: Record<string, unknown>[] } {
  allowOnly(query, ["term", "entity_type", "match", "field", "limit", "cursor"]);
  const entity = query.get("entity_type");
  if (entity !== "person" && entity !== "organization" && entity !== "deal")
    throw invalid("entity_type", "person, organization or deal");
  const match = query.get("match") ?? "exact";
  const term = readTerm(query, match === "exact");
  const code = query.get("field");
  const field = world.fields[entity].find((one) => one.field_code === code);
  if (!field) throw invalid("field", "unknown field");
  const rows: Record<string, unknown>[] = [];
  for (const row of world.search[entity].all(world.nowMs)) {
    const value = field.is_custom_field
      ? row.custom_fields[field.field_code]
      : (row as unknown as Record<string, unknown>)[field.field_code];
    if (typeof value !== "string" || !fits(value, term, match)) continue;
    rows.push({ id: row.id, [field.field_code]: value });
  }
  return { rows: rows.slice(0, limitParam(query, 500)) };
}

function fits(value: string, term: string, match: string): boolean {
  if (match === "beginning") return value.startsWith(term);
  return match === "middle" ? value.includes(term) : value === term;
}

function readTerm(query: URLSearchParams, exact: boolean): string {
  const term = (query.get("term") ?? "").trim();
  if (term.length < (exact ? 1 : 2)) throw invalid("term", `at least ${exact ? 1 : 2} characters`);
  return term;
}

function readWanted(query: URLSearchParams, known: readonly string[]): Wanted {
  const exactText = query.get("exact_match") ?? "false";
  if (!["true", "false", "1", "0"].includes(exactText)) throw invalid("exact_match", "expected a boolean");
  const exact = exactText === "true" || exactText === "1";
  const fields = query.get("fields")?.split(",") ?? known;
  for (const field of fields) if (!known.includes(field)) throw invalid("fields", `unknown field ${field}`);
  return { term: readTerm(query, exact).toLowerCase(), exact, fields: new Set(fields) };
}

function find(world: World, entity: FieldedEntity, wanted: Wanted): Searchable[] {
  const index = world.search[entity];
  const byNotes = wanted.fields.has("notes") ? notedIds(world, entity, wanted) : new Set<number>();
  const pool: Iterable<Searchable> =
    wanted.exact && byNotes.size === 0 ? index.exact(world.nowMs, wanted.term) : index.all(world.nowMs);
  const hits: Searchable[] = [];
  for (const row of pool) if (byNotes.has(row.id) || matchingTexts(row, wanted).length > 0) hits.push(row);
  return hits.sort((a, b) => a.id - b.id);
}

function matchingTexts(row: Searchable, { term, exact, fields }: Wanted): { field: SearchField; text: string }[] {
  return searchTexts(row).filter(({ field, text }) => {
    if (!fields.has(field)) return false;
    const folded = text.toLowerCase();
    return exact ? folded === term : folded.includes(term);
  });
}

function notedIds(world: World, entity: FieldedEntity, wanted: Wanted): Set<number> {
  const column = NOTE_COLUMN[entity];
  const found = new Set<number>();
  for (const note of world.tables.note.all()) {
    const id = note[column];
    if (id !== null && noteFits(world, note, wanted)) found.add(id);
  }
  return found;
}

function noteFits(world: World, note: NoteRecord, { term, exact }: Wanted): boolean {
  if (note.is_deleted || note.updatedMs + world.searchLagMs > world.nowMs) return false;
  const plain = sanitizeNote(note.content)
    .replace(/<[^>]*>/g, " ")
    .trim()
    .toLowerCase();
  return exact ? plain === term : plain.includes(term);
}

function passes(row: Searchable, query: URLSearchParams): boolean {
  const organization = integerParam(query, "organization_id");
  const person = integerParam(query, "person_id");
  const status = query.get("status");
  if (organization !== null && (row as PersonRecord | DealRecord).org_id !== organization) return false;
  if (person !== null && (row as DealRecord).person_id !== person) return false;
  return status === null || (row as DealRecord).status === status;
}

function page(
  world: World,
  entity: FieldedEntity,
  rows: Searchable[],
  query: URLSearchParams,
  limit: number,
  wanted: Wanted,
): Hits {
  const cursor = query.get("cursor");
  const start = cursor === null ? 0 : Number(Buffer.from(cursor, "base64url").toString("latin1"));
  if (!Number.isSafeInteger(start) || start < 0) throw invalid("cursor", "is not one of ours");
  const items = rows
    .slice(start, start + limit)
    .map((row) => ({ result_score: wanted.exact ? 1 : 0.5, item: summary(world, entity, row, wanted) }));
  const next = start + limit;
  return { items, nextCursor: next < rows.length ? Buffer.from(String(next), "latin1").toString("base64url") : null };
}

function summary(world: World, entity: FieldedEntity, row: Searchable, wanted: Wanted): Record<string, unknown> {
  const matched = matchingTexts(row, { ...wanted, fields: new Set(["custom_fields"]) }).map(({ text }) => text);
  const common = {
    id: row.id,
    type: entity,
    visible_to: row.visible_to,
    owner: { id: row.owner_id },
    custom_fields: matched,
    notes: [] as string[],
  };
  if (entity === "organization")
    return {
      ...common,
      name: (row as OrganizationRecord).name,
      address: (row as OrganizationRecord).address?.value ?? null,
    };
  const { org_id } = row as PersonRecord | DealRecord;
  const organization = org_id === null ? null : { id: org_id, name: world.tables.organization.get(org_id)!.name };
  if (entity === "person") {
    const person = row as PersonRecord;
    const emails = person.emails.map((email) => email.value);
    return { ...common, name: person.name, phones: person.phones.map((p) => p.value), emails, organization };
  }
  const deal = row as DealRecord;
  const stage = world.stages.find((one) => one.id === deal.stage_id)!;
  const person = deal.person_id === null ? null : world.tables.person.get(deal.person_id)!;
  return {
    ...common,
    title: deal.title,
    value: deal.value,
    currency: deal.currency,
    status: deal.status,
    stage: { id: stage.id, name: stage.name },
    person: person && { id: person.id, name: person.name },
    organization,
    is_archived: deal.is_archived,
  };
}
