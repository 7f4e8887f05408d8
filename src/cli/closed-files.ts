import { accessSync, constants, readdirSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "../config/config.ts";
import { isLeftAlone } from "../ingest/formats.ts";
import type { ClosedFiles } from "../notify/facts.ts";

/** Files of a spool that are looked at one by one. */
const FILES_MAX = 10_000;

/** Sources with files in their spool that this user may not read. A folder that can't be listed ends the run (`spoolUnreadable`). */
export function closedFiles(config: Config | null): ClosedFiles[] {
  return Object.entries(config?.sources ?? {}).flatMap(([source, { spool }]) => {
    const files = spool === null ? 0 : closedIn(spool);
    return files === 0 ? [] : [{ source, files }];
  });
}

function closedIn(spool: string): number {
  try {
    const names = readdirSync(spool).filter((name) => !isLeftAlone(name));
    return names.slice(0, FILES_MAX).filter((name) => isClosed(join(spool, name))).length;
  } catch {
    return 0;
  }
}

/** A file that went meanwhile, or a link into nothing, is not closed. */
function isClosed(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EACCES";
  }
}
