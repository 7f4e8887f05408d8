/** What an earlier script made of each submission: a verdict with its reason. Pure. */
import type { CrmId } from "../domain/ids.ts";
import type { CrmRecord } from "../domain/operation.ts";
import type { Finding, SameNote, Sight, Wanted } from "./adopt.ts";
import { assignDeals, type DealFit } from "./adopt-deals.ts";
import { assignNotes, type NoteFit, NoteShelf } from "./adopt-notes.ts";
import { grouped } from "./grouped.ts";
import { byAge, nearest } from "./nearest.ts";

/** In the order of `wanted`. */
export function match(wanted: readonly Wanted[], sight: Sight, same: SameNote): Finding[] {
  const shelf = new NoteShelf(sight.notes, same);
  const persons = (index: number): readonly CrmRecord[] => sight.persons[index] ?? [];
  const orphans = byAge(sight.deals.filter(({ personId }) => personId === null));
  const byPerson = grouped(byAge(sight.deals), ({ personId }) => personId);
  const hasNote = (index: number, deal: CrmRecord): boolean => {
    const { notes, format, submittedAtMs } = wanted[index]!;
    if (notes.length === 0) return false;
    return shelf
      .onDeal(deal.id, submittedAtMs)
      .some((note) => notes.some((text) => shelf.fit(text, format, note) !== null));
  };
  const dealsOf = (index: number): CrmRecord[] =>
    persons(index).flatMap(({ id }) => nearest(byPerson.get(id) ?? [], wanted[index]!.submittedAtMs));
  const { fits, doubles } = assignDeals(wanted, dealsOf, hasNote);
  // Of a person who is gone the deals stay: only where nobody is there may they be meant.
  const nobody = (index: number): readonly CrmRecord[] =>
    persons(index).length === 0 ? nearest(orphans, wanted[index]!.submittedAtMs) : [];
  const left = assignDeals(wanted, nobody, hasNote).fits;
  const fitOf = (index: number): DealFit | undefined => fits.get(index) ?? left.get(index);
  const notes = assignNotes(wanted, persons, (index) => fitOf(index)?.deal ?? null, shelf);
  return wanted.map((one, index) => {
    const seen = {
      persons: persons(index),
      fit: fitOf(index),
      notes: notes[index]!,
      doubles: doubles.get(index) ?? [],
    };
    return { ...judge(one, seen), ...recordsOf(seen) };
  });
}

interface Seen {
  persons: readonly CrmRecord[];
  fit: DealFit | undefined;
  notes: readonly (NoteFit | null)[];
  doubles: CrmId[];
}

function recordsOf({ persons, fit, notes, doubles }: Seen): Omit<Finding, "verdict" | "reason"> {
  const person = fit === undefined ? (persons[0]?.id ?? null) : fit.deal.personId;
  return { person, deal: fit?.deal ?? null, notes: notes.map((note) => note?.id ?? null), doubles };
}

type Judgement = Pick<Finding, "verdict" | "reason">;

function judge(wanted: Wanted, seen: Seen): Judgement {
  const { persons, fit } = seen;
  if (wanted.person === null)
    return { verdict: "missing", reason: "Nothing in it names a person that could be looked for." };
  if (persons.length === 0 && fit === undefined) return { verdict: "missing", reason: "Its person is not in the CRM." };
  if (wanted.deal !== null) return judgeDeal(wanted, seen);
  const who = `Person ${persons[0]!.id} is there`;
  if (wanted.notes.length === 0) return { verdict: "matched", reason: `${who}; the submission has nothing else.` };
  const { missing, unsure } = counts(seen.notes);
  if (missing > 0) return { verdict: "half", reason: `${who}, ${lacking(seen.notes)}.` };
  if (unsure > 0)
    return { verdict: "probably", reason: `${who}, with a note that is worded differently or of another time.` };
  return { verdict: "matched", reason: `${who}, with its ${wanted.notes.length === 1 ? "note" : "notes"}.` };
}

function judgeDeal(wanted: Wanted, { persons, fit, notes, doubles }: Seen): Judgement {
  if (fit === undefined) {
    const found = wanted.notes.length > 0 && counts(notes).missing === 0 ? " Its note is." : "";
    return { verdict: "half", reason: `Person ${persons[0]!.id} is there, its deal is not.${found}` };
  }
  const deal = `deal ${fit.deal.id}${stateOf(fit.deal)}`;
  const twice = doubles.length === 0 ? "" : ` It was made ${doubles.length + 1} times: also ${doubles.join(", ")}.`;
  if (fit.deal.personId === null) {
    return { verdict: "probably", reason: `Its person is not there; ${deal} hangs on nobody.${twice}` };
  }
  const who = `Person ${fit.deal.personId} and ${deal} are there`;
  if (fit.why !== null) return { verdict: "probably", reason: `${who}, but ${fit.why}.${twice}` };
  const { missing, unsure } = counts(notes);
  // Lists show no notes of a deal that was deleted.
  if (missing > 0 && !fit.deal.deleted) return { verdict: "half", reason: `${who}, ${lacking(notes)}.${twice}` };
  if (notes.some((note) => note?.other)) {
    return { verdict: "probably", reason: `${who}, but the note that was made with it says something else.${twice}` };
  }
  const worded = unsure > 0 ? ", its note worded differently" : "";
  return { verdict: "matched", reason: `${who}${worded}.${twice}` };
}

function stateOf({ deleted, archived }: CrmRecord): string {
  return deleted ? " (deleted since)" : archived ? " (archived)" : "";
}

function counts(notes: readonly (NoteFit | null)[]): { missing: number; unsure: number } {
  return {
    missing: notes.filter((note) => note === null).length,
    unsure: notes.filter((note) => note !== null && !note.sure).length,
  };
}

function lacking(notes: readonly (NoteFit | null)[]): string {
  const { missing } = counts(notes);
  if (missing < notes.length) return `${missing} of its ${notes.length} notes are not`;
  return notes.length === 1 ? "its note is not" : "its notes are not";
}
