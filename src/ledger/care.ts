/** The ledger's contract for its care: copies of it, and its move to another place. */

import type { Entity } from "../domain/catalog.ts";
import type { IdentityKey } from "../domain/identity.ts";
import type { CrmId, SubmissionId } from "../domain/ids.ts";
import type { Now } from "./rows.ts";

/** What a finished copy holds. */
export interface LedgerCopy {
  bytes: number;
  submissions: number;
}

export interface CopyOptions {
  /**
   * `backup`: the copy knows that it is one: put in the ledger's place, or used beside it, it is held as an old ledger where
   * anything was sent since. `move`: it carries on as the ledger itself.
   */
  as: "backup" | "move";
  nowMs: number;
  /** Ends the work; what was written of the copy is removed. */
  signal: AbortSignal;
  /** Called between pieces of at most a few milliseconds each. */
  observe: (pagesDone: number, pagesTotal: number) => void;
}

/** Where a ledger was moved to (`done`), or is being moved to: a move that was broken off is done again. */
export interface Move {
  place: string;
  done: boolean;
}

/** How many rows were thinned. */
export interface Thinned {
  payloads: number;
  rejects: number;
}

/** Everything of one person, found by e-mail, phone or submission. */
export interface PersonFound {
  submissions: { id: SubmissionId; source: string; key: string; state: string }[];
  /** E-mails, phones and match fields that are this person's. */
  keys: IdentityKey[];
  /** Persons of the mirror, by the CRM's id. */
  mirror: CrmId[];
  /** What the submissions became at the CRM; organizations are not a person's. */
  records: { entity: Entity; crmId: CrmId }[];
  /** Names of submissions that a run works on, or of which a write may or may not have happened. */
  inHand: string[];
}

/**
 * `busy`: a submission is in hand. `texts`: places in running text where a name was blanked. `unsure`: open rejects that name the
 * person and others too: they may be somebody else's lead, and stay until somebody has decided on them.
 */
export type Forgotten = { type: "forgotten"; rejects: number; texts: number; unsure: string[] } | { type: "busy" };

export interface CareLedger {
  /**
   * By e-mail and match field all submissions, of them the phones, and by a phone those that have nothing stronger: others may
   * share it. By a phone that was asked for all that have it. All versions of a record belong together.
   */
  findPerson(asked: { keys: readonly IdentityKey[]; submissions: readonly SubmissionId[] }): Promise<PersonFound>;
  /**
   * Erases in one transaction what `findPerson` found, and rejects with their texts. What was not done is dropped. The rows stay
   * for the accounting, with CRM ids and with salted hashes instead of keys: a record that comes in again is a duplicate
   * (`forgotten`), the mirror takes the person no more, and a stamp at the CRM is known. `asked`: what somebody named.
   */
  forget(person: PersonFound, asked: readonly IdentityKey[], now: Now): Promise<Forgotten>;
  /** Rewrites the file, so that nothing that was erased is left in free pages or in the log. While no run works. */
  scrub(): Promise<void>;
  /**
   * Erases what ended before these instants (UTC ms), `limit` rows of a kind at the most: the payloads of done and dropped
   * submissions (records, contents, steps' contents, earlier versions, texts of errors, values of differences) and closed
   * rejects' records. The rows stay with keys, hashes, identity keys and CRM ids, so that reports count them and duplicates
   * are recognised. What is not ended or failed keeps its payload, and so does what another version of it still needs.
   */
  thin(before: { payloadsMs: number; rejectsMs: number }, limit: number): Promise<Thinned>;
  /**
   * Writes one state of the ledger into a new file that only its owner can read, beside runs that go on: they wait for
   * nothing. It is written as `FILE.part`, checked whole, and named only then. Rejects with `usage` where the file is there
   * already or can't be written, `diskFull`, `ledgerDamaged` where the ledger itself is damaged, and with the signal's
   * reason; then there is no file.
   */
  copyTo(file: string, options: CopyOptions): Promise<LedgerCopy>;
  /**
   * Whether the copy at `file` is the one that this ledger's broken-off move made: whole, and of the same last run. Its
   * content then, else null.
   */
  movedCopy(file: string): Promise<LedgerCopy | null>;
  /** From here on no run opens on this ledger, and nobody else opens it (`ledgerMoved`). Null takes that back. */
  retire(move: Move | null): Promise<void>;
  /** Null: this ledger is in use. */
  move(): Promise<Move | null>;
}
