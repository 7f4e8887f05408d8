import type { Failpoint } from "../domain/failpoint.ts";

/** Instants of a check and of its repairs. */
export const RECONCILE_FAILPOINTS = [
  /** The check is written down; nothing was looked at. */
  "check.opened",
  /** A list page: it was read, nothing of it is kept; it is kept, with the place to go on from. */
  "check.page.before",
  "check.page.after",
  /** Records that were looked at one by one are kept. */
  "check.ids.after",
  /** One entity was looked at to its end. */
  "check.entity.after",
  /** All differences are written down, the check is not ended; it is ended. */
  "check.judged",
  "check.finished",
  /** What only the sources had was taken in; its discrepancies are still open. */
  "repair.ingested",
  /** A page of differences was closed as people left them. */
  "repair.accepted",
  /** A page of repairs: about to be queued; queued. */
  "repair.queue.before",
  "repair.queue.after",
] as const;
export type ReconcileFailpoint = Failpoint<(typeof RECONCILE_FAILPOINTS)[number]>;
