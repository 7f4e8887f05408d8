/** PUT /v1/…/{id}/merge: the path's id is the loser, `merge_with_id` survives and wins ("Merging two persons", read 2026-11). */
import type { FieldedEntity } from "../domain/catalog.ts";
import { type Body, integer } from "./body-check.ts";
import { writable } from "./fielded.ts";
import type { Contact, DealRecord, NoteRecord, OrganizationRecord, PersonRecord, RecordOf } from "./records.ts";
import { invalid } from "./refusal.ts";
import { type Actor, commit, store, type World } from "./world.ts";

/** @throws Refusal. Returns the survivor. */
export function mergeRecords<E extends FieldedEntity>(
  world: World,
  entity: E,
  loserId: number,
  body: Body,
  actor: Actor,
): RecordOf[E] {
  integer("merge_with_id", body.merge_with_id);
  const survivorId = body.merge_with_id as number;
  if (survivorId === loserId) throw invalid("merge_with_id", "must be another record");
  const loser = writable(world, entity, loserId);
  const winner = writable(world, entity, survivorId);
  const merged = fillFrom(winner, loser, world.nowMs);
  store(world, entity, { ...loser, is_deleted: true, mergedInto: survivorId, updatedMs: world.nowMs });
  const { via, requestNo } = actor;
  const entry = { at: world.nowMs, entity, id: loserId, action: "merge" as const, stamp: null, via, requestNo };
  world.log.push({ ...entry, body: { merge_with_id: survivorId } });
  moveAlong(world, entity, loserId, survivorId);
  return commit(world, entity, merged, "update", { merge_what_id: loserId }, actor);
}

/** Empty values of the survivor are filled from the loser; addresses and numbers add up. */
function fillFrom<T extends RecordOf[FieldedEntity]>(winner: T, loser: T, nowMs: number): T {
  const merged: Record<string, unknown> = { ...winner };
  for (const [key, value] of Object.entries(loser)) if (merged[key] === null) merged[key] = value;
  merged.mergedInto = null;
  merged.custom_fields = { ...loser.custom_fields, ...winner.custom_fields };
  merged.label_ids = [...new Set([...winner.label_ids, ...loser.label_ids])];
  if ("emails" in winner && "emails" in loser) {
    merged.emails = union(winner.emails, loser.emails);
    merged.phones = union(winner.phones, loser.phones);
  }
  merged.updatedMs = nowMs;
  return merged as unknown as T;
}

function union(ours: readonly Contact[], theirs: readonly Contact[]): Contact[] {
  const known = new Set(ours.map((contact) => contact.value.toLowerCase()));
  const added = theirs.filter((contact) => !known.has(contact.value.toLowerCase()));
  return [...ours, ...added.map((contact, i) => ({ ...contact, primary: ours.length === 0 && i === 0 }))];
}

const COLUMN = { person: "person_id", organization: "org_id", deal: "deal_id" } as const;

function moveAlong(world: World, entity: FieldedEntity, from: number, to: number): void {
  const column = COLUMN[entity];
  const { note, deal, person } = world.tables;
  for (const row of note.where(column as keyof NoteRecord, from))
    store(world, "note", { ...row, [column]: to, updatedMs: world.nowMs });
  if (entity === "deal") return;
  for (const row of deal.where(column as keyof DealRecord, from))
    store(world, "deal", { ...row, [column]: to, updatedMs: world.nowMs });
  if (entity !== "organization") return;
  for (const row of person.where("org_id", from))
    store(world, "person", { ...row, org_id: to, updatedMs: world.nowMs });
}

/** v1's answer to a merge: the survivor in the old shape, as far as anyone needs it, and who was merged into it. */
export function showMerged(
  entity: FieldedEntity,
  row: PersonRecord | OrganizationRecord | DealRecord,
  loserId: number,
) {
  if (entity === "organization") return { id: row.id };
  return { id: row.id, merge_what_id: loserId, org_id: "org_id" in row ? row.org_id : null };
}
