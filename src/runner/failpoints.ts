import type { Failpoint as AnyFailpoint } from "../domain/failpoint.ts";

/**
 * Named instants at which the outside world may stop us. They are no-ops unless a test hands in a function; the exhaustive
 * kill test walks through every one of them, for every occurrence.
 */
export const FAILPOINTS = [
  /** A claim was committed; nothing of it was done. */
  "claim.after",
  /** A turn is about to be committed, or was. Intents of the turn have not left yet. */
  "turn.before",
  "turn.after",
  /** The intent is durable, no byte has left. */
  "send.before",
  /** The reply is here, nothing of it is recorded. */
  "send.after",
  /** The look for an uncertain write ended, its verdict is not recorded. */
  "probe.after",
  /** All is recorded; the run is not closed. */
  "drain.end",
] as const;
/** A test hands one in to kill, stop or throw at a named instant. */
export type Failpoint = AnyFailpoint<(typeof FAILPOINTS)[number]>;
