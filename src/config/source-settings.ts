import { createRequire } from "node:module";
import { isAbsolute, resolve } from "node:path";
import type { PlanSettings, SourceSettings } from "../domain/settings.ts";
import { labelsOf } from "./labels.ts";
import type { Problem } from "./problem.ts";
import type { FileShape, SourceShape } from "./schema.ts";

const TARGET_MS = { operational: 15 * 60_000, background: 24 * 3_600_000 } as const;
/** The source of `crmledger import` where none is named. */
export const IMPORT_SOURCE = "import";

/** The age past which a submission of the lane is overdue, where its source does not say. */
export function laneTargetMs(lane: SourceSettings["lane"]): number {
  return TARGET_MS[lane];
}

export function generalPlan(file: FileShape): PlanSettings {
  return {
    persons: {
      match: file.persons?.match ?? ["email", "phone"],
      onMatch: file.persons?.onMatch ?? "fillEmpty",
      country: file.persons?.country ?? null,
    },
    deals: { match: file.deals?.match ?? "submission" },
    notes: {
      reference: file.notes?.reference ?? true,
      format: file.notes?.format ?? "text",
      join: file.notes?.join ?? false,
    },
    onBadValue: file.onBadValue ?? "note",
  };
}

function planOf(source: SourceShape, general: PlanSettings): PlanSettings {
  return {
    persons: {
      match: source.persons?.match ?? general.persons.match,
      onMatch: source.persons?.onMatch ?? general.persons.onMatch,
      country: source.persons?.country ?? general.persons.country,
    },
    deals: { match: source.deals?.match ?? general.deals.match },
    notes: {
      reference: source.notes?.reference ?? general.notes.reference,
      format: source.notes?.format ?? general.notes.format,
      join: source.notes?.join ?? general.notes.join,
    },
    onBadValue: source.onBadValue ?? general.onBadValue,
    labels: labelsOf(source.map ?? null),
    unknownNames: source.map === undefined || source.map === null ? "note" : "hold",
  };
}

/** Settings of all sources, `import` added where the file does not name it. Problems go into `problems`. */
export function sourceSettings(file: FileShape, folder: string, problems: Problem[]): Record<string, SourceSettings> {
  const general = generalPlan(file);
  const shapes: Record<string, SourceShape> = { ...file.sources };
  shapes[IMPORT_SOURCE] ??= {};
  const settings = Object.entries(shapes).map(([name, shape]) => {
    checkName(name, problems);
    return [name, settingsOf(name, shape, planOf(shape, general), folder, problems)] as const;
  });
  checkSpools(settings, problems);
  return Object.fromEntries(settings);
}

function settingsOf(
  name: string,
  shape: SourceShape,
  plan: PlanSettings,
  folder: string,
  problems: Problem[],
): SourceSettings {
  // A spool is fed by something that happens now; a source without one gets files of missed submissions.
  const lane = shape.lane ?? (shape.spool === undefined ? "background" : "operational");
  const zone = shape.timezone ?? "UTC";
  return {
    name,
    spool: shape.spool === undefined ? null : resolvePath(folder, shape.spool),
    after: shape.after ?? "archive",
    lane,
    targetMs: shape.target ?? laneTargetMs(lane),
    sendFromMs: shape.sendFrom === undefined ? null : instant(shape.sendFrom, zone, name, problems),
    map: shape.map ?? null,
    restToNote: shape.restToNote ?? null,
    format: shape.format ?? null,
    records: shape.records ?? null,
    where: shape.where ?? null,
    timezone: zone,
    country: shape.country ?? null,
    encoding: shape.encoding ?? null,
    delimiter: shape.delimiter ?? null,
    revisions: shape.revisions ?? "report",
    sameWithinMs: shape.sameWithin === undefined || shape.sameWithin === 0 ? null : shape.sameWithin,
    plan,
  };
}

/** The name becomes part of every stamp, `SOURCE/KEY`, so it must be readable back. */
/** Whether a source may be called so. */
export function isSourceName(name: string): boolean {
  return !/[/\p{Cc}]/u.test(name) && name.trim() === name && name !== "" && name.length <= 100;
}

function checkName(name: string, problems: Problem[]): void {
  if (!isSourceName(name)) {
    const message = "is no name for a source: up to 100 characters without a slash, control characters or outer spaces";
    problems.push({ path: ["sources", name], message, at: "key" });
  }
}

function checkSpools(settings: readonly (readonly [string, SourceSettings])[], problems: Problem[]): void {
  const owners = new Map<string, string>();
  for (const [name, { spool }] of settings) {
    if (spool === null) continue;
    const other = owners.get(spool);
    if (other !== undefined) {
      problems.push({ path: ["sources", name, "spool"], message: `is the spool of ${other} too`, at: "value" });
    }
    owners.set(spool, name);
  }
}

function instant(text: string, zone: string, source: string, problems: Problem[]): number | null {
  const atMs = instantOf(text.trim().replace(" ", "T"), zone);
  if (Number.isFinite(atMs)) return atMs;
  const message = "must be an instant such as 2026-11-24T00:00:00+01:00";
  problems.push({ path: ["sources", source, "sendFrom"], message, at: "value" });
  return null;
}

const DAY_AND_OFFSET = /^(\d{4}-\d{2}-\d{2})T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(?:Z|[+-]\d{2}:\d{2})$/;

/** UTC ms, NaN for what is no instant. Only a local time needs luxon, which nearly every command would else load for this. */
function instantOf(text: string, zone: string): number {
  const day = DAY_AND_OFFSET.exec(text)?.[1];
  // Date takes the 30th of February for the second of March.
  if (day !== undefined && new Date(Date.parse(day)).getUTCDate() === Number(day.slice(-2))) return Date.parse(text);
  const { DateTime } = createRequire(import.meta.url)("luxon") as typeof import("luxon");
  return DateTime.fromISO(text, { zone }).toMillis();
}

/** Relative paths start at the config file's own folder. */
export function resolvePath(folder: string, path: string): string {
  return isAbsolute(path) ? path : resolve(folder, path);
}
