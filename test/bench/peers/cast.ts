/** What every tool is given to deliver, and what the CRM must hold in the end. */
import type { LogEntry } from "../../../src/simulator/log.ts";
import type { Simulator } from "../../../src/simulator/simulator.ts";
import { randomOf } from "../../support/soak-world.ts";

export interface PeerSubmission {
  id: string;
  submittedAt: string;
  person: { name: string; email: string };
  organization?: { name: string };
  deal: { title: string; value: number; currency: string };
  notes: [string];
}

/** Persons that the CRM holds before anybody begins: `lead1@example.com` and so on. */
export const KNOWN_PERSONS = 5_000;

/**
 * Two in five come from a person whom the CRM knows, a fifth of the rest has written before, and a third of the rest names a
 * company that others name too. Each is a deal with a note.
 */
export function makeCast(count: number, seed: number, nowMs: number): PeerSubmission[] {
  const random = randomOf(seed);
  const newcomers = Math.max(1, Math.round(count * 0.6 * 0.8));
  const companies = Math.max(1, Math.round(count * 0.05));
  return Array.from({ length: count }, (_, index) => {
    const known = random() < 0.4;
    const number = Math.floor(random() * (known ? KNOWN_PERSONS : newcomers));
    const submission: PeerSubmission = {
      id: `w${index}`,
      submittedAt: new Date(nowMs - Math.floor(random() * 600_000)).toISOString(),
      person: known
        ? { name: `Lead ${number + 1}`, email: `lead${number + 1}@example.com` }
        : { name: `Newcomer ${number}`, email: `newcomer${number}@example.com` },
      deal: { title: `Deal of w${index}`, value: index, currency: "EUR" },
      notes: [`Message of w${index}.`],
    };
    if (!known && number % 3 === 0) submission.organization = { name: `Company ${number % companies}` };
    return submission;
  });
}

export interface Verdict {
  /** Submissions of which a person, an organization, the deal or the note is not there. */
  lost: number;
  /** Records that are there once too often, counted each. */
  doubled: number;
}

/** Reads the CRM's own log of what was really created, never what a tool says. */
export function judgeCast(log: readonly LogEntry[], submissions: readonly PeerSubmission[]): Verdict {
  const created = new Map<string, number>();
  for (const { entity, action, body } of log) {
    if (action !== "create") continue;
    const name = `${entity} ${nameOf(entity, body)}`;
    created.set(name, (created.get(name) ?? 0) + 1);
  }
  const lost = submissions.filter((one) => namesOf(one).some((name) => !created.has(name))).length;
  let doubled = 0;
  for (const [name, times] of created) doubled += name.startsWith("person lead") ? times : times - 1;
  return { lost, doubled };
}

function namesOf({ person, organization, deal, notes }: PeerSubmission): string[] {
  return [
    ...(person.email.startsWith("lead") ? [] : [`person ${person.email}`]),
    ...(organization ? [`organization ${organization.name}`] : []),
    `deal ${deal.title}`,
    `note ${notes[0]}`,
  ];
}

function nameOf(entity: LogEntry["entity"], body: LogEntry["body"]): string {
  if (entity === "deal") return String(body.title);
  if (entity === "organization") return String(body.name);
  if (entity === "person") return String((body.emails as { value: string }[] | undefined)?.[0]?.value);
  return /Message of w\d+\./.exec(String(body.content))?.[0] ?? String(body.content);
}

/** Deals that are there by now: how far a tool has come. */
export function dealsMade({ records }: Pick<Simulator, "records">): number {
  return records.deals.length;
}
