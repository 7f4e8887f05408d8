import { INGEST_FAILPOINTS } from "../ingest/failpoints.ts";
import { LEDGER_FAILPOINTS } from "../ledger/sqlite/failpoints.ts";
import { RECONCILE_FAILPOINTS } from "../reconcile/failpoints.ts";
import { FAILPOINTS } from "../runner/failpoints.ts";

/** Instants between the steps of a command. */
const CLI_FAILPOINTS = [
  /** A run that is no sync: it is open, nothing was done; all is done, it is not closed. */
  "run.opened",
  "run.end",
  /** `adopt`: a part of the file is in the ledger as history; a part of what was found at the CRM was taken over. */
  "adopt.kept",
  "adopt.taken",
  /** `backup --move`: this ledger is retired, there is no copy; there is, and the move is not ended; it is ended. */
  "backup.retired",
  "backup.copied",
  "backup.moved",
  /** `forget`: the files are done; the ledger too, but for free pages and log; those too. */
  "forget.files",
  "forget.ledger",
  "forget.end",
  /** `retention`: old payloads and rejects are erased, archives are not. */
  "retention.thinned",
] as const;

/** Every named instant of the program, by room. `test/crash` kills it at each of them, at each of their occurrences. */
export const ALL_FAILPOINTS: readonly string[] = [
  ...LEDGER_FAILPOINTS,
  ...INGEST_FAILPOINTS,
  ...FAILPOINTS,
  ...RECONCILE_FAILPOINTS,
  ...CLI_FAILPOINTS,
];
