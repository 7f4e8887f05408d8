import { parseConfig } from "../config/parse-config.ts";
import { CrmledgerError } from "../domain/errors.ts";
import type { SourceSettings } from "../domain/settings.ts";
import type { SourceDraft } from "../intake/known-tools/draft.ts";
import { counted } from "../report/human.ts";
import { safeLine, safeText } from "../report/safe-text.ts";
import type { Invocation, Reply } from "./command.ts";
import { draftText } from "./draft-text.ts";
import { vendors } from "./read-config.ts";
import { type CheckSourceFlags, pathOf, sampleOf } from "./sample-source.ts";

/** Records that a draft looks at. */
const RECORDS_MAX = 200;

/**
 * `check-source FILE --draft`: recognises the tool and prints a source to start from. The draft is tried on the file by the
 * same way as any map; how many records it takes is said on standard error.
 */
export async function draftSource(invocation: Invocation, flags: CheckSourceFlags): Promise<Reply> {
  const { io, talk, args } = invocation;
  const path = pathOf(invocation);
  const [{ firstRecords }, { draftOf }, { loadPhoneNormalizer }] = await Promise.all([
    import("../ingest/first-records.ts"),
    import("../intake/known-tools/recognise.ts"),
    import("../intake/phone.ts"),
  ]);
  const bare = settingsOf("", flags.source ?? "draft", io.cwd);
  const stdin = io.stdin as AsyncIterable<Uint8Array>;
  const options = { file: path, stdin, format: flags.format ?? null };
  const { format, records } = await firstRecords(await loadPhoneNormalizer(), bare, options, RECORDS_MAX);
  if (records.length === 0) {
    throw new CrmledgerError("inputUnreadable", `${args[0]}: there is no record in it to draft a map from`);
  }
  const draft = draftOf(format, records);
  const name = flags.source ?? draft.name;
  const heading = `Drafted from ${safeLine(args[0]!)}: ${draft.tool}.`;
  const yaml = safeText(draftText(draft, name, heading, format !== "csv"));
  const settings = settingsOf(yaml, name, io.cwd);
  const taken = path === "-" ? null : await tried(invocation, settings, path, flags);
  talk.say(`Recognised: ${draft.tool}.${taken === null ? "" : ` The draft takes ${taken.text}.`}`);
  for (const warning of taken?.warnings ?? []) talk.warn(warning);
  talk.say("Put it into crmledger.yaml, then look what it makes of the file: crmledger check-source FILE");
  return { json: documentOf(draft, name, format, yaml, taken), text: () => yaml, exitCode: 0 };
}

/** Parsed as a config is, so that what is printed can be put into one. */
function settingsOf(yaml: string, name: string, folder: string): SourceSettings {
  const text = `crm: { type: pipedrive }\n${yaml === "" ? `sources: { ${JSON.stringify(name)}: {} }` : yaml}`;
  const file = `${folder}/crmledger.yaml`;
  const config = parseConfig(text, { file, env: {}, ownerOnly: true, vendors: vendors() });
  return config.sources[name]!;
}

interface Tried {
  counts: Record<string, number>;
  text: string;
  warnings: string[];
}

async function tried(
  invocation: Invocation,
  settings: SourceSettings,
  path: string,
  flags: CheckSourceFlags,
): Promise<Tried> {
  const { counts, rejects, warnings } = await sampleOf(invocation, settings, path, false, { ...flags, limit: 1 });
  const { file: _, rows, new: submissions, ...others } = counts;
  const reasons = rejects.map(({ reason, count }) => `${count} rejected: ${reason}`).join("; ");
  const rest = [
    ...(others.duplicate > 0 ? [counted(others.duplicate, "duplicate")] : []),
    ...(others.skipped > 0 ? [`${others.skipped} skipped`] : []),
    ...(reasons === "" ? [] : [reasons]),
  ].join("; ");
  return {
    counts: { records: rows, submissions, ...others },
    text: `${submissions} of ${counted(rows, "record")}${rest === "" ? "" : ` (${rest})`}`,
    warnings,
  };
}

function documentOf(draft: SourceDraft, name: string, format: string, yaml: string, taken: Tried | null) {
  const { tool, map, settings } = draft;
  return { tool, source: name, format, settings: { ...settings, map }, counts: taken?.counts ?? null, yaml };
}
