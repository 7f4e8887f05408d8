/** What is known about a look-up, and which of its keys still need an answer from the CRM. Pure. */
import type { IdentityKey } from "../domain/identity.ts";
import type { CrmId } from "../domain/ids.ts";
import type { CrmRecord } from "../domain/operation.ts";
import { oldestFirst } from "../domain/record-keys.ts";
import type { MirrorHit } from "../ledger/rows.ts";
import type { Lookup } from "./mirror.ts";

/** Of many records with one key so many are read at a time, oldest first: one of them is used, the others only named. */
const CANDIDATES_MAX = 5;

export const isPhoneKey = (key: IdentityKey): boolean => key.startsWith("phone:");
const isEmailKey = (key: IdentityKey): boolean => key.startsWith("email:");

/** Records read a moment ago, by id and by each key that they carry now; null: gone. */
export class Evidence {
  readonly #records = new Map<CrmId, CrmRecord | null>();
  readonly #byKey = new Map<IdentityKey, CrmRecord[]>();
  readonly #keysOf: (record: CrmRecord) => IdentityKey[];

  constructor(keysOf: (record: CrmRecord) => IdentityKey[]) {
    this.#keysOf = keysOf;
  }

  add(id: CrmId, record: CrmRecord | null): void {
    if (this.#records.has(id)) return;
    this.#records.set(id, record);
    if (record === null) return;
    for (const key of this.#keysOf(record)) this.#byKey.set(key, [...this.carriers(key), record]);
  }

  carriers(key: IdentityKey): readonly CrmRecord[] {
    return this.#byKey.get(key) ?? [];
  }

  /** Records that carry any of the keys, oldest first. */
  candidates(lookup: Lookup): CrmRecord[] {
    return [...new Set(lookup.keys.flatMap((key) => this.carriers(key)))].sort(oldestFirst);
  }

  /** The keys that decide and that no fresh record carries. None: the look-up is answered. */
  openKeys(lookup: Lookup): IdentityKey[] {
    const open: IdentityKey[] = [];
    for (const key of lookup.keys) {
      const carriers = this.carriers(key);
      if (carriers.some((record) => counts(key, lookup, record.emails.length > 0))) return open;
      if (carriers.length === 0) open.push(key);
    }
    return open;
  }

  /** Ids of the mirror to be read next for this look-up: those of the first key that could decide. */
  idsToRead(lookup: Lookup, hits: ReadonlyMap<IdentityKey, readonly MirrorHit[]>): CrmId[] {
    for (const key of lookup.keys) {
      if (this.carriers(key).some((record) => counts(key, lookup, record.emails.length > 0))) return [];
      if (this.carriers(key).length > 0) continue;
      const unread = (hits.get(key) ?? []).filter((hit) => !this.#records.has(hit.id));
      if (unread.length === 0) continue;
      const likely = (hit: MirrorHit): number => (counts(key, lookup, hit.keys.some(isEmailKey)) ? 0 : 1);
      return [...unread]
        .sort((a, b) => likely(a) - likely(b) || oldestFirst(a, b))
        .slice(0, CANDIDATES_MAX)
        .map((hit) => hit.id);
    }
    return [];
  }
}

/** A phone decides only where one side has no e-mail; everything else always does. */
function counts(key: IdentityKey, lookup: Lookup, recordHasEmail: boolean): boolean {
  return !isPhoneKey(key) || !recordHasEmail || !lookup.keys.some(isEmailKey);
}
