/** The files of a spool, oldest first. */
import { lstat, readdir, realpath } from "node:fs/promises";
import { join, sep } from "node:path";
import { CrmledgerError } from "../domain/errors.ts";
import type { SourceFormat, SourceSettings } from "../domain/settings.ts";
import { isAside } from "./acknowledge.ts";
import { formatOfName, isLeftAlone } from "./formats.ts";
import { errorCode } from "./open.ts";
import { shownName, type Warnings } from "./warnings.ts";

export interface SpoolFile {
  /** Path to open. */
  path: string;
  /** For people: path as the config gives it, control characters shown. */
  shown: string;
  /** A link inside the spool that led here; it goes when its file goes. */
  link: string | null;
  format: SourceFormat;
  modifiedAtMs: number;
  size: number;
}

/**
 * Lists what is to be read, by time and then name. What is none of our business is left alone silently, what can't be
 * read is named. A folder that is not there or not readable rejects with `spoolUnreadable`.
 */
export async function listSpool(source: SourceSettings, spool: string, warnings: Warnings): Promise<SpoolFile[]> {
  const files: SpoolFile[] = [];
  for (const name of await namesIn(source, spool)) {
    if (isLeftAlone(name)) continue;
    const file = await inspect(source, spool, name, warnings);
    if (file !== null) files.push(file);
  }
  return files.sort((a, b) => a.modifiedAtMs - b.modifiedAtMs || (a.path < b.path ? -1 : 1));
}

/** Whether a spool holds nothing that could be read. Rejects as `listSpool` does. */
export async function isEmptySpool(source: SourceSettings, spool: string): Promise<boolean> {
  return (await namesIn(source, spool)).every((name) => isLeftAlone(name) && !isAside(name));
}

async function namesIn(source: SourceSettings, spool: string): Promise<string[]> {
  try {
    return await readdir(spool);
  } catch (error) {
    const code = errorCode(error);
    const hint =
      code === "ENOENT"
        ? `Make the folder, or mend sources.${source.name}.spool.`
        : "Let the user that runs crmledger read and write this folder.";
    const message = `the spool of source ${source.name} can't be read (${code}): ${shownName(spool)}`;
    throw new CrmledgerError("spoolUnreadable", message, { hint, cause: error });
  }
}

async function inspect(
  source: SourceSettings,
  spool: string,
  name: string,
  warnings: Warnings,
): Promise<SpoolFile | null> {
  const path = join(spool, name);
  const shown = shownName(path);
  try {
    const stat = await lstat(path);
    const target = stat.isSymbolicLink() ? await linkTarget(spool, path) : path;
    if (target === null) return skipped(warnings, shown, "it is a link that leaves the spool");
    const found = target === path ? stat : await lstat(target);
    if (!found.isFile())
      return skipped(warnings, shown, found.isDirectory() ? "it is a folder" : "it is no regular file");
    const format = source.format ?? formatOfName(name);
    if (format === null) {
      return skipped(
        warnings,
        shown,
        "its name tells no format (.json, .jsonl, .ndjson, .csv, .form); `format` of the source would",
      );
    }
    const { mtimeMs: modifiedAtMs, size } = found;
    return { path: target, shown, link: target === path ? null : path, format, modifiedAtMs, size };
  } catch (error) {
    // Gone since the folder was listed: its writer or another run moved it.
    if (errorCode(error) === "ENOENT" && (await isGone(path))) return null;
    return skipped(warnings, shown, `it can't be read (${errorCode(error)})`);
  }
}

function skipped(warnings: Warnings, shown: string, why: string): null {
  warnings.say(`${shown} is skipped: ${why}`);
  return null;
}

async function isGone(path: string): Promise<boolean> {
  return await lstat(path).then(
    () => false,
    () => true,
  );
}

/** Where a link leads, if that is inside the spool. */
async function linkTarget(spool: string, path: string): Promise<string | null> {
  const [root, target] = await Promise.all([realpath(spool), realpath(path)]);
  return target.startsWith(`${root}${sep}`) ? target : null;
}
