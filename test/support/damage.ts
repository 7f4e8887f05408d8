/** Delivered chains at the simulator, and everything that can come between them and what the ledger says. */
import Database from "better-sqlite3";
import type { FieldedEntity } from "../../src/domain/catalog.ts";
import type { Given, Rig } from "./drain-rig.ts";
import { START_MS } from "./drain-rig.ts";

/** A chain as the ledger has it: ids at the CRM as numbers. */
export interface Chain {
  key: string;
  email: string;
  organization: number;
  person: number;
  deal: number;
  note: number;
  notes: number[];
}

/** What a check must say, as `kind record` or `kind SOURCE/KEY`. */
export type Expected = string;

export function chainLead(number: number): Given {
  return {
    key: `wf_${number}`,
    submittedAtMs: START_MS - 3_600_000,
    content: {
      person: { name: `Lead ${number}`, email: `lead.${number}@example.com` },
      organization: { name: `Company ${number}` },
      deal: { title: `Deal ${number}`, value: 100 + number, currency: "EUR" },
      notes: [`Note of lead ${number}`],
    },
  };
}

export function chainsOf(file: string): Chain[] {
  const database = new Database(file, { readonly: true });
  try {
    const rows = database
      .prepare(
        `SELECT p.key, max(iif(s.name = 'organization', s.crm_id, NULL)) AS organization,
           max(iif(s.name = 'person', s.crm_id, NULL)) AS person, max(iif(s.name = 'deal', s.crm_id, NULL)) AS deal,
           max(iif(s.name = 'note.1', s.crm_id, NULL)) AS note,
           group_concat(iif(s.entity = 'note', s.crm_id, NULL) ORDER BY s.position) AS notes
         FROM submissions p JOIN steps s ON s.submission_id = p.id WHERE p.state = 'done' GROUP BY p.id ORDER BY p.id`,
      )
      .all() as Record<keyof Chain, string>[];
    return rows.map((row) => ({
      key: row.key,
      email: `lead.${row.key.slice(3)}@example.com`,
      organization: Number(row.organization),
      person: Number(row.person),
      deal: Number(row.deal),
      note: Number(row.note),
      notes: (row.notes ?? "").split(",").map(Number),
    }));
  } finally {
    database.close();
  }
}

/** Changes a ledger behind its back. */
export function alter(file: string, sql: string, ...values: unknown[]): void {
  const database = new Database(file);
  try {
    database.pragma("foreign_keys = ON");
    database.prepare(sql).run(...values);
  } finally {
    database.close();
  }
}

type Act = (rig: Rig, chain: Chain, file: string) => Expected[];

const stampFieldOf = (rig: Rig, entity: FieldedEntity): string => rig.simulator.stampField(entity)!;

/** Somebody else's record, to merge into or to hang things on. */
const stranger = (rig: Rig, { key }: Chain): number =>
  rig.simulator.addPerson({ name: `Stranger of ${key}`, emails: [{ value: `stranger.${key}@example.com` }] }).id;

const EDITS: Record<string, Act> = {
  "person deleted": ({ simulator }, { person }) => {
    simulator.deletePerson(person);
    return [`person-deleted person:${person}`];
  },
  "organization deleted": ({ simulator }, { organization }) => {
    simulator.deleteOrganization(organization);
    return [`organization-deleted organization:${organization}`];
  },
  "deal deleted": ({ simulator }, { deal }) => {
    simulator.deleteDeal(deal);
    return [`deal-deleted deal:${deal}`];
  },
  "note deleted": ({ simulator }, { note }) => {
    simulator.deleteNote(note);
    return [`note-deleted note:${note}`];
  },
  "person merged into a stranger": (rig, chain) => {
    rig.simulator.mergePersons(chain.person, stranger(rig, chain));
    return [`person-merged person:${chain.person}`];
  },
  "organization merged": ({ simulator }, { key, organization }) => {
    const other = simulator.addOrganization({ name: `Parent of ${key}` }).id;
    simulator.mergeOrganizations(organization, other);
    return [`organization-merged organization:${organization}`];
  },
  "deal merged": ({ simulator }, { key, deal, person }) => {
    const other = simulator.addDeal({ title: `Older deal of ${key}`, person_id: person }).id;
    simulator.mergeDeals(deal, other);
    return [`deal-merged deal:${deal}`];
  },
  "person renamed": ({ simulator }, { person }) => {
    simulator.editPerson(person, { name: "Somebody Else" });
    return [`person-drift person:${person}`];
  },
  "person's address replaced": ({ simulator }, { person, key }) => {
    simulator.editPerson(person, { emails: [{ value: `new.${key}@example.com`, primary: true }] });
    return [`person-drift person:${person}`];
  },
  "organization renamed": ({ simulator }, { organization, key }) => {
    simulator.editOrganization(organization, { name: `Renamed ${key}` });
    return [`organization-drift organization:${organization}`];
  },
  "deal's value changed": ({ simulator }, { deal }) => {
    simulator.editDeal(deal, { value: 7 });
    return [`deal-drift deal:${deal}`];
  },
  "note edited": ({ simulator }, { note }) => {
    simulator.editNote(note, { content: "Called, wants more." });
    return [`note-drift note:${note}`];
  },
  "deal hung on another person": (rig, chain) => {
    rig.simulator.editDeal(chain.deal, { person_id: stranger(rig, chain) });
    return [`link-wrong deal:${chain.deal}`];
  },
  "deal hung on another organization": ({ simulator }, { deal, key }) => {
    const other = simulator.addOrganization({ name: `Other of ${key}` }).id;
    simulator.editDeal(deal, { org_id: other });
    return [`link-wrong deal:${deal}`];
  },
  "deal copied by hand": ({ simulator }, { deal }) => [`copied deal:${simulator.copyDeal(deal).id}`],
  "person copied by hand": ({ simulator }, { person }) => [`copied person:${simulator.copyPerson(person).id}`],
  "note copied by hand": ({ simulator }, { note, deal, person }) => {
    const { content } = simulator.records.notes.find(({ id }) => id === note)!;
    return [`copied note:${simulator.addNote({ content, deal_id: deal, person_id: person }).id}`];
  },
};

/** What people do every day, and no check may name. */
const NOTHING: Record<string, Act> = {
  "deal archived": ({ simulator }, { deal }) => {
    simulator.archiveDeal(deal);
    return [];
  },
  "deal moved, won, given to another": ({ simulator }, { deal }) => {
    const stage = simulator.pipelines()[0]!.stages.at(-1)!;
    simulator.moveDeal(deal, stage.id);
    simulator.editDeal(deal, { status: "won" });
    return [];
  },
  "phone number added": ({ simulator }, { person }) => {
    simulator.editPerson(person, { phones: [{ value: "+37251234567" }] });
    return [];
  },
  "difference of form": ({ simulator }, { person, email, note }) => {
    simulator.editPerson(person, { emails: [{ value: email.toUpperCase(), primary: true }] });
    const { content } = simulator.records.notes.find(({ id }) => id === note)!;
    simulator.editNote(note, { content: `<p>${content}</p>` });
    return [];
  },
};

const BREAKS: Record<string, Act> = {
  "person vanished": ({ simulator }, { person }) => {
    simulator.erase("person", person);
    return [`person-missing person:${person}`];
  },
  "organization vanished": ({ simulator }, { organization }) => {
    simulator.erase("organization", organization);
    return [`organization-missing organization:${organization}`];
  },
  "deal vanished": ({ simulator }, { deal }) => {
    simulator.erase("deal", deal);
    return [`deal-missing deal:${deal}`];
  },
  "note vanished": ({ simulator }, { note }) => {
    simulator.erase("note", note);
    return [`note-missing note:${note}`];
  },
  "deal made twice by a program": (rig, { key, deal, person }) => {
    const custom_fields = { [stampFieldOf(rig, "deal")]: `website/${key}` };
    const { id } = rig.simulator.integration.addDeal({ title: `Deal ${deal}`, person_id: person, custom_fields });
    return [`deal-duplicate deal:${id}`];
  },
  "person made twice by a program": ({ simulator }, { person, email }) => {
    simulator.integration.addPerson({ name: "Twin", emails: [{ value: email }] });
    return [`person-duplicate person:${person}`];
  },
  "organization made twice by a program": ({ simulator }, { organization, key }) => {
    simulator.integration.addOrganization({ name: `Company ${key.slice(3)}` });
    return [`organization-duplicate organization:${organization}`];
  },
  "ledger row lost": (_rig, { key, organization, person, deal, note }, file) => {
    alter(file, "DELETE FROM submissions WHERE key = ?", key);
    alter(file, "DELETE FROM raw_hashes WHERE submission_id NOT IN (SELECT id FROM submissions)");
    const records = { organization, person, deal, note };
    return Object.entries(records).map(([entity, id]) => `not-in-ledger ${entity}:${id}`);
  },
  "step lost": (_rig, { key, deal }, file) => {
    alter(
      file,
      "DELETE FROM steps WHERE name = 'deal' AND submission_id = (SELECT id FROM submissions WHERE key = ?)",
      key,
    );
    return [`not-in-ledger deal:${deal}`];
  },
  "half done and failed": ({ simulator }, { key, note }, file) => {
    simulator.erase("note", note);
    const ofKey = "submission_id = (SELECT id FROM submissions WHERE key = ?)";
    alter(
      file,
      `UPDATE steps SET state = 'failed', crm_id = NULL, action = NULL WHERE name = 'note.1' AND ${ofKey}`,
      key,
    );
    alter(
      file,
      `UPDATE submissions SET state = 'failed', failed_at_ms = ?, error_code = 'CRM_REFUSED',
      error = '{"code":"CRM_REFUSED","message":"refused"}' WHERE key = ?`,
      START_MS,
      key,
    );
    return [`chain-incomplete website/${key}`];
  },
};

export const DAMAGES: Readonly<Record<string, Act>> = { ...EDITS, ...NOTHING, ...BREAKS };

/** Does every damage to chains of their own, `each` times, and gives what a check must find. */
export function damage(rig: Rig, file: string, chains: readonly Chain[], each: number): Expected[] {
  const expected: Expected[] = [];
  let at = 0;
  for (const act of Object.values(DAMAGES)) {
    for (let times = 0; times < each; times += 1) {
      const chain = chains[at];
      at += 1;
      if (chain === undefined) throw new Error(`${at} chains are needed`);
      expected.push(...act(rig, chain, file));
    }
  }
  return expected;
}
