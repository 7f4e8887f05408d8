/** What persons, organizations and deals have in common: owners, labels, custom fields, and how a reply shows them. */
import type { Entity, FieldedEntity } from "../domain/catalog.ts";
import type { Contact, CustomValues, RecordOf } from "./records.ts";
import { invalid, notFound, Refusal } from "./refusal.ts";
import { type Actor, alive, commit, type World } from "./world.ts";

export function checkOwner(world: World, id: unknown): void {
  if (id !== undefined && !world.users.some((user) => user.id === id && user.active))
    throw invalid("owner_id", "no such user");
}

export function checkLabels(world: World, entity: FieldedEntity, ids: unknown): void {
  if (ids === undefined) return;
  const options = world.fields[entity].find((field) => field.field_code === "label_ids")?.options ?? [];
  for (const id of ids as number[])
    if (!options.some((option) => option.id === id)) throw invalid("label_ids", "no such label");
}

/** A reference to a record that must be there; null unlinks. */
export function checkLink(world: World, entity: FieldedEntity, field: string, id: unknown): void {
  if (id === undefined || id === null) return;
  if (!alive(world, entity, id as number)) throw invalid(field, `${entity} does not exist`);
}

/** Label `work` where none is given; the first is primary where none is. Values stay as given. */
export function readContacts(given: unknown): Contact[] {
  const list = given as Partial<Contact>[];
  const chosen = Math.max(
    0,
    list.findIndex((contact) => contact.primary === true),
  );
  return list.map((contact, i) => ({
    value: contact.value as string,
    primary: i === chosen,
    label: contact.label ?? "work",
  }));
}

/** All defined fields come back, null where empty; with `custom_fields=a,b` only those. */
export function showCustomValues(
  world: World,
  entity: FieldedEntity,
  values: CustomValues,
  wanted: readonly string[] | null,
): Record<string, unknown> {
  const shown: Record<string, unknown> = {};
  for (const field of world.fields[entity]) {
    if (!field.is_custom_field || (wanted && !wanted.includes(field.field_code))) continue;
    shown[field.field_code] = values[field.field_code] ?? null;
  }
  return shown;
}

/** The record by id as a GET finds it: deleted ones as the option says, a 403 for what this user may not see. */
export function read<E extends Entity>(world: World, entity: E, id: number): RecordOf[E] {
  const record = world.tables[entity].get(id) as RecordOf[E] | undefined;
  if (!record || world.nowMs - record.addedMs < world.readLagMs) throw notFound(capitalised(entity));
  if (world.hidden.has(`${entity}:${id}`)) throw new Refusal(403, `You do not have access to this ${entity}`);
  if (!record.is_deleted) return record;
  const purged = world.nowMs - record.updatedMs > PURGE_AFTER_MS;
  if (purged || world.deletedGet === 404) throw notFound(capitalised(entity));
  if (world.deletedGet === 410) throw new Refusal(410, `${capitalised(entity)} is gone`);
  return record;
}

/** Deleted records are erased for good after 30 days (changelog on permanent deletion, read 2026-11). */
export const PURGE_AFTER_MS = 30 * 86_400_000;

export function writable<E extends Entity>(world: World, entity: E, id: number): RecordOf[E] {
  const record = alive(world, entity, id);
  if (!record) throw notFound(capitalised(entity));
  return record;
}

export function remove(world: World, entity: Entity, id: number, actor: Actor): void {
  const record = writable(world, entity, id);
  commit(world, entity, { ...record, is_deleted: true, updatedMs: world.nowMs }, "delete", {}, actor);
}

function capitalised(word: string): string {
  return word[0]!.toUpperCase() + word.slice(1);
}
