import type { Environment } from "../config/environment.ts";
import { parseConfig } from "../config/parse-config.ts";
import { CrmledgerError } from "../domain/errors.ts";
import type { SourceSettings } from "../domain/settings.ts";
import type { SourceDraft } from "../intake/known-tools/draft.ts";
import { counted } from "../report/human.ts";
import { safeLine, safeText } from "../report/safe-text.ts";
import type { Invocation, Reply } from "./command.ts";
import { shellWord } from "./cron-line.ts";
import { type Around, around, type FittedDraft, fitted, NOTHING_AROUND } from "./draft-around.ts";
import { draftText } from "./draft-text.ts";
import { vendors } from "./read-config.ts";
import { createRealClock } from "./real-clock.ts";
import { type CheckSourceFlags, pathOf, sampleOf } from "./sample-source.ts";
import { sendFroms } from "./send-from.ts";

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
  const spooled = format !== "csv";
  const { fit, yaml, settings, own } = fittedText(invocation, draft, name, spooled, (fit) =>
    safeText(draftText(fit, name, heading, spooled)),
  );
  const taken = path === "-" ? null : await tried(invocation, settings, path, flags);
  talk.say(`Recognised: ${draft.tool}.${taken === null ? "" : ` The draft takes ${taken.text}.`}`);
  for (const warning of taken?.warnings ?? []) talk.warn(warning);
  talk.say(nextStep(args[0]!, name, own));
  return { json: documentOf(fit, name, format, yaml, taken), text: () => yaml, exitCode: 0 };
}

interface Fitted {
  fit: FittedDraft;
  yaml: string;
  settings: SourceSettings;
  own: Around["own"];
}

/** The draft among what the config says. A config that can't be taken over from is said, and left out. */
function fittedText(
  invocation: Invocation,
  draft: SourceDraft,
  name: string,
  spooled: boolean,
  textOf: (fit: FittedDraft) => string,
): Fitted {
  const { io, talk } = invocation;
  const fitInto = (place: Around): Fitted => {
    const zone = String(place.own?.timezone ?? place.timezone ?? "UTC");
    const from = sendFroms((io.clock ?? createRealClock()).wallMs(), zone);
    const fit = fitted(draft, place, spooled || place.own?.spool !== undefined ? from.sendFrom : from.importFrom);
    const yaml = textOf(fit);
    return { fit, yaml, settings: settingsOf(yaml, name, io.cwd, io.env), own: place.own };
  };
  try {
    return fitInto(around(invocation, name));
  } catch (error) {
    if (!(error instanceof CrmledgerError) || error.code !== "configInvalid") throw error;
    talk.warn(`what crmledger.yaml says of ${safeLine(name)} is not taken over: it has a mistake in it`);
    return fitInto(NOTHING_AROUND);
  }
}

function nextStep(file: string, name: string, own: Around["own"]): string {
  const place = own === null ? "under `sources:`" : `in place of ${safeLine(name)}, whose other settings it keeps,`;
  const words = [safeLine(file), "--source", safeLine(name)].map(shellWord).join(" ");
  const other =
    own?.map === undefined
      ? []
      : [`${safeLine(name)} has a map already. Are these other records? Then name the draft with --source NAME.`];
  return [
    ...other,
    `Put it ${place} into crmledger.yaml, then look what it makes of the file:`,
    `  crmledger check-source ${words}`,
  ].join("\n");
}

/** Parsed as a config is, so that what is printed can be put into one. */
function settingsOf(yaml: string, name: string, folder: string, env: Environment = {}): SourceSettings {
  const text = `crm: { type: pipedrive }\n${yaml === "" ? `sources: { ${JSON.stringify(name)}: {} }` : yaml}`;
  const file = `${folder}/crmledger.yaml`;
  const config = parseConfig(text, { file, env, ownerOnly: true, vendors: vendors() });
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
  const { counts, rejects, warnings } = await sampleOf(
    invocation,
    // What is history here and now says nothing about the map.
    { ...settings, sendFromMs: null },
    path,
    false,
    { ...flags, limit: 1 },
  );
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

function documentOf(draft: FittedDraft, name: string, format: string, yaml: string, taken: Tried | null) {
  const { tool, map, settings } = draft;
  return { tool, source: name, format, settings: { ...settings, map }, counts: taken?.counts ?? null, yaml };
}
