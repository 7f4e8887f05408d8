/** Which note is which submission's. Pure. */
import type { CrmId } from "../domain/ids.ts";
import type { CrmRecord } from "../domain/operation.ts";
import type { SameNote, Wanted } from "./adopt.ts";
import { nearness } from "./adopt-deals.ts";
import { likeText, wordsOf } from "./adopt-texts.ts";
import { grouped } from "./grouped.ts";
import { byAge, nearest } from "./nearest.ts";

export interface NoteFit {
  id: CrmId;
  /** Word for word, at the time that was wanted. */
  sure: boolean;
  /** It says something else, but was made with the deal. */
  other: boolean;
}

/** What one program writes of one submission. */
const TOGETHER_MS = 5 * 60_000;

/** Notes by what they hang on, each with its words. */
export class NoteShelf {
  readonly #byDeal: Map<CrmId, CrmRecord[]>;
  readonly #byPerson: Map<CrmId, CrmRecord[]>;
  readonly #loose: Map<CrmId, CrmRecord[]>;
  readonly #words = { text: new Map<string, Set<string>>(), html: new Map<string, Set<string>>() };
  readonly #same: SameNote;

  constructor(notes: readonly CrmRecord[], same: SameNote) {
    // One that names a submission was written by us.
    const theirs = byAge(notes.filter(({ stamp }) => stamp === null));
    this.#byDeal = grouped(theirs, ({ dealId }) => dealId);
    this.#byPerson = grouped(theirs, ({ personId }) => personId);
    this.#loose = grouped(theirs, ({ dealId, personId }) => (dealId === null ? personId : null));
    this.#same = same;
  }

  onDeal(id: CrmId, atMs: number | null): readonly CrmRecord[] {
    return nearest(this.#byDeal.get(id) ?? [], atMs);
  }

  /** `loose`: those on no deal. */
  onPerson(id: CrmId, atMs: number | null, loose: boolean): readonly CrmRecord[] {
    return nearest((loose ? this.#loose : this.#byPerson).get(id) ?? [], atMs);
  }

  /** Words first: they are quicker to compare, and no two texts are the same that have other ones. */
  fit(text: string, format: Wanted["format"], note: CrmRecord): "same" | "like" | null {
    const stored = note.text ?? "";
    const words = this.#wordsOf(text, format);
    const like = likeText(words, this.#wordsOf(stored, "html"));
    if (!like && words.size > 0) return null;
    if (this.#same(stored, text, format)) return "same";
    return like ? "like" : null;
  }

  #wordsOf(text: string, format: Wanted["format"]): Set<string> {
    const known = this.#words[format].get(text) ?? wordsOf(text, format);
    this.#words[format].set(text, known);
    return known;
  }
}

interface Pair extends NoteFit {
  index: number;
  part: number;
  level: number;
  onDeal: boolean;
  lateMs: number;
}

/** For each submission its notes in the order in which they are wanted. A note that holds several of one submission serves for all. */
export function assignNotes(
  wanted: readonly Wanted[],
  persons: (index: number) => readonly CrmRecord[],
  dealOf: (index: number) => CrmRecord | null,
  shelf: NoteShelf,
): (NoteFit | null)[][] {
  const taken = new Set(wanted.flatMap((_, index) => dealOf(index)?.id ?? []));
  const pairs = wanted.flatMap((one, index) => {
    const deal = dealOf(index);
    const free = ({ dealId }: CrmRecord): boolean => dealId === null || !taken.has(dealId);
    const atMs = one.submittedAtMs;
    const onPersons = persons(index).flatMap(({ id }) => shelf.onPerson(id, atMs, deal !== null).filter(free));
    const notes = new Set([...(deal === null ? [] : shelf.onDeal(deal.id, atMs)), ...onPersons]);
    return [...notes].flatMap((note) => pairsOf(one, index, note, deal, shelf));
  });
  pairs.sort(
    (a, b) => a.level - b.level || Number(b.onDeal) - Number(a.onDeal) || a.lateMs - b.lateMs || a.index - b.index,
  );
  const owners = new Map<CrmId, Pair>();
  const found = wanted.map(({ notes }) => notes.map((): NoteFit | null => null));
  for (const pair of pairs) {
    const owner = owners.get(pair.id);
    const parts = found[pair.index]!;
    if (parts[pair.part] !== null || (owner !== undefined && (owner.index !== pair.index || pair.level !== 1)))
      continue;
    parts[pair.part] = { id: pair.id, sure: pair.sure, other: pair.other };
    owners.set(pair.id, pair);
  }
  return found;
}

function pairsOf(one: Wanted, index: number, note: CrmRecord, deal: CrmRecord | null, shelf: NoteShelf): Pair[] {
  const near = nearness(one.submittedAtMs, note.createdAtMs);
  if (near === null) return [];
  const onDeal = deal !== null && note.dealId === deal.id;
  const lateMs = Math.abs((note.createdAtMs ?? 0) - (one.submittedAtMs ?? 0));
  return one.notes.flatMap((text, part) => {
    const fit = shelf.fit(text, one.format, note);
    const other = fit === null;
    if (other && !(onDeal && madeTogether(deal, note))) return [];
    const level = fit === "same" ? 0 : other ? 2 : 1;
    const sure = fit === "same" && (onDeal || near === "sure");
    return [{ id: note.id, index, part, level, sure, other, onDeal, lateMs }];
  });
}

function madeTogether(deal: CrmRecord, note: CrmRecord): boolean {
  if (deal.createdAtMs === null || note.createdAtMs === null) return false;
  return note.createdAtMs >= deal.createdAtMs && note.createdAtMs - deal.createdAtMs <= TOGETHER_MS;
}
