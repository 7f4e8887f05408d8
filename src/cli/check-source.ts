import { sep } from "node:path";
import type { Config } from "../config/config.ts";
import { nearest } from "../config/problem.ts";
import { IMPORT_SOURCE } from "../config/source-settings.ts";
import { CrmledgerError, EXIT_CODES } from "../domain/errors.ts";
import type { SourceSettings } from "../domain/settings.ts";
import type { Sample, SampledRecord } from "../ingest/sample.ts";
import { driftText } from "../ingest/shape-words.ts";
import { DRIFTS_TOLD_MS } from "../notify/facts.ts";
import { type CheckedRecord, type CheckSourceDocument, renderCheckedSource } from "../report/check-source-page.ts";
import { utcTime } from "../report/human.ts";
import { checkMaps } from "./check-maps.ts";
import type { Invocation, Reply, RunCommand } from "./command.ts";
import { withShop } from "./compose.ts";
import { readConfig } from "./read-config.ts";
import { type CheckSourceFlags, pathOf, sampleOf } from "./sample-source.ts";
import { sourceNamed } from "./sources.ts";

/** `crmledger check-source FILE`: what a map makes of a sample, and what it leaves out. Writes nothing, needs no ledger. */
export const run: RunCommand = async (invocation) => {
  const flags = invocation.flags as CheckSourceFlags;
  if (flags.draft) return await (await import("./draft-source.ts")).draftSource(invocation, flags);
  const config = configOf(invocation);
  const path = pathOf(invocation);
  const source = flags.source === undefined ? sourceOf(config, path) : sourceNamed(config, flags.source);
  await checkMaps(config, [source]);
  const spooled = path !== "-" && liesIn(path, source);
  const found = await sampleOf(invocation, source, path, spooled, flags);
  for (const warning of found.warnings) invocation.talk.warn(warning);
  return replyOf(invocation.args[0]!, source, found, await knownDrifts(invocation, source));
};

/** What changed of the source's records lately, as ingest found it. A ledger is not needed: without one nothing is known. */
async function knownDrifts(invocation: Invocation, { name }: SourceSettings): Promise<string[]> {
  try {
    const drifts = await withShop(invocation, "open", ({ ledger, clock }) =>
      ledger.sourceDrifts(clock.wallMs() - DRIFTS_TOLD_MS),
    );
    return drifts.filter(({ source }) => source === name).map(driftText);
  } catch (error) {
    if (error instanceof CrmledgerError) return [];
    throw error;
  }
}

function configOf({ globals, io, talk }: Invocation): Config {
  try {
    return readConfig(globals, io, talk);
  } catch (error) {
    if (!(error instanceof CrmledgerError) || error.code !== "configMissing") throw error;
    const hint = `${error.hint ?? ""} Without one, \`crmledger check-source FILE --draft\` prints a map to start from.`;
    throw new CrmledgerError("configMissing", error.message, { hint: hint.trim(), cause: error });
  }
}

/** The source in whose spool the file lies, else the only one of the config. Rejects with `usage` where that is unclear. */
function sourceOf(config: Config, path: string): SourceSettings {
  const all = Object.values(config.sources);
  const holder = all.find((source) => liesIn(path, source));
  if (holder !== undefined) return holder;
  const own = all.filter((source) => source.name !== IMPORT_SOURCE || source.map !== null);
  const [only] = own.length > 0 ? own : all;
  if (only !== undefined && own.length <= 1) return only;
  throw new CrmledgerError("usage", "Whose map is it? The config has several sources", {
    hint: `Name one with --source: ${all.map(({ name }) => name).join(", ")}.`,
  });
}

const liesIn = (path: string, { spool }: SourceSettings): boolean => spool !== null && path.startsWith(spool + sep);

function replyOf(file: string, source: SourceSettings, found: Sample, drifts: string[]): Reply {
  const { rows, new: submissions, file: _, ...others } = found.counts;
  const document: CheckSourceDocument = {
    file,
    source: source.name,
    mapped: source.map !== null,
    format: found.format,
    counts: { records: rows, submissions, ...others },
    hashedKeys: found.hashed,
    records: found.records.map((record) => shown(record, source)),
    rejects: found.rejects,
    badValues: found.badValues.map(({ value: example, ...one }) => ({ ...one, example })),
    leftovers: found.leftovers.map(({ value: example, ...one }) => ({ ...one, example })),
    nothingFound: nothingFound(found),
    drifts,
    warnings: found.warnings,
  };
  const attention = others.rejected + others.conflict > 0;
  return {
    json: document,
    text: (style) => renderCheckedSource(document, style),
    exitCode: attention ? EXIT_CODES.attention : 0,
  };
}

function shown(record: SampledRecord, source: SourceSettings): CheckedRecord {
  const { submittedAtMs, hashed, time, content, key, ...same } = record;
  const { badValues = [], ...rest } = content ?? {};
  const readsOf = (target: string): string => [source.map?.[target] ?? target].flat().join(", ");
  return {
    ...same,
    key: key === null ? null : { value: key, from: hashed ? "hash" : "id", reads: hashed ? null : readsOf("id") },
    submittedAt: utcTime(submittedAtMs),
    submittedAtFrom:
      time === null
        ? null
        : { ...time, zone: time.form === "local" ? source.timezone : null, reads: readsOf("submittedAt") },
    content: content === null ? null : rest,
    badValues,
  };
}

/** Where the target gets values all the same, a path that is missing is a mistake only if another one is near. */
function nothingFound({ nothingFound: lines, paths }: Sample): CheckSourceDocument["nothingFound"] {
  return lines
    .map(({ given, ...line }) => {
      const near = line.missing === null ? null : suggestion(line.missing, paths);
      return { given, shown: { ...line, suggestion: near } };
    })
    .filter(({ given, shown }) => !given || shown.suggestion !== null)
    .map(({ shown }) => shown);
}

/** The record's path that was probably meant: the nearest, else one whose last name is near. */
function suggestion(missing: string, paths: readonly string[]): string | null {
  const near = nearest(missing, paths);
  if (near !== null) return near;
  const lastOf = (path: string): string => /`([^`]+)`$|([^.`]+)$/.exec(path)?.slice(1).find(Boolean) ?? path;
  const last = nearest(lastOf(missing), paths.map(lastOf));
  return last === null ? null : (paths.find((path) => lastOf(path) === last) ?? null);
}
