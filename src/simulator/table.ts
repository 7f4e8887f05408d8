import type { RecordBase } from "./records.ts";

/**
 * Rows of one entity. Ids are dense and ascending, so a look by id is an array access. Keeps the order of changes (for
 * `updated_since`) and indexes on the columns named.
 */
export class Table<T extends RecordBase> {
  readonly firstId: number;
  private readonly rows: T[] = [];
  private readonly changes: { ms: number; id: number }[] = [];
  private inOrder = true;
  private readonly indexes = new Map<keyof T, Map<unknown, Set<number>>>();

  constructor(firstId: number, indexed: readonly (keyof T)[] = []) {
    this.firstId = firstId;
    for (const column of indexed) this.indexes.set(column, new Map());
  }

  get size(): number {
    return this.rows.length;
  }

  nextId(): number {
    return this.firstId + this.rows.length;
  }

  get(id: number): T | undefined {
    return this.rows[id - this.firstId];
  }

  /** In the order of ids, deleted ones included. */
  all(): readonly T[] {
    return this.rows;
  }

  put(row: T): void {
    const before = this.get(row.id);
    if (!before && row.id !== this.nextId()) throw new Error(`Row ${row.id} is not the next of its table.`);
    this.rows[row.id - this.firstId] = row;
    const newest = this.changes.at(-1);
    if (newest && newest.ms > row.updatedMs) this.inOrder = false;
    this.changes.push({ ms: row.updatedMs, id: row.id });
    for (const [column, index] of this.indexes) {
      if (before && before[column] === row[column]) continue;
      if (before) index.get(before[column])?.delete(row.id);
      const value = row[column];
      if (value === null) continue;
      const ids = index.get(value) ?? new Set<number>();
      ids.add(row.id);
      index.set(value, ids);
    }
  }

  /** Rows whose indexed column has this value, in the order of ids. */
  where(column: keyof T, value: unknown): T[] {
    const ids = this.indexes.get(column)?.get(value) ?? [];
    return [...ids].sort((a, b) => a - b).map((id) => this.get(id)!);
  }

  /** Rows changed at or after `ms`, in the order of ids. */
  changedSince(ms: number): T[] {
    // What is seeded is older than what was written before it.
    if (!this.inOrder) this.changes.sort((a, b) => a.ms - b.ms);
    this.inOrder = true;
    const ids = new Set<number>();
    for (let i = this.changes.length - 1; i >= 0 && this.changes[i]!.ms >= ms; i--) ids.add(this.changes[i]!.id);
    return [...ids].sort((a, b) => a - b).map((id) => this.get(id)!);
  }
}
