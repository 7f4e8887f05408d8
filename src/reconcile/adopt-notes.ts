/** Which note is which submission's. Pure. */
import type { CrmId } from "../domain/ids.ts";
import type { CrmRecord } from "../domain/operation.ts";
import type { SameNote, Wanted } from "./adopt.ts";
import { nearness } from "./adopt-deals.ts";
import { likeText, wordsOf } from "./adopt-texts.ts";
import { grouped } from "./grouped.ts";

export interface NoteFit {
  id: CrmId;
  /** Word for word, at the time that was wanted. */
  sure: boolean;
}

/** Notes by what they hang on, each with its words. */
export class NoteShelf {
  readonly #byDeal: Map<CrmId, CrmRecord[]>;
  readonly #byPerson: Map<CrmId, CrmRecord[]>;
  readonly #words = new Map<string, Set<string>>();
  readonly #same: SameNote;

  constructor(notes: readonly CrmRecord[], same: SameNote) {
    // One that names a submission was written by us.
    const theirs = notes.filter(({ stamp }) => stamp === null);
    this.#byDeal = grouped(theirs, ({ dealId }) => dealId);
    this.#byPerson = grouped(theirs, ({ personId }) => personId);
    this.#same = same;
  }

  onDeal(id: CrmId): readonly CrmRecord[] {
    return this.#byDeal.get(id) ?? [];
  }

  onPerson(id: CrmId): readonly CrmRecord[] {
    return this.#byPerson.get(id) ?? [];
  }

  fit(text: string, format: Wanted["format"], note: CrmRecord): "same" | "like" | null {
    const stored = note.text ?? "";
    if (this.#same(stored, text, format)) return "same";
    return likeText(this.#wordsOf(text), this.#wordsOf(stored)) ? "like" : null;
  }

  #wordsOf(text: string): Set<string> {
    const known = this.#words.get(text) ?? wordsOf(text);
    this.#words.set(text, known);
    return known;
  }
}

interface Pair extends NoteFit {
  index: number;
  part: number;
  same: boolean;
  onDeal: boolean;
  lateMs: number;
}

/** For each submission its notes in the order in which they are wanted. A note that holds several of one submission serves for all. */
export function assignNotes(
  wanted: readonly Wanted[],
  persons: (index: number) => readonly CrmRecord[],
  dealOf: (index: number) => CrmId | null,
  shelf: NoteShelf,
): (NoteFit | null)[][] {
  const taken = new Set(wanted.flatMap((_, index) => dealOf(index) ?? []));
  const pairs = wanted.flatMap((one, index) => {
    const deal = dealOf(index);
    const free = ({ dealId }: CrmRecord): boolean =>
      dealId === null || dealId === deal || (deal === null && !taken.has(dealId));
    const onPersons = persons(index).flatMap(({ id }) => shelf.onPerson(id).filter(free));
    const notes = new Set([...(deal === null ? [] : shelf.onDeal(deal)), ...onPersons]);
    return [...notes].flatMap((note) => pairsOf(one, index, note, deal, shelf));
  });
  pairs.sort(
    (a, b) =>
      Number(b.same) - Number(a.same) ||
      Number(b.onDeal) - Number(a.onDeal) ||
      a.lateMs - b.lateMs ||
      a.index - b.index,
  );
  const owners = new Map<CrmId, Pair>();
  const found = wanted.map(({ notes }) => notes.map((): NoteFit | null => null));
  for (const pair of pairs) {
    const owner = owners.get(pair.id);
    const parts = found[pair.index]!;
    if (parts[pair.part] !== null || (owner !== undefined && (owner.index !== pair.index || pair.same))) continue;
    parts[pair.part] = { id: pair.id, sure: pair.sure };
    owners.set(pair.id, pair);
  }
  return found;
}

function pairsOf(one: Wanted, index: number, note: CrmRecord, deal: CrmId | null, shelf: NoteShelf): Pair[] {
  const near = nearness(one.submittedAtMs, note.createdAtMs);
  if (near === null) return [];
  const onDeal = deal !== null && note.dealId === deal;
  const lateMs = Math.abs((note.createdAtMs ?? 0) - (one.submittedAtMs ?? 0));
  return one.notes.flatMap((text, part) => {
    const fit = shelf.fit(text, one.format, note);
    if (fit === null) return [];
    const same = fit === "same";
    return [{ id: note.id, index, part, same, sure: same && (onDeal || near === "sure"), onDeal, lateMs }];
  });
}
