import {
  type Body,
  checkBody,
  contacts,
  filledText,
  integer,
  integers,
  nullable,
  object,
  oneOf,
  time,
  visibility,
} from "./body-check.ts";
import { mergeCustomValues } from "./custom-values.ts";
import { checkLabels, checkLink, checkOwner, readContacts, showCustomValues, writable } from "./fielded.ts";
import type { PersonRecord } from "./records.ts";
import { invalid, Refusal } from "./refusal.ts";
import { rfc3339 } from "./times.ts";
import { type Actor, commit, type World } from "./world.ts";

const EDITABLE = {
  name: filledText,
  owner_id: integer,
  org_id: nullable(integer),
  emails: contacts,
  phones: contacts,
  visible_to: visibility,
  label_ids: integers,
  marketing_status: oneOf(["no_consent", "unsubscribed", "subscribed", "archived"]),
  custom_fields: object,
};

/** Only where contact sync is on; a client reports 403 elsewhere. */
const CONTACT_SYNC = ["postal_address", "notes", "im", "birthday", "job_title"];

function check(world: World, body: Body, shape: Parameters<typeof checkBody>[1]): void {
  const synced = CONTACT_SYNC.find((key) => key in body);
  if (synced) throw new Refusal(403, `${synced} needs contact sync, which is not enabled for this company`);
  checkBody(body, shape);
  checkOwner(world, body.owner_id);
  checkLink(world, "organization", "org_id", body.org_id);
  checkLabels(world, "person", body.label_ids);
}

/** @throws Refusal */
export function createPerson(world: World, body: Body, actor: Actor): PersonRecord {
  check(world, body, { ...EDITABLE, add_time: time });
  if (body.name === undefined) throw invalid("name", "is required");
  const person: PersonRecord = {
    id: world.tables.person.nextId(),
    name: (body.name as string).trim(),
    owner_id: (body.owner_id as number | undefined) ?? actor.user.id,
    org_id: (body.org_id as number | null | undefined) ?? null,
    addedMs: body.add_time === undefined ? world.nowMs : Date.parse(body.add_time as string),
    updatedMs: world.nowMs,
    emails: readContacts(body.emails ?? []),
    phones: readContacts(body.phones ?? []),
    is_deleted: false,
    mergedInto: null,
    visible_to: (body.visible_to as number | undefined) ?? 3,
    label_ids: (body.label_ids as number[] | undefined) ?? [],
    custom_fields: mergeCustomValues(world, world.fields.person, {}, body.custom_fields),
  };
  return commit(world, "person", person, "create", body, actor);
}

/** What is left out stays; arrays are replaced whole. @throws Refusal */
export function updatePerson(world: World, id: number, body: Body, actor: Actor): PersonRecord {
  const before = writable(world, "person", id);
  check(world, body, EDITABLE);
  const { marketing_status: _ignored, custom_fields, emails, phones, name, ...plain } = body;
  const person: PersonRecord = {
    ...before,
    ...(plain as Partial<PersonRecord>),
    name: name === undefined ? before.name : (name as string).trim(),
    emails: emails === undefined ? before.emails : readContacts(emails),
    phones: phones === undefined ? before.phones : readContacts(phones),
    custom_fields: mergeCustomValues(world, world.fields.person, before.custom_fields, custom_fields),
    updatedMs: world.nowMs,
  };
  return commit(world, "person", person, "update", body, actor);
}

export function showPerson(world: World, person: PersonRecord, fields: readonly string[] | null) {
  const [first, ...rest] = person.name.split(/\s+/);
  return {
    id: person.id,
    name: person.name,
    first_name: first ?? null,
    last_name: rest.length > 0 ? rest.join(" ") : null,
    owner_id: person.owner_id,
    org_id: person.org_id,
    add_time: rfc3339(person.addedMs),
    update_time: rfc3339(person.updatedMs),
    emails: person.emails,
    phones: person.phones,
    is_deleted: person.is_deleted,
    visible_to: person.visible_to,
    label_ids: person.label_ids,
    picture_id: null,
    custom_fields: showCustomValues(world, "person", person.custom_fields, fields),
  };
}
