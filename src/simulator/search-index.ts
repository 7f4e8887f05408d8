import type { Entity } from "../domain/catalog.ts";
import type { AnyRecord, DealRecord, OrganizationRecord, PersonRecord } from "./records.ts";

export type Searchable = PersonRecord | OrganizationRecord | DealRecord;

/**
 * What a search can see of one entity: snapshots that become visible `lagMs` after their write. The real lag is not
 * documented; public integrations wait about 3 s.
 */
export class SearchIndex<T extends Searchable> {
  private readonly lagMs: number;
  private readonly visible = new Map<number, T>();
  private readonly byTerm = new Map<string, Set<number>>();
  private queue: { dueMs: number; row: T }[] = [];
  private head = 0;
  private caughtUpMs = Number.NEGATIVE_INFINITY;

  constructor(lagMs: number) {
    this.lagMs = lagMs;
  }

  write(row: T): void {
    const dueMs = row.updatedMs + this.lagMs;
    // Seeded rows are long since indexed, whatever still waits.
    if (dueMs <= this.caughtUpMs) this.show(row);
    else this.queue.push({ dueMs, row });
  }

  /** Records whose name, title, e-mail, phone or custom text equals the term without case, in the order of ids. */
  exact(now: number, term: string): T[] {
    this.catchUp(now);
    const ids = this.byTerm.get(term.toLowerCase()) ?? [];
    return [...ids].sort((a, b) => a - b).map((id) => this.visible.get(id)!);
  }

  all(now: number): Iterable<T> {
    this.catchUp(now);
    return this.visible.values();
  }

  private catchUp(now: number): void {
    this.caughtUpMs = now;
    while (this.head < this.queue.length && this.queue[this.head]!.dueMs <= now) {
      this.show(this.queue[this.head]!.row);
      this.head++;
    }
    if (this.head === this.queue.length) this.queue = [];
    else if (this.head > 10_000) this.queue = this.queue.slice(this.head);
    else return;
    this.head = 0;
  }

  private show(row: T): void {
    const before = this.visible.get(row.id);
    if (before) for (const { text } of searchTexts(before)) this.byTerm.get(text.toLowerCase())?.delete(row.id);
    this.visible.delete(row.id);
    if (row.is_deleted) return;
    this.visible.set(row.id, row);
    for (const { text } of searchTexts(row)) {
      const ids = this.byTerm.get(text.toLowerCase()) ?? new Set<number>();
      ids.add(row.id);
      this.byTerm.set(text.toLowerCase(), ids);
    }
  }
}

export type SearchField = "name" | "title" | "email" | "phone" | "address" | "custom_fields";

/** What of a record can be found, and under which of search's `fields`. */
export function searchTexts(row: Searchable): { field: SearchField; text: string }[] {
  const found: { field: SearchField; text: string }[] = [];
  if ("title" in row) found.push({ field: "title", text: row.title });
  else found.push({ field: "name", text: row.name });
  if ("emails" in row) {
    for (const email of row.emails) found.push({ field: "email", text: email.value });
    for (const phone of row.phones) found.push({ field: "phone", text: phone.value });
  }
  if ("address" in row && row.address?.value) found.push({ field: "address", text: row.address.value });
  for (const value of Object.values(row.custom_fields)) {
    if (typeof value === "string" || typeof value === "number")
      found.push({ field: "custom_fields", text: String(value) });
  }
  return found;
}

export function isSearchable(entity: Entity, row: AnyRecord): row is Searchable {
  return entity !== "note" && "custom_fields" in row;
}
