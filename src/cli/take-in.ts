import { CrmledgerError } from "../domain/errors.ts";
import type { RunId } from "../domain/ids.ts";
import type { SourceSettings } from "../domain/settings.ts";
import type { FileCounts, IngestDeps } from "../ingest/ingest.ts";
import type { IncomingSubmission } from "../ledger/rows.ts";
import type { IngestedCounts } from "../report/sync-summary.ts";
import type { Invocation } from "./command.ts";
import type { Shop } from "./compose.ts";

/** What reading all sources gave. */
export interface TakenIn {
  files: FileCounts[];
  counts: IngestedCounts;
  warnings: string[];
  mapped: IncomingSubmission[];
  /** The first trouble of a source. The other sources were read nevertheless. */
  trouble: CrmledgerError | null;
}

const NOTHING: IngestedCounts = { new: 0, duplicate: 0, conflict: 0, skipped: 0, history: 0, rejected: 0 };

export const NOTHING_TAKEN: TakenIn = { files: [], counts: NOTHING, warnings: [], mapped: [], trouble: null };

export async function ingestDeps(
  shop: Shop,
  runId: RunId,
  options: { dryRun: boolean; signal?: AbortSignal; progress?: IngestDeps["progress"] },
): Promise<IngestDeps> {
  const { loadPhoneNormalizer } = await import("../intake/phone.ts");
  const { ledger, clock } = shop;
  return { ledger, clock, phone: await loadPhoneNormalizer(), runId, failpoint: () => undefined, ...options };
}

/** Reads the spools of all `sources`, one after the other. A source that can't be read leaves the others alone. */
export async function takeIn(
  deps: IngestDeps,
  sources: readonly SourceSettings[],
  invocation: Invocation,
): Promise<TakenIn> {
  const { ingestSource } = await import("../ingest/spool.ts");
  const taken: TakenIn = { files: [], counts: { ...NOTHING }, warnings: [], mapped: [], trouble: null };
  for (const source of sources) {
    if (deps.signal?.aborted) break;
    try {
      const report = await ingestSource(deps, source);
      taken.files.push(...report.files);
      taken.mapped.push(...report.mapped);
      for (const warning of report.warnings) warn(taken, warning, invocation);
    } catch (error) {
      if (!(error instanceof CrmledgerError) || !error.code.startsWith("spool")) throw error;
      taken.trouble ??= error;
      warn(taken, `source ${source.name} was not read: ${error.message}`, invocation);
    }
  }
  taken.counts = sumCounts(taken.files);
  return taken;
}

function warn(taken: TakenIn, warning: string, { talk }: Invocation): void {
  taken.warnings.push(warning);
  talk.warn(warning);
}

export function sumCounts(files: readonly FileCounts[]): IngestedCounts {
  const sum = { ...NOTHING };
  for (const file of files) {
    for (const name of Object.keys(sum) as (keyof IngestedCounts)[]) sum[name] += file[name];
  }
  return sum;
}
