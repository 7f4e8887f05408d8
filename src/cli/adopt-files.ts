import { resolve } from "node:path";
import { laneTargetMs } from "../config/source-settings.ts";
import { CrmledgerError } from "../domain/errors.ts";
import type { RunId } from "../domain/ids.ts";
import type { SourceSettings } from "../domain/settings.ts";
import type { SubmissionState } from "../domain/submission.ts";
import type { CheckScope } from "../ledger/checks.ts";
import type { IncomingSubmission, IngestVerdict } from "../ledger/rows.ts";
import type { Invocation } from "./command.ts";
import type { Shop } from "./compose.ts";
import { sourceNamed } from "./sources.ts";
import { ingestDeps } from "./take-in.ts";

export interface AdoptFiles {
  /** To be looked for at the CRM. */
  sought: Candidate[];
  known: { item: IncomingSubmission; reason: string }[];
  rejected: number;
  warnings: string[];
}

export interface Candidate {
  item: IncomingSubmission;
  /** The ledger has it, unsent. */
  ingested: boolean;
}

/** The source whose map reads the files. Rejects with `usage` where none is named and several could be meant. */
export function sourceOfFiles(shop: Shop, name: string | undefined): SourceSettings {
  const all = Object.values(shop.config.sources);
  const fed = all.filter(({ spool }) => spool !== null);
  const only = all.length === 1 ? all[0] : fed.length === 1 ? fed[0] : undefined;
  if (name === undefined && only === undefined) {
    throw new CrmledgerError("usage", "adopt needs --source NAME: whose submissions are in the file?", {
      hint: `Sources: ${all.map((source) => source.name).join(", ")}. Nothing was done.`,
    });
  }
  const source = name === undefined ? only! : sourceNamed(shop.config, name);
  // Nobody is waiting for what is old.
  return { ...source, lane: "background", targetMs: laneTargetMs("background") };
}

/** Reads the files through the source's map, and writes nothing. What `sendFrom` makes history is looked for too. */
export async function readFiles(
  shop: Shop,
  invocation: Invocation,
  source: SourceSettings,
  scope: CheckScope,
): Promise<AdoptFiles> {
  const { importFile } = await import("../ingest/file.ts");
  const seen = new Map<string, { item: IncomingSubmission; verdict: IngestVerdict }>();
  const onVerdict = (item: IncomingSubmission, verdict: IngestVerdict): void => {
    if (inTime(item.submittedAtMs, scope) && !seen.has(item.key)) seen.set(item.key, { item, verdict });
  };
  const deps = await ingestDeps(shop, 0 as RunId, { dryRun: true, backfill: "allowed" });
  const found: AdoptFiles = { sought: [], known: [], rejected: 0, warnings: [] };
  for (const name of invocation.args) {
    const standard = name === "-";
    const report = await importFile({ ...deps, onVerdict }, source, {
      file: standard ? name : resolve(invocation.io.cwd, name),
      stdin: standard ? (invocation.io.stdin as AsyncIterable<Uint8Array>) : undefined,
      format: null,
      asNew: false,
      rejectsFile: null,
    });
    found.rejected += report.files.reduce((sum, file) => sum + file.rejected, 0);
    found.warnings.push(...report.warnings);
  }
  for (const { item, verdict } of seen.values()) await sort(shop, item, verdict, found);
  return found;
}

function inTime(atMs: number | null, { sinceMs, untilMs }: CheckScope): boolean {
  return atMs === null || ((sinceMs === null || atMs >= sinceMs) && (untilMs === null || atMs < untilMs));
}

async function sort(shop: Shop, item: IncomingSubmission, verdict: IngestVerdict, found: AdoptFiles): Promise<void> {
  const isNew = (verdict.type === "new" || verdict.type === "history") && verdict.revision !== true;
  const known = isNew ? await otherKey(shop, item) : await knownAs(shop, item, verdict);
  if (known !== null) found.known.push({ item, reason: known });
  else found.sought.push({ item, ingested: !isNew });
}

/** Why one that came under a new key is known nevertheless; null: it is not. */
async function otherKey(
  { ledger }: Shop,
  { key, submittedAtMs, identityKeys }: IncomingSubmission,
): Promise<string | null> {
  if (submittedAtMs === null) return null;
  const same = await ledger.countReexported([{ key, submittedAtMs, identityKeys }]);
  return same === 0 ? null : "The ledger has a submission of this person and time under another key.";
}

const UNSENT: readonly SubmissionState[] = ["history", "pending", "waiting", "failed"];

/** Why one that the ledger has is none of an earlier script's; null: nothing of it was sent yet. */
async function knownAs(
  { ledger }: Shop,
  { source, key }: IncomingSubmission,
  verdict: IngestVerdict,
): Promise<string | null> {
  if (verdict.type === "duplicate" && verdict.otherSource !== null) return `Source ${verdict.otherSource} has it.`;
  const named = (await ledger.findByName(`${source}/${key}`, [])).find(
    (one) => one.source === source && one.key === key,
  );
  const story = named === undefined ? null : await ledger.story(named.id);
  if (story === null) return "The ledger has it under another key.";
  const { state } = story.submission;
  const untouched = story.steps.every((step) => step.state === "open" || step.state === "failed");
  if (state === "history" || (UNSENT.includes(state) && untouched)) return null;
  return state === "done" ? "The ledger has it as delivered." : `The ledger has it as ${state}.`;
}
