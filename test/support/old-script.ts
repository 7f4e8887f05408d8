/** An earlier script that writes submissions to the CRM without stamps, and not all of them well. */
import type { Simulator } from "../../src/simulator/simulator.ts";

export interface Export {
  id: string;
  submittedAt: string;
  person: { name: string; email: string };
  deal?: { title: string; value?: number; currency?: string };
  notes?: string[];
}

export function exported(id: string, submittedAtMs: number, more: Partial<Export> = {}): Export {
  return {
    id,
    submittedAt: new Date(submittedAtMs).toISOString(),
    person: { name: `Lead ${id}`, email: `lead-${id}@example.com` },
    deal: { title: `Website: ${id}`, value: 100, currency: "EUR" },
    notes: [`Please call me about ${id}.`],
    ...more,
  };
}

export interface Written {
  person?: number;
  deal?: number;
  note?: number;
}

export interface Manner {
  /** Nothing from here on is written. */
  stopsBefore?: "deal" | "note";
  title?: string;
  noteText?: string;
}

/** Writes one as the script does: it looks its person up by e-mail, then makes a deal and a note. */
export function deliver({ integration, records }: Simulator, one: Export, manner: Manner = {}): Written {
  const { person, deal, notes = [] } = one;
  const there = records.persons.find(({ emails, is_deleted }) => !is_deleted && emails[0]?.value === person.email);
  const emails = [{ value: person.email, primary: true }];
  const personId = there?.id ?? integration.addPerson({ name: person.name, emails }).id;
  if (manner.stopsBefore === "deal") return { person: personId };
  const made = deal && integration.addDeal({ ...deal, title: manner.title ?? deal.title, person_id: personId });
  if (manner.stopsBefore === "note" || notes.length === 0) return { person: personId, ...(made && { deal: made.id }) };
  const parents = made === undefined ? { person_id: personId } : { deal_id: made.id, person_id: personId };
  const note = integration.addNote({ content: manner.noteText ?? notes.join("<br>"), ...parents });
  return { person: personId, note: note.id, ...(made && { deal: made.id }) };
}
