import type { Failpoint } from "../../domain/failpoint.ts";

/** Instants of the engine. Those of `ledger.write` come in every write transaction of every command. */
export const LEDGER_FAILPOINTS = [
  /** A new ledger: an empty file has another name; it is whole under that name; it has its own name too. */
  "ledger.create.before",
  "ledger.create.built",
  "ledger.create.linked",
  /** An older ledger: the copy of it is whole, and has not got its name yet. */
  "ledger.migrate.copied",
  /** A migration: nothing of it is done; a group of its statements ran, uncommitted; it is committed. */
  "ledger.migrate.before",
  "ledger.migrate.within",
  "ledger.migrate.after",
  /** The ledger is open, nothing was asked of it. */
  "ledger.open.after",
  /** The write lock is held; all of the transaction's statements ran; it is committed and nobody has heard of it. */
  "ledger.write.begun",
  "ledger.write.within",
  "ledger.write.after",
  /** The counter beside the ledger was written under another name. */
  "ledger.counter.written",
  /** A copy: an empty file is there; some pages are in it; it is whole under another name; it has its own name too. */
  "ledger.copy.begun",
  "ledger.copy.pages",
  "ledger.copy.whole",
  "ledger.copy.linked",
  /** What was erased is in no page any more, and may still be in the log. */
  "ledger.scrub.rewritten",
] as const;
export type LedgerFailpoint = Failpoint<(typeof LEDGER_FAILPOINTS)[number]>;
