import { statSync } from "node:fs";
import { join, resolve } from "node:path";
import { IMPORT_SOURCE, isSourceName } from "../config/source-settings.ts";
import { CrmledgerError } from "../domain/errors.ts";
import type { InitSource } from "./config-text.ts";
import { vendors } from "./read-config.ts";

/** An answer that can't be taken; the question is asked again. */
export const refused = (message: string, hint: string): CrmledgerError =>
  new CrmledgerError("inputUnreadable", message, { hint });

/** Throws `configInvalid` for an address that no token may be sent to. */
export function checkAddress(baseUrl: string): void {
  vendors().pipedrive?.checkBaseUrl(baseUrl, []);
}

/** The name of a new source, or nothing. Throws `inputUnreadable` where the config could not have it. */
export function checkSourceName(text: string, sources: readonly InitSource[]): string {
  if (sources.some(({ name }) => name === text)) throw refused(`There is a source ${text} already`, "Another name.");
  if (text === IMPORT_SOURCE)
    throw refused(`${IMPORT_SOURCE} is what files of missed submissions are taken into`, "Another name.");
  if (text === "__proto__") throw refused(`${text} can't be the name of a source`, "Another name.");
  if (text.includes("/")) throw refused("A source's name has no slash", "The folder is asked for next.");
  if (text === "" || isSourceName(text)) return text;
  throw refused("A source's name has up to 100 characters, and no control characters", "Another name.");
}

/**
 * A spool's folder as the config will have it. At a question no shell reads the `~`. Throws `inputUnreadable` where something
 * else is in its place, or it is another source's.
 */
export function checkSpoolFolder(
  text: string,
  { sources, folder, home }: { sources: readonly InitSource[]; folder: string; home: string },
): string {
  const spool = /^~(\/|$)/.test(text) ? join(home, text.slice(1)) : text;
  const path = resolve(folder, spool);
  const owner = sources.find((source) => resolve(folder, source.spool) === path);
  if (owner !== undefined) throw refused(`${path} is the folder of ${owner.name}`, "Each source has its own.");
  if (kindOf(path) === "other")
    throw refused(`${path} is no folder`, "Name another one; it is made where there is none.");
  return spool;
}

function kindOf(path: string): "folder" | "none" | "other" {
  try {
    const facts = statSync(path, { throwIfNoEntry: false });
    return facts === undefined ? "none" : facts.isDirectory() ? "folder" : "other";
  } catch {
    // Something above it is no folder, or closed to us.
    return "other";
  }
}
