/** What people do in the CRM's own pages, by hand from a test (`People`) or by chance (`editByChance`). */
import type { Entity, FieldedEntity } from "../domain/catalog.ts";
import type { Random } from "../domain/clock.ts";
import type { Body } from "./body-check.ts";
import { createDeal, updateDeal } from "./deals.ts";
import { remove, writable } from "./fielded.ts";
import { mergeRecords } from "./merges.ts";
import { createNote, updateNote } from "./notes.ts";
import { createOrganization, updateOrganization } from "./organizations.ts";
import { createPerson, updatePerson } from "./persons.ts";
import { between, pick } from "./random.ts";
import type { FieldRecord, PipelineRecord, UserRecord } from "./records.ts";
import { addPipeline, createField } from "./setup.ts";
import { type Actor, alive, store, type World } from "./world.ts";

/** Bodies are the API's own; a bad one throws. What is made here is logged with `via: person` (or `other`). */
export function createPeople(getWorld: () => World, via: "person" | "other") {
  const act = (): [World, Actor] => {
    const world = getWorld();
    return [world, { user: world.users[0]!, via, requestNo: null }];
  };
  const on =
    <A extends unknown[], R>(verb: (world: World, actor: Actor, ...rest: A) => R) =>
    (...rest: A): R =>
      verb(...act(), ...rest);
  const removing = (entity: Parameters<typeof remove>[1]) =>
    on((world, actor, id: number) => remove(world, entity, id, actor));
  const merging = (entity: FieldedEntity) =>
    on((world, actor, loser: number, survivor: number) => {
      mergeRecords(world, entity, loser, { merge_with_id: survivor }, actor);
    });
  const editDeal = on((world, actor, id: number, body: Body) => updateDeal(world, id, body, actor));
  return {
    addPerson: on((world, actor, body: Body) => createPerson(world, body, actor)),
    addOrganization: on((world, actor, body: Body) => createOrganization(world, body, actor)),
    addDeal: on((world, actor, body: Body) => createDeal(world, body, actor)),
    addNote: on((world, actor, body: Body) => createNote(world, body, actor)),
    editPerson: on((world, actor, id: number, body: Body) => updatePerson(world, id, body, actor)),
    editOrganization: on((world, actor, id: number, body: Body) => updateOrganization(world, id, body, actor)),
    editDeal,
    editNote: on((world, actor, id: number, body: Body) => updateNote(world, id, body, actor)),
    deletePerson: removing("person"),
    deleteOrganization: removing("organization"),
    deleteDeal: removing("deal"),
    deleteNote: removing("note"),
    /** The first id is merged into the second, and is gone. */
    mergePersons: merging("person"),
    mergeOrganizations: merging("organization"),
    mergeDeals: merging("deal"),
    /** Gone for good, as 30 days after its deletion: nothing shows that it ever was there. */
    erase: on((world, _actor, entity: Entity, id: number) => {
      store(world, entity, { ...writable(world, entity, id), is_deleted: true, updatedMs: 0 });
    }),
    /** Given to a group that our token's user is not in: lists leave it out, a GET is answered with 403. */
    hide: on((world, _actor, entity: FieldedEntity, id: number) => void world.hidden.add(`${entity}:${id}`)),
    moveDeal: (id: number, stageId: number) => editDeal(id, { stage_id: stageId }),
    archiveDeal: (id: number) => editDeal(id, { is_archived: true }),
    unarchiveDeal: (id: number) => editDeal(id, { is_archived: false }),
    /** "Duplicate" in the deal's menu: a copy with all fields, stamp and all. Links to what was deleted are left out. */
    copyDeal: on((world, actor, id: number) => {
      const { title, stage_id, value, currency, custom_fields, ...links } = writable(world, "deal", id);
      const person_id = alive(world, "person", links.person_id ?? 0)?.id ?? null;
      const org_id = alive(world, "organization", links.org_id ?? 0)?.id ?? null;
      return createDeal(world, { title, person_id, org_id, stage_id, value, currency, custom_fields }, actor);
    }),
    /** The same of a person. */
    copyPerson: on((world, actor, id: number) => {
      const { name, emails, phones, custom_fields, ...links } = writable(world, "person", id);
      const org_id = alive(world, "organization", links.org_id ?? 0)?.id ?? null;
      return createPerson(world, { name, org_id, emails, phones, custom_fields }, actor);
    }),
    ...setupActs(getWorld),
  };
}
/** What an administrator does to fields, labels, pipelines and users. */
function setupActs(getWorld: () => World) {
  return {
    addField: (entity: FieldedEntity, name: string, type = "varchar", options?: readonly string[]): FieldRecord => {
      const labels = options?.map((label) => ({ label }));
      const body = { field_name: name, field_type: type, ...(labels ? { options: labels } : {}) };
      return createField(getWorld(), entity, body);
    },
    renameField: (entity: FieldedEntity, code: string, name: string): void => {
      const field = getWorld().fields[entity].find((one) => one.field_code === code);
      if (field) field.field_name = name;
    },
    deleteField: (entity: FieldedEntity, code: string): void => {
      const { fields } = getWorld();
      fields[entity] = fields[entity].filter((one) => one.field_code !== code);
    },
    /** Adds a label and gives its id. */
    addLabel: (entity: FieldedEntity, label: string): number => {
      const field = getWorld().fields[entity].find((one) => one.field_code === "label_ids")!;
      const id = Math.max(...field.options!.map((option) => option.id as number)) + 100;
      field.options!.push({ id, label });
      return id;
    },
    /** Adds an option to a field with options. */
    addOption: (entity: FieldedEntity, code: string, label: string): void => {
      const field = getWorld().fields[entity].find((one) => one.field_code === code)!;
      field.options!.push({ id: Math.max(...field.options!.map((option) => option.id as number)) + 100, label });
    },
    removeOption: (entity: FieldedEntity, code: string, label: string): void => {
      const field = getWorld().fields[entity].find((one) => one.field_code === code)!;
      field.options = field.options!.filter((option) => option.label !== label);
    },
    addPipeline: (name: string, stages: readonly string[]): PipelineRecord => addPipeline(getWorld(), name, stages),
    deletePipeline: (id: number): void => {
      const { pipelines, stages } = getWorld();
      for (const one of pipelines) if (one.id === id) one.is_deleted = true;
      for (const one of stages) if (one.pipeline_id === id) one.is_deleted = true;
    },
    deleteStage: (id: number): void => {
      for (const one of getWorld().stages) if (one.id === id) one.is_deleted = true;
    },
    deactivateUser: (id: number): void => {
      for (const one of getWorld().users) if (one.id === id) one.active = false;
    },
    addUser: (name: string, email: string, active = true): UserRecord => {
      const { users } = getWorld();
      const user = { id: users.at(-1)!.id + 1, name, email, active };
      users.push(user);
      return user;
    },
  };
}

export type People = ReturnType<typeof createPeople>;

type Act = { weight: number; run: (world: World, random: Random, people: People) => void };

function anyId(world: World, random: Random, entity: "person" | "deal" | "note"): number | null {
  const { firstId, size } = world.tables[entity];
  const id = firstId + Math.floor(random.next() * size);
  return size > 0 && alive(world, entity, id) ? id : null;
}

const onPerson = (weight: number, run: (people: People, id: number, random: Random, world: World) => void): Act => ({
  weight,
  run: (world, random, people) => {
    const id = anyId(world, random, "person");
    if (id !== null) run(people, id, random, world);
  },
});
const onDeal = (weight: number, run: (people: People, id: number, random: Random, world: World) => void): Act => ({
  weight,
  run: (world, random, people) => {
    const id = anyId(world, random, "deal");
    if (id !== null) run(people, id, random, world);
  },
});

const ACTS: readonly Act[] = [
  onPerson(30, (people, id, random) => people.editPerson(id, { name: `Edited ${between(random, 1, 9999)}` })),
  onPerson(15, (people, id, random, world) => {
    const { phones } = world.tables.person.get(id)!;
    people.editPerson(id, { phones: [...phones, { value: `+37250${between(random, 10_000, 99_999)}` }] });
  }),
  onDeal(25, (people, id, random, world) => people.moveDeal(id, pick(random, world.stages).id)),
  onDeal(10, (people, id, random) => people.editDeal(id, { status: pick(random, ["won", "lost"]) })),
  onDeal(5, (people, id, random) => people.editDeal(id, { value: between(random, 1, 5_000) })),
  onDeal(4, (people, id) => people.archiveDeal(id)),
  onDeal(3, (people, id) => people.deleteDeal(id)),
  onPerson(3, (people, id) => people.deletePerson(id)),
  onPerson(5, (people, id, random, world) => {
    const other = anyId(world, random, "person");
    if (other !== null && other !== id) people.mergePersons(Math.max(id, other), Math.min(id, other));
  }),
];
const WEIGHTS = ACTS.reduce((sum, act) => sum + act.weight, 0);

/** One act of somebody on something that is there; nothing where the die falls on what is not. */
export function editByChance(world: World, random: Random, people: People): void {
  let die = random.next() * WEIGHTS;
  for (const act of ACTS) {
    die -= act.weight;
    if (die < 0) {
      act.run(world, random, people);
      return;
    }
  }
}
