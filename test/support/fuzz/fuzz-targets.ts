import { configTarget } from "./config-target.ts";
import type { FuzzTarget } from "./fuzz-target.ts";
import { csvTarget, spoolTarget } from "./ingest-target.ts";
import { crmTarget } from "./reply-target.ts";

/** The fuzzers by the word that `npm run fuzz` takes. */
export const FUZZ_TARGETS: Readonly<Record<string, () => FuzzTarget>> = {
  spool: spoolTarget,
  csv: csvTarget,
  config: configTarget,
  crm: crmTarget,
};
