/** The archives of spools: what is older than somebody wants to keep goes. */
import { lstat, readdir, rmdir, unlink } from "node:fs/promises";
import { join } from "node:path";
import { ARCHIVE, holdsNothing } from "./acknowledge.ts";
import type { IngestFailpoint } from "./failpoints.ts";
import { errorCode } from "./open.ts";

const DAY_MS = 24 * 3_600_000;
/** The folder of a day, in UTC, as `archivePath` names it. */
const DAY = /^\d{4}-\d\d-\d\d$/;

/**
 * Removes files from the folders of days that ended before `beforeMs`, oldest day first, `filesMax` at the most, then the
 * folders that are empty. How many; what only kept a name (`holdsNothing`) goes too and is not counted. `kept` (paths) stay: they may still grow. Only plain files in folders of days: what else somebody put into the
 * archive is not ours. No archive: 0.
 */
export async function removeOldArchive(
  spool: string,
  beforeMs: number,
  kept: ReadonlySet<string>,
  filesMax: number,
  failpoint: IngestFailpoint,
): Promise<number> {
  const archive = join(spool, ARCHIVE);
  let removed = 0;
  for (const day of await oldDays(archive, beforeMs)) {
    const folder = join(archive, day);
    let left = 0;
    for (const name of await readdir(folder)) {
      const path = join(folder, name);
      if (removed >= filesMax) return removed;
      const found = await lstat(path);
      if (!kept.has(path) && found.isFile()) {
        await unlink(path);
        if (!holdsNothing(found)) removed += 1;
        failpoint("ingest.age.removed");
      } else left += 1;
    }
    if (left === 0) await rmdir(folder);
  }
  return removed;
}

async function oldDays(archive: string, beforeMs: number): Promise<string[]> {
  try {
    const isFolder = (await lstat(archive)).isDirectory();
    const entries = isFolder ? await readdir(archive, { withFileTypes: true }) : [];
    return entries
      .filter((entry) => entry.isDirectory() && DAY.test(entry.name) && Date.parse(entry.name) + DAY_MS <= beforeMs)
      .map(({ name }) => name)
      .sort();
  } catch (error) {
    if (errorCode(error) === "ENOENT") return [];
    throw error;
  }
}
