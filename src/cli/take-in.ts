import { CrmledgerError } from "../domain/errors.ts";
import type { RunId } from "../domain/ids.ts";
import type { SourceSettings } from "../domain/settings.ts";
import type { FileCounts, IngestDeps } from "../ingest/ingest.ts";
import type { IncomingSubmission } from "../ledger/rows.ts";
import { counted } from "../report/human.ts";
import type { IngestedCounts } from "../report/sync-summary.ts";
import { type BackfillGuard, guardBackfill } from "./backfill.ts";
import type { Invocation } from "./command.ts";
import type { Shop } from "./compose.ts";
import type { HeldFile } from "./held-files.ts";

/** What reading all sources gave. */
export interface TakenIn {
  files: FileCounts[];
  counts: IngestedCounts;
  warnings: string[];
  mapped: IncomingSubmission[];
  /** Sources whose backlog is kept back by `limits.backfill`. */
  heldBack: number;
  /** Files that this user may not read. */
  unreadable: number;
  /** Files that nobody took without somebody's word. */
  refused: HeldFile[];
  /** Sources whose spool was read. */
  read: string[];
  /** The first trouble of a source. The other sources were read nevertheless. */
  trouble: CrmledgerError | null;
}

const NOTHING: IngestedCounts = { new: 0, duplicate: 0, conflict: 0, skipped: 0, history: 0, rejected: 0 };

export const NOTHING_TAKEN: TakenIn = {
  files: [],
  counts: NOTHING,
  warnings: [],
  mapped: [],
  heldBack: 0,
  unreadable: 0,
  refused: [],
  read: [],
  trouble: null,
};

/** What ingest takes, with the guard of `limits.backfill` around the ledger; null where nothing is guarded. */
export interface GuardedDeps extends IngestDeps {
  guard: BackfillGuard | null;
}

export async function ingestDeps(
  shop: Shop,
  runId: RunId,
  options: Pick<IngestDeps, "dryRun" | "signal" | "progress" | "mapRows"> & { backfill: "guarded" | "allowed" },
): Promise<GuardedDeps> {
  const { loadPhoneNormalizer } = await import("../intake/phone.ts");
  const { backfill, ...given } = options;
  const limit = shop.config.drain.limits.backfill;
  const guard = backfill === "guarded" ? guardBackfill(shop.ledger, runId, limit, shop.now) : null;
  const ledger = guard?.ledger ?? shop.ledger;
  return {
    ledger,
    clock: shop.clock,
    phone: await loadPhoneNormalizer(),
    runId,
    failpoint: shop.failpoint,
    guard,
    ...given,
  };
}

/** Reads the spools of all `sources`, one after the other. A source that can't be read leaves the others alone. */
export async function takeIn(
  deps: GuardedDeps,
  sources: readonly SourceSettings[],
  invocation: Invocation,
): Promise<TakenIn> {
  const taken: TakenIn = { ...NOTHING_TAKEN, files: [], warnings: [], mapped: [], refused: [], read: [] };
  for (const source of sources) {
    if (deps.signal?.aborted) break;
    try {
      const isEmpty = await hasNothing(deps, source);
      const report = isEmpty ? null : await (await import("../ingest/spool.ts")).ingestSource(deps, source);
      if (!deps.signal?.aborted) taken.read.push(source.name);
      if (report === null) continue;
      taken.files.push(...report.files);
      taken.mapped.push(...report.mapped);
      for (const warning of report.warnings) warn(taken, warning, invocation);
      tellUnreadable(taken, report.unreadable ?? [], source, invocation);
      for (const { file, message, hint } of report.refused ?? []) {
        taken.unreadable += 1;
        taken.refused.push({ source: source.name, file });
        taken.warnings.push(`source ${source.name}: ${message}`);
        invocation.talk.error(`source ${source.name}: ${message}`, hint);
      }
    } catch (error) {
      if (!(error instanceof CrmledgerError) || !error.code.startsWith("spool")) throw error;
      const isFirst = taken.trouble === null;
      taken.trouble ??= error;
      taken.warnings.push(`source ${source.name} was not read: ${error.message}`);
      // A dry run ends at once with the first one as its error, which is said then.
      if (deps.dryRun && isFirst) continue;
      invocation.talk.error(`source ${source.name} was not read: ${error.message}`, error.hint);
    }
  }
  const held = deps.guard?.warnings() ?? [];
  for (const warning of held) warn(taken, warning, invocation);
  taken.heldBack = held.length;
  taken.counts = sumCounts(taken.files);
  return taken;
}

/** Most runs of cron find a spool empty, and no file that may still grow: they need none of the code that reads files. */
async function hasNothing({ ledger }: GuardedDeps, source: SourceSettings): Promise<boolean> {
  const { isEmptySpool } = await import("../ingest/listing.ts");
  if (source.spool !== null && !(await isEmptySpool(source, source.spool))) return false;
  return (await ledger.fileProgress(source.name)).length === 0;
}

/** Also with `--quiet`: a form that was sent waits there, and no later run gets it by itself. */
function tellUnreadable(
  taken: TakenIn,
  files: readonly string[],
  { name }: SourceSettings,
  { talk }: Invocation,
): void {
  const [first] = files;
  if (first === undefined) return;
  const others = files.length === 1 ? "" : ` and ${counted(files.length - 1, "other file")}`;
  const message = `source ${name}: ${first}${others} can't be read by this user: what is in there waits`;
  taken.unreadable += files.length;
  taken.warnings.push(message);
  talk.error(
    message,
    "Its writer needs umask 027 and the spool's group. `crmledger doctor`, run as this user, names the fix.",
  );
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
