/** Room in the write-ahead log while very much comes in. */
import type { Store } from "./store.ts";

/**
 * Pages of the log from which on they are moved into the file: 23 MiB, three quarters of where other connections would begin. The
 * more, the fewer waits for the disk, and the fewer pages that are moved more than once.
 */
const LOG_PAGES_MAX = 6_000;
/** A long import writes in order: it needs less than others. KiB. */
const CACHE_KIB = 8_000;

interface LogState {
  log: number;
  checkpointed: number;
}

/**
 * Moves the log's pages into the file once there are many, and leaves the connection as one that does so only here: a
 * commit of a long import then never does it, and nor does one of a process beside it. Takes no write lock; others go on.
 */
export function makeRoom(store: Store): void {
  store.db.pragma("wal_autocheckpoint = 0");
  store.db.pragma(`cache_size = -${CACHE_KIB}`);
  const [state] = store.db.pragma("wal_checkpoint(NOOP)") as LogState[];
  if (state !== undefined && state.log - state.checkpointed > LOG_PAGES_MAX) store.db.pragma("wal_checkpoint(PASSIVE)");
}
