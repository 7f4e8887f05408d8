/** What people do to records of ours in a storm, written down, and whether it still stands at the end. */
import { ENTITIES, type Entity } from "../../src/domain/catalog.ts";
import type { LogEntry } from "../../src/simulator/log.ts";
import type { Simulator } from "../../src/simulator/simulator.ts";
import type { Rig } from "./drain-rig.ts";

type Edited = { entity: Entity; id: number; field: string; value: unknown };

export interface Deeds {
  edits: Edited[];
  /** E-mail addresses of persons that people deleted, merged, or gave other addresses: a later submission makes new ones. */
  emails: Set<string>;
  count: number;
}

export const newDeeds = (): Deeds => ({ edits: [], emails: new Set(), count: 0 });

type Dice = { next(): number };

/** On a record that the ledger knows as its own: what nobody has told the ledger of yet may be made again. */
export async function somebodyActs(rig: Rig, dice: Dice, deeds: Deeds): Promise<void> {
  const { simulator, ledger } = rig;
  const entity = pick(dice, ENTITIES)!;
  const there = simulator.records[`${entity}s`].filter(({ is_deleted }) => !is_deleted).map(({ id }) => String(id));
  const own = [...(await ledger.ownWrites(entity, there)).keys()].map(Number);
  const id = pick(dice, own);
  if (id === undefined) return;
  deeds.count += 1;
  const other = pick(
    dice,
    own.filter((one) => one !== id),
  );
  ACTS[entity](simulator, { id, other, die: dice.next(), deeds });
}

function pick<T>(dice: Dice, of: readonly T[]): T | undefined {
  return of[Math.floor(dice.next() * of.length)];
}

interface Act {
  id: number;
  other: number | undefined;
  die: number;
  deeds: Deeds;
}

const ACTS: Record<Entity, (simulator: Simulator, act: Act) => void> = {
  person: (simulator, { id, other, die, deeds }) => {
    const edited = (body: Record<string, unknown>): void => void simulator.editPerson(id, body);
    if (die < 0.25) {
      touched(simulator, deeds, id);
      simulator.deletePerson(id);
    } else if (die < 0.5) {
      const into = other ?? simulator.addPerson({ name: "Stranger", emails: [{ value: `s${id}@example.com` }] }).id;
      touched(simulator, deeds, id, into);
      simulator.mergePersons(id, into);
      forget(deeds, "person", id);
    } else if (die < 0.7) {
      note(deeds, { entity: "person", id, field: "name", value: `Renamed ${deeds.count}` });
      edited({ name: `Renamed ${deeds.count}` });
    } else if (die < 0.85) {
      touched(simulator, deeds, id);
      edited({ emails: [{ value: `new${deeds.count}@example.com`, primary: true }] });
    } else {
      touched(simulator, deeds, id);
      simulator.copyPerson(id);
    }
  },
  organization: (simulator, { id, other, die, deeds }) => {
    if (die < 0.3) simulator.deleteOrganization(id);
    else if (die < 0.6) {
      simulator.mergeOrganizations(id, other ?? simulator.addOrganization({ name: `Parent ${id}` }).id);
      forget(deeds, "organization", id);
    } else {
      note(deeds, { entity: "organization", id, field: "name", value: `Company ${deeds.count}` });
      simulator.editOrganization(id, { name: `Company ${deeds.count}` });
    }
  },
  deal: (simulator, { id, other, die, deeds }) => {
    if (die < 0.2) simulator.deleteDeal(id);
    else if (die < 0.35 && other !== undefined) {
      simulator.mergeDeals(id, other);
      forget(deeds, "deal", id);
    } else if (die < 0.5) simulator.archiveDeal(id);
    else if (die < 0.7) {
      note(deeds, { entity: "deal", id, field: "value", value: deeds.count });
      simulator.editDeal(id, { value: deeds.count });
    } else if (die < 0.85) simulator.copyDeal(id);
    else {
      const stranger = simulator.addPerson({ name: "Other", emails: [{ value: `o${deeds.count}@example.com` }] }).id;
      note(deeds, { entity: "deal", id, field: "person_id", value: stranger });
      simulator.editDeal(id, { person_id: stranger });
    }
  },
  note: (simulator, { id, die, deeds }) => {
    if (die < 0.5) simulator.deleteNote(id);
    else {
      note(deeds, { entity: "note", id, field: "content", value: `Called ${deeds.count}` });
      simulator.editNote(id, { content: `Called ${deeds.count}` });
    }
  },
};

/** Of one field the last word counts. */
function note(deeds: Deeds, edit: Edited): void {
  const same = ({ entity, id, field }: Edited) => entity === edit.entity && id === edit.id && field === edit.field;
  deeds.edits = [...deeds.edits.filter((each) => !same(each)), edit];
}

const forget = (deeds: Deeds, entity: Entity, id: number): void => {
  deeds.edits = deeds.edits.filter((each) => each.entity !== entity || each.id !== id);
};

function touched({ records }: Simulator, { emails }: Deeds, ...ids: number[]): void {
  for (const person of records.persons) {
    if (ids.includes(person.id)) for (const { value } of person.emails) emails.add(value.toLowerCase());
  }
}

/** What people changed and is not so any more, what they deleted or merged and was made again, and what we took away. */
export function undone(simulator: Simulator, { edits }: Deeds): string[] {
  const found: string[] = [];
  for (const { entity, id, field, value } of edits) {
    const rows: readonly { id: number; is_deleted: boolean }[] = simulator.records[`${entity}s`];
    const row = rows.find((each) => each.id === id && !each.is_deleted) as Record<string, unknown> | undefined;
    const merged = simulator.log.some((entry) => entry.action === "merge" && entry.body.merge_with_id === id);
    // A person who was merged takes the deals along.
    if (row === undefined || row[field] === value || (merged && field !== "name")) continue;
    if (field === "person_id" && wasMerged(simulator, Number(value))) continue;
    found.push(`${entity} ${id} ${field}: ${String(row[field])} instead of ${String(value)}`);
  }
  return [...found, ...madeAgain(simulator.log), ...takenAway(simulator.log)];
}

const wasMerged = ({ log }: Simulator, id: number): boolean =>
  log.some((entry) => entry.action === "merge" && entry.entity === "person" && entry.id === id);

const partOf = ({ body }: LogEntry): string => /\((\d+)\/\d+\)\s*$/.exec(String(body.content ?? ""))?.[1] ?? "1";

/** What comes late was sent before: its request has a lower number than the one that made the record that people saw. */
function madeAgain(log: readonly LogEntry[]): string[] {
  const nameOf = new Map<string, string>();
  const gone = new Map<string, number>();
  const sent = new Map<string, number>();
  const again: string[] = [];
  for (const entry of log) {
    const { action, via, entity, id, stamp } = entry;
    const record = `${entity}:${id}`;
    // Of a note without a reference nobody can tell whose it is.
    if (action === "create" && via === "api" && stamp !== null) {
      const name = `${entity} ${stamp} ${partOf(entry)}`;
      if ((gone.get(name) ?? Number.POSITIVE_INFINITY) < (entry.requestNo ?? 0))
        again.push(`${name} was made again as ${id}`);
      sent.set(name, Math.max(sent.get(name) ?? 0, entry.requestNo ?? 0));
      nameOf.set(record, name);
    } else if ((action === "delete" || action === "merge") && via === "person") {
      const name = nameOf.get(record);
      if (name !== undefined) gone.set(name, sent.get(name)!);
    }
  }
  return again;
}

const takenAway = (log: readonly LogEntry[]): string[] =>
  log
    .filter(({ via, action }) => via === "api" && (action === "delete" || action === "merge"))
    .map(({ entity, id, action }) => `we did ${action} ${entity} ${id}`);
