import { adapterOf } from "../crm/registry.ts";
import { foldName, normalizeEmail } from "../domain/identity.ts";
import type { DemoProof } from "../report/demo-page.ts";
import type { PersonRecord } from "../simulator/records.ts";
import type { Simulator } from "../simulator/simulator.ts";
import type { DemoInput, DemoSubmission } from "./demo-data.ts";

/**
 * Holds the CRM against what was given: its own log of what it did, and its records. The ledger is not asked: it would only
 * say what crmledger believes.
 */
export function proveDemo(simulator: Simulator, input: DemoInput): DemoProof {
  const crm = readCrm(simulator);
  const lost: string[] = [];
  const doubled: string[] = [];
  const expect = (what: string, found: number, wanted: number): void => {
    if (found < wanted) lost.push(`${what}: ${found} of ${wanted}`);
    if (found > wanted) doubled.push(`${what}: ${found} instead of ${wanted}`);
  };
  for (const { stamp, deal, notes } of input.submissions) {
    expect(`deal of ${stamp}`, crm.made.get(`deal ${stamp}`) ?? 0, deal ? 1 : 0);
    expect(`notes of ${stamp}`, crm.made.get(`note ${stamp}`) ?? 0, notes);
  }
  const people = new Map(input.submissions.map((one) => [identityOf(one), one]));
  for (const [identity, { stamp }] of people) expect(`person of ${stamp}`, crm.persons.get(identity)?.length ?? 0, 1);
  const companies = new Set(input.submissions.flatMap(({ company }) => (company === null ? [] : [foldName(company)])));
  for (const name of companies) expect(`organization ${name}`, crm.organizations.get(name) ?? 0, 1);
  const known = new Set(input.knownPersons.flatMap(({ email, phone }) => [email, phone]));
  const knownCompanies = new Set(input.knownCompanies.map(foldName));
  return {
    submissions: input.submissions.length,
    lost,
    doubled,
    wrong: wrongLinks(crm, simulator, input.submissions),
    persons: counts(crm.created.person, [...people.keys()].filter((identity) => known.has(identity)).length),
    organizations: counts(crm.created.organization, [...companies].filter((name) => knownCompanies.has(name)).length),
    deals: crm.created.deal,
    notes: crm.created.note,
    tokens: tokensOf(simulator, input),
  };
}

const counts = (created: number, known: number) => ({ created, known });

const identityOf = ({ person, reachedBy }: DemoSubmission): string =>
  reachedBy === "email" ? person.email : (person.phone ?? person.email);

interface SeenCrm {
  /** `deal STAMP`, `note STAMP`: creates that really happened. */
  made: Map<string, number>;
  created: Record<"person" | "organization" | "deal" | "note", number>;
  /** By e-mail address and by phone. */
  persons: Map<string, PersonRecord[]>;
  organizations: Map<string, number>;
}

function readCrm(simulator: Simulator): SeenCrm {
  const { log, records } = simulator;
  const crm: SeenCrm = {
    made: new Map(),
    created: { person: 0, organization: 0, deal: 0, note: 0 },
    persons: new Map(),
    organizations: new Map(),
  };
  for (const { entity, action, via, stamp } of log) {
    if (action !== "create" || via !== "api") continue;
    crm.created[entity] += 1;
    crm.made.set(`${entity} ${stamp}`, (crm.made.get(`${entity} ${stamp}`) ?? 0) + 1);
  }
  for (const person of records.persons) {
    const keys = [...person.emails.map(({ value }) => normalizeEmail(value)), ...person.phones.map((one) => one.value)];
    for (const key of new Set(keys)) {
      if (key !== null && !person.is_deleted) crm.persons.set(key, [...(crm.persons.get(key) ?? []), person]);
    }
  }
  for (const { name, is_deleted } of records.organizations) {
    if (!is_deleted) crm.organizations.set(foldName(name), (crm.organizations.get(foldName(name)) ?? 0) + 1);
  }
  return crm;
}

/** Deals that hang on somebody else than who sent the submission, and notes that hang on another deal. */
function wrongLinks(crm: SeenCrm, { log, records }: Simulator, submissions: readonly DemoSubmission[]): string[] {
  const deals = new Map(records.deals.map((deal) => [deal.id, deal]));
  const notes = new Map(records.notes.map((note) => [note.id, note]));
  const made = log.filter(({ action, via }) => action === "create" && via === "api");
  const dealIds = new Map(made.flatMap(({ entity, stamp, id }) => (entity === "deal" ? [[stamp, id] as const] : [])));
  const wrong: string[] = [];
  const persons = new Map<string, number | undefined>();
  for (const submission of submissions) {
    const person = crm.persons.get(identityOf(submission))?.[0]?.id;
    persons.set(submission.stamp, person);
    const deal = deals.get(dealIds.get(submission.stamp) ?? 0);
    if (deal !== undefined && deal.person_id !== person) wrong.push(`the deal of ${submission.stamp}`);
  }
  for (const { entity, stamp, id } of made) {
    const note = entity === "note" ? notes.get(id) : undefined;
    if (note === undefined || stamp === null) continue;
    const deal = dealIds.get(stamp) ?? null;
    if (note.person_id !== persons.get(stamp) || note.deal_id !== deal) wrong.push(`a note of ${stamp}`);
  }
  return wrong;
}

/** Ours as the CRM charged them, and what a script pays that searches for each person and company before it writes. */
function tokensOf(simulator: Simulator, input: DemoInput): DemoProof["tokens"] {
  const { cost } = adapterOf("pipedrive").capabilities;
  const known = new Set(input.knownPersons.map(({ email }) => email));
  const fresh = new Set(input.submissions.map(({ person }) => person.email).filter((email) => !known.has(email))).size;
  let script = fresh * cost("create", "person");
  for (const { company, deal, notes } of input.submissions) {
    script += cost("search", "person") + (company === null ? 0 : cost("search", "organization"));
    script += (deal ? cost("create", "deal") : 0) + notes * cost("create", "note");
  }
  return { ours: simulator.requests.tokens, script };
}
