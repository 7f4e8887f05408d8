import { resolve } from "node:path";
import { NO_FAILPOINT } from "../domain/failpoint.ts";
import type { RunId } from "../domain/ids.ts";
import type { SourceSettings } from "../domain/settings.ts";
import type { Sample } from "../ingest/sample.ts";
import type { Invocation } from "./command.ts";
import { createRealClock } from "./real-clock.ts";

export interface CheckSourceFlags {
  source?: string;
  draft?: boolean;
  format?: SourceSettings["format"];
  limit?: number;
}

const RECORDS_SHOWN = 5;

/** The file as ingest opens it. */
export function pathOf({ args, io }: Invocation): string {
  return args[0] === "-" ? "-" : resolve(io.cwd, args[0]!);
}

/**
 * The file through the source's map, the way of an import that writes nothing: an empty ledger in memory stands in for the
 * real one, so only repeats within the file are known.
 */
export async function sampleOf(
  { io }: Invocation,
  source: SourceSettings,
  file: string,
  spooled: boolean,
  flags: CheckSourceFlags,
): Promise<Sample> {
  const [{ sampleFile }, { openSqliteLedger }, { loadPhoneNormalizer }] = await Promise.all([
    import("../ingest/sample.ts"),
    import("../ledger/sqlite/open.ts"),
    import("../intake/phone.ts"),
  ]);
  const clock = io.clock ?? createRealClock();
  const ledger = await openSqliteLedger({ path: ":memory:", create: true, nowMs: clock.wallMs() });
  const deps = { ledger, clock, phone: await loadPhoneNormalizer(), runId: 0 as RunId, failpoint: NO_FAILPOINT };
  const options = { file, stdin: io.stdin as AsyncIterable<Uint8Array>, format: flags.format ?? null, spooled };
  try {
    return await sampleFile({ ...deps, dryRun: true }, source, {
      ...options,
      recordsMax: flags.limit ?? RECORDS_SHOWN,
    });
  } finally {
    await ledger.close();
  }
}
