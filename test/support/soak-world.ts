/**
 * What a soak sends in, and what the CRM must hold in the end. Submissions come from a seed; the examiner reads the
 * simulator's own log and records, never the ledger.
 */
import type { LogEntry } from "../../src/simulator/log.ts";
import type { Simulator } from "../../src/simulator/simulator.ts";

export interface SoakSubmission {
  id: string;
  submittedAt: string;
  person: { name: string; email: string };
  organization?: { name: string };
  deal: { title: string; value: number; currency: string };
  notes: string[];
}

export const SOURCE = "website";

/** Mulberry32: small, and good enough to be unfair with. */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Some people send several forms, some of them work for the same company; every form is a deal with one or two notes. */
export function makeSubmissions(count: number, random: () => number, nowMs: number): SoakSubmission[] {
  const people = Math.max(1, Math.round(count * 0.7));
  const companies = Math.max(1, Math.round(count * 0.1));
  return Array.from({ length: count }, (_, index) => {
    const person = Math.floor(random() * people);
    const submission: SoakSubmission = {
      id: `soak-${index}`,
      submittedAt: new Date(nowMs - Math.floor(random() * 3_600_000)).toISOString(),
      person: { name: `Person ${person}`, email: `person${person}@example.com` },
      deal: { title: `Deal ${index}`, value: index, currency: "EUR" },
      notes: [`Message ${index}`],
    };
    // A person's company never changes, or the order of the forms would decide.
    if (person % 3 === 0) submission.organization = { name: `Company ${person % companies}` };
    if (random() < 0.2) submission.notes.push(`Second message ${index}`);
    return submission;
  });
}

export interface Findings {
  lost: string[];
  twice: string[];
  wrong: string[];
}

/** Holds the CRM against what was sent in. */
export function examine(simulator: Simulator, submissions: readonly SoakSubmission[]): Findings {
  const findings: Findings = { lost: [], twice: [], wrong: [] };
  const expect = (what: string, found: number, wanted: number) => {
    if (found < wanted) findings.lost.push(`${what}: ${found} of ${wanted}`);
    if (found > wanted) findings.twice.push(`${what}: ${found} instead of ${wanted}`);
  };
  const created = createdByName(simulator.log);
  for (const submission of submissions) {
    const stamp = `${SOURCE}/${submission.id}`;
    expect(`deal ${stamp}`, created.get(`deal ${submission.deal.title}`) ?? 0, 1);
    for (const note of submission.notes) expect(`note "${note}"`, created.get(`note ${note}`) ?? 0, 1);
  }
  for (const email of new Set(submissions.map(({ person }) => person.email))) {
    expect(`person ${email}`, created.get(`person ${email}`) ?? 0, 1);
  }
  for (const name of new Set(submissions.flatMap(({ organization }) => organization?.name ?? []))) {
    expect(`organization ${name}`, created.get(`organization ${name}`) ?? 0, 1);
  }
  findings.wrong.push(...wrongLinks(simulator, submissions));
  return findings;
}

/** Creates that really happened, by something that is unique to what was meant. */
function createdByName(log: readonly LogEntry[]): Map<string, number> {
  const created = new Map<string, number>();
  for (const { entity, action, body } of log) {
    if (action !== "create") continue;
    const name = `${entity} ${nameOf(entity, body)}`;
    created.set(name, (created.get(name) ?? 0) + 1);
  }
  return created;
}

function nameOf(entity: LogEntry["entity"], body: LogEntry["body"]): string {
  if (entity === "deal") return String(body.title);
  if (entity === "organization") return String(body.name);
  if (entity === "person") return String((body.emails as { value: string }[] | undefined)?.[0]?.value);
  return /(Second message|Message) \d+/.exec(String(body.content))?.[0] ?? String(body.content);
}

/** Deals that hang on another person or company than their form's, and notes on another deal. */
function wrongLinks(simulator: Simulator, submissions: readonly SoakSubmission[]): string[] {
  const { deals, persons, organizations, notes } = simulator.records;
  const dealByTitle = new Map(deals.map((deal) => [deal.title, deal]));
  const personById = new Map(persons.map((person) => [person.id, person]));
  const companyById = new Map(organizations.map((organization) => [organization.id, organization]));
  const noteDeal = new Map(notes.map((note) => [/(Second message|Message) \d+/.exec(note.content)?.[0], note.deal_id]));
  const wrong: string[] = [];
  for (const { id, person, organization, deal, notes: texts } of submissions) {
    const found = dealByTitle.get(deal.title);
    if (!found) continue;
    const owner = found.person_id === null ? undefined : personById.get(found.person_id);
    if (owner?.emails[0]?.value !== person.email) wrong.push(`${id}: its deal hangs on ${owner?.emails[0]?.value}`);
    const company = found.org_id === null ? undefined : companyById.get(found.org_id)?.name;
    if (company !== organization?.name) wrong.push(`${id}: its deal hangs on ${company}, not ${organization?.name}`);
    if (found.value !== deal.value) wrong.push(`${id}: its deal is worth ${found.value}`);
    for (const text of texts) {
      if (noteDeal.has(text) && noteDeal.get(text) !== found.id) wrong.push(`${id}: its note hangs on another deal`);
    }
  }
  return wrong;
}
