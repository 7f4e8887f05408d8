import { readFileSync } from "node:fs";
import { parse } from "yaml";
import type { SourceDraft } from "../intake/known-tools/draft.ts";
import type { Invocation } from "./command.ts";
import { findConfig } from "./read-config.ts";

type Settings = Record<string, unknown>;

/** What the config in use says around a source that is drafted. */
export interface Around {
  /** The settings of the source of that name, as they are written; null: there is none. */
  own: Settings | null;
  /** Zone and country of the first source that has them: those of the forms, as `init` was told. */
  timezone: string | null;
  country: string | null;
}

export const NOTHING_AROUND: Around = { own: null, timezone: null, country: null };

/** What the drafted tool decides, and the config's source of that name no longer. */
const DRAFTED = new Set(["map", "where", "records", "restToNote"]);

/** A draft whose settings may be any of a source's. */
export type FittedDraft = Omit<SourceDraft, "settings"> & { settings: Settings };

/** Reads no more than that and checks nothing: a draft needs no config, and helps to mend a broken one. */
export function around({ globals, io }: Invocation, name: string): Around {
  const sources = sourcesIn(findConfig(globals, io));
  const own = Object.hasOwn(sources, name) ? settingsIn(sources[name]) : null;
  return { own, timezone: firstText(sources, "timezone"), country: firstText(sources, "country") };
}

function sourcesIn(file: string | null): Settings {
  if (file === null) return {};
  try {
    return settingsIn(settingsIn(parse(readFileSync(file, "utf8"))).sources);
  } catch {
    return {};
  }
}

const settingsIn = (value: unknown): Settings =>
  value !== null && typeof value === "object" && !Array.isArray(value) ? (value as Settings) : {};

function firstText(sources: Settings, key: string): string | null {
  const found = Object.values(sources).map((source) => settingsIn(source)[key]);
  return found.find((value): value is string => typeof value === "string") ?? null;
}

/** The draft with what the config knows already, and with a moment before which nothing is sent. */
export function fitted(draft: SourceDraft, { own, timezone, country }: Around, sendFrom: string): FittedDraft {
  const kept = Object.fromEntries(Object.entries(own ?? {}).filter(([key]) => !DRAFTED.has(key)));
  const zone = kept.timezone ?? (draft.settings.timezone === undefined ? null : timezone);
  const land = kept.country ?? ("person.phone" in draft.map ? country : null);
  const { timezone: guessed, ...comments } = draft.comments;
  return {
    ...draft,
    settings: {
      ...kept,
      ...("submittedAt" in draft.map && kept.sendFrom === undefined ? { sendFrom } : {}),
      ...draft.settings,
      ...Object.fromEntries(Object.entries(kept).filter(([key]) => key in draft.settings)),
      ...(zone === null ? {} : { timezone: zone }),
      ...(land === null ? {} : { country: land }),
    },
    comments: {
      sendFrom: "what was submitted before is history: kept and compared, never sent to the CRM",
      ...comments,
      ...(zone === null && guessed !== undefined ? { timezone: guessed } : {}),
    },
  };
}
