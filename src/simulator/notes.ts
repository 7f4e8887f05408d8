/** Notes exist in API v1 only: unknown members are ignored there, flags are 0 or 1 on write and booleans on read. */
import { type Body, filledText, integer } from "./body-check.ts";
import { writable } from "./fielded.ts";
import { sanitizeNote } from "./note-html.ts";
import type { NoteRecord } from "./records.ts";
import { Refusal } from "./refusal.ts";
import { parseSqlTime, sqlTime } from "./times.ts";
import { type Actor, alive, commit, type World } from "./world.ts";

/** Of the content as sent (API reference, notes: about 100,000 characters). */
export const NOTE_LENGTH_MAX = 100_000;
const PARENTS = [
  { field: "deal_id", entity: "deal", pin: "pinned_to_deal_flag" },
  { field: "person_id", entity: "person", pin: "pinned_to_person_flag" },
  { field: "org_id", entity: "organization", pin: "pinned_to_organization_flag" },
] as const;
const OTHER_PARENTS = ["lead_id", "project_id", "task_id"] as const;

function check(world: World, body: Body): void {
  for (const { field, entity } of PARENTS) {
    const id = body[field];
    if (id === undefined || id === null) continue;
    integer(field, id);
    if (!alive(world, entity, id as number)) throw new Refusal(400, `${field} does not exist`);
  }
  for (const field of OTHER_PARENTS)
    if (body[field] !== undefined && body[field] !== null) throw new Refusal(400, `${field} does not exist`);
  if (body.content !== undefined) {
    filledText("content", body.content);
    if ((body.content as string).length > NOTE_LENGTH_MAX) throw new Refusal(400, "The note is too long.");
  }
  if (body.add_time !== undefined && parseSqlTime(String(body.add_time)) === null)
    throw new Refusal(400, "add_time must be YYYY-MM-DD HH:MM:SS");
  if (body.user_id !== undefined && !world.users.some((user) => user.id === body.user_id))
    throw new Refusal(400, "user_id does not exist");
}

function merge(world: World, before: NoteRecord, body: Body): NoteRecord {
  const after = { ...before, updatedMs: world.nowMs };
  for (const { field } of PARENTS) if (body[field] !== undefined) after[field] = body[field] as number | null;
  if (PARENTS.every(({ field }) => after[field] === null))
    throw new Refusal(400, "At least one of deal_id, person_id, org_id, lead_id must be set.");
  const pinned: Record<string, boolean> = { ...before.pinned };
  for (const { field, pin } of PARENTS) {
    if (body[pin] === undefined) continue;
    if (body[pin] !== 0 && body[pin] !== 1) throw new Refusal(400, `${pin} must be 0 or 1`);
    if (body[pin] === 1 && after[field] === null) throw new Refusal(400, `${pin} needs ${field}`);
    pinned[pin] = body[pin] === 1;
  }
  if (body.content !== undefined) after.content = sanitizeNote(body.content as string);
  if (body.add_time !== undefined) after.add_time = body.add_time as string;
  if (body.user_id !== undefined) after.user_id = body.user_id as number;
  return { ...after, pinned };
}

/** @throws Refusal */
export function createNote(world: World, body: Body, actor: Actor): NoteRecord {
  check(world, body);
  if (body.content === undefined) throw new Refusal(400, "content is required");
  const empty: NoteRecord = {
    id: world.tables.note.nextId(),
    content: "",
    addedMs: world.nowMs,
    updatedMs: world.nowMs,
    add_time: sqlTime(world.nowMs),
    is_deleted: false,
    mergedInto: null,
    deal_id: null,
    person_id: null,
    org_id: null,
    user_id: actor.user.id,
    pinned: {},
  };
  return commit(world, "note", merge(world, empty, body), "create", body, actor);
}

/** @throws Refusal */
export function updateNote(world: World, id: number, body: Body, actor: Actor): NoteRecord {
  const before = writable(world, "note", id);
  check(world, body);
  return commit(world, "note", merge(world, before, body), "update", body, actor);
}

export function showNote(world: World, note: NoteRecord, viewerId: number) {
  const user = world.users.find((one) => one.id === note.user_id);
  const parent = {
    deal: note.deal_id === null ? null : world.tables.deal.get(note.deal_id),
    person: note.person_id === null ? null : world.tables.person.get(note.person_id),
    organization: note.org_id === null ? null : world.tables.organization.get(note.org_id),
  };
  return {
    id: note.id,
    active_flag: !note.is_deleted,
    add_time: note.add_time,
    update_time: sqlTime(note.updatedMs),
    content: note.content,
    deal_id: note.deal_id,
    person_id: note.person_id,
    org_id: note.org_id,
    lead_id: null,
    project_id: null,
    task_id: null,
    deal: parent.deal ? { title: parent.deal.title } : null,
    person: parent.person ? { name: parent.person.name } : null,
    organization: parent.organization ? { name: parent.organization.name } : null,
    project: null,
    task: null,
    user: user ? { email: user.email, icon_url: null, is_you: user.id === viewerId, name: user.name } : null,
    user_id: note.user_id,
    last_update_user_id: null,
    ...Object.fromEntries(PARENTS.map(({ pin }) => [pin, note.pinned[pin] ?? false])),
    pinned_to_project_flag: false,
    pinned_to_task_flag: false,
  };
}
