import { existsSync, readdirSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { CrmledgerError } from "../domain/errors.ts";
import type { RunId } from "../domain/ids.ts";
import type { SourceSettings } from "../domain/settings.ts";
import { ARCHIVE, holdsNothing, isArchived } from "../ingest/acknowledge.ts";
import type { IngestDeps } from "../ingest/ingest.ts";
import type { CheckScope } from "../ledger/checks.ts";
import type { IncomingSubmission } from "../ledger/rows.ts";
import type { NotIngested } from "../reconcile/reconcile.ts";
import { counted } from "../report/human.ts";
import type { Invocation } from "./command.ts";
import type { Shop } from "./compose.ts";
import { ingestDeps } from "./take-in.ts";

const DAY_MS = 86_400_000;

export interface SourceSide {
  rows: NotIngested[];
  /** What could not be held against the ledger, one sentence each. */
  notes: string[];
}

/**
 * Holds the sources' side against the ledger: every record of the spools' archives, and of the export files of `--against`,
 * that a submission would be made of and that the ledger doesn't know. Writes nothing.
 */
export async function findNotIngested(
  shop: Shop,
  invocation: Invocation,
  scope: CheckScope,
  against: readonly string[],
): Promise<SourceSide> {
  const side: SourceSide = { rows: [], notes: [] };
  const sources = Object.values(shop.config.sources).filter(
    ({ name }) => scope.source === null || name === scope.source,
  );
  const deps = await ingestDeps(shop, 0 as RunId, { dryRun: true, backfill: "allowed" });
  const seen = new Set<string>();
  for (const source of sources) {
    if (source.spool === null) continue;
    if (source.after !== "archive") {
      side.notes.push(
        `${source.name} keeps no archive (after: ${source.after}): hold its exports against the ledger with --against`,
      );
      continue;
    }
    for (const file of archived(source.spool, scope)) await holdAgainst(deps, source, file, scope, seen, side);
  }
  for (const file of against) {
    const path = resolve(invocation.io.cwd, file);
    await holdAgainst(deps, sourceOfExport(sources, scope), path, scope, seen, side);
  }
  return side;
}

/** The archived files that can hold what was submitted in the scope: nothing is archived before it was submitted. */
function archived(spool: string, { sinceMs }: CheckScope): string[] {
  const folder = join(spool, ARCHIVE);
  if (!existsSync(folder)) return [];
  const days = entriesOf(folder).filter((entry) => entry.isDirectory());
  return days
    .filter(({ name }) => {
      const dayMs = Date.parse(name);
      return sinceMs === null || Number.isNaN(dayMs) || dayMs + 2 * DAY_MS > sinceMs;
    })
    .flatMap(({ name }) => {
      const day = join(folder, name);
      return entriesOf(day)
        .filter((entry) => entry.isFile())
        .map((entry) => join(day, entry.name))
        .filter((path) => !holdsNothing(statSync(path, { throwIfNoEntry: false }) ?? { size: 0 }))
        .sort();
    });
}

function entriesOf(folder: string) {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    throw new CrmledgerError("spoolUnreadable", `${folder} can't be read (${code})`, {
      hint: "What the source sent can't be compared without its archive. `crmledger doctor` looks at the rights. Nothing was done.",
      cause: error,
    });
  }
}

function sourceOfExport(sources: readonly SourceSettings[], { source }: CheckScope): SourceSettings {
  const fed = sources.filter(({ spool }) => spool !== null);
  const only = source !== null || sources.length === 1 ? sources[0] : fed.length === 1 ? fed[0] : undefined;
  if (only !== undefined) return only;
  throw new CrmledgerError("usage", "--against needs --source NAME: whose export is it?", {
    hint: `Sources: ${sources.map(({ name }) => name).join(", ")}. Nothing was done.`,
  });
}

async function holdAgainst(
  deps: IngestDeps,
  source: SourceSettings,
  file: string,
  scope: CheckScope,
  seen: Set<string>,
  side: SourceSide,
): Promise<void> {
  const { importFile } = await import("../ingest/file.ts");
  // What was taken once under its keys is no second export of the same; of any other file that is a question.
  const options = { file, format: null, asNew: isArchived(file), rejectsFile: null };
  let mapped: IncomingSubmission[];
  try {
    const report = await importFile(deps, source, options);
    mapped = report.mapped;
    if (!isArchived(file)) noteRejected(file, report.files, side);
  } catch (error) {
    if (!(error instanceof CrmledgerError) || error.code !== "inputUnreadable" || !isArchived(file)) throw error;
    side.notes.push(`${file} can't be read any more: ${error.message}`);
    return;
  }
  for (const one of mapped) {
    const name = `${one.source}/${one.key}`;
    if (one.history || seen.has(name) || !inTime(one.submittedAtMs, scope)) continue;
    seen.add(name);
    const email = one.content.person?.email ?? null;
    const { line } = one.origin;
    side.rows.push({ source: one.source, key: one.key, email, submittedAtMs: one.submittedAtMs, file, line });
  }
}

/** They have neither key nor time to be looked for by: whether they ever came in only a person can tell. */
function noteRejected(file: string, files: readonly { rejected: number }[], side: SourceSide): void {
  const rejected = files.reduce((sum, each) => sum + each.rejected, 0);
  if (rejected === 0) return;
  side.notes.push(
    `${file}: ${counted(rejected, "record")} that no submission can be made of; \`crmledger import --dry-run\` counts them, \`crmledger rejects\` lists those that came in`,
  );
}

function inTime(atMs: number | null, { sinceMs, untilMs }: CheckScope): boolean {
  return atMs === null || ((sinceMs === null || atMs >= sinceMs) && (untilMs === null || atMs < untilMs));
}
