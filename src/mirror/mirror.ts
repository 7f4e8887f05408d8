/**
 * The mirror's contract: answers look-ups of persons and organizations from the ledger's copy of the CRM's directory, and
 * keeps that copy fresh the cheapest way. It sends nothing itself: `read` goes through the same wheel as every write.
 */

import type { Capabilities } from "../crm/adapter.ts";
import type { Entity } from "../domain/catalog.ts";
import type { Clock } from "../domain/clock.ts";
import type { IdentityKey, PhoneNormalizer } from "../domain/identity.ts";
import type { AccountId, CrmId } from "../domain/ids.ts";
import type { CrmRecord, Operation, Outcome } from "../domain/operation.ts";
import type { Ledger } from "../ledger/ledger.ts";

/** Sends a read through the pacer. Rejects only when the run stops (a hold, a signal): the look-up is then abandoned. */
export type Read = (operation: Operation) => Promise<{ outcome: Outcome; serverTimeMs: number | null }>;

export interface MirrorDeps {
  ledger: Pick<Ledger, "mirrorFind" | "mirrorSave" | "mirrorState" | "mirrorSweep">;
  accountId: AccountId;
  capabilities: Capabilities;
  read: Read;
  clock: Clock;
  phone: PhoneNormalizer;
  /** For CRM phone numbers written nationally. */
  country: string | null;
  freshnessMs: number;
  /** Fields that `persons.match` names. */
  matchFields: { name: string; code: string }[];
  /** Told of each page of a walk or refresh before anything is made of it. */
  onPage?: (records: readonly CrmRecord[]) => Promise<void>;
}

/** One person or organization sought. */
export interface Lookup {
  /** In the order of `persons.match`; of an organization its one key. */
  keys: IdentityKey[];
}

export interface Answer {
  /** Confirmed a moment ago, fresh records; empty: believed not to be at the CRM. Oldest first. */
  candidates: CrmRecord[];
  /** How it was found, for `show`: one sentence. */
  explanation: string;
  via: "mirror" | "search";
}

export interface Mirror {
  /** Answers in the order of the look-ups. Batches what can be batched: call it with all that is known. */
  persons(lookups: readonly Lookup[]): Promise<Answer[]>;
  organizations(lookups: readonly Lookup[]): Promise<Answer[]>;
  /** Match keys that a record carries, to store beside it after a write of ours. */
  keysOf(record: CrmRecord): IdentityKey[];
  /** Drops an id that a write or a read found gone. */
  forget(entity: Entity, id: CrmId): Promise<void>;
  /** What it did and why, for `--dry-run`, `status` and `--verbose`. */
  explain(): string[];
  readonly counts: { mirror: number; search: number };
}
