/** What becomes of a spool file once its records are committed. Never called before. */
import { link, lstat, mkdir, open, readdir, rename, unlink } from "node:fs/promises";
import { basename, dirname, extname, join } from "node:path";
import { CrmledgerError } from "../domain/errors.ts";
import type { IngestFailpoint } from "./failpoints.ts";
import { errorCode, type OpenedFile } from "./open.ts";

/** The folder in a spool with what is in the ledger. */
export const ARCHIVE = ".archive";

/** Whether a path lies in a spool's archive. */
export const isArchived = (path: string): boolean => path.includes(`/${ARCHIVE}/`);
/**
 * Whether a file in an archive is only a name that was kept for one (`archivePath`): a run that died before its rename leaves
 * it behind, and the real file gets the next name. It is never taken away while its day lasts: the run may be alive.
 */
export const holdsNothing = ({ size }: { size: number }): boolean => size === 0;

/** Files of one name in one day's folder. */
const NAMESAKES_MAX = 10_000;

/** Names the file that was read: what came under its name since is another one, and was not read. */
export type ReadFile = Pick<OpenedFile, "identity"> & Partial<Pick<OpenedFile, "size" | "modifiedAtMs">>;

/** `gone`: another run moved it, or its writer did. `other`: under its name is a file that was not read; it stays there. */
export type Moved = "moved" | "gone" | "other";

/**
 * A path in the day's folder of the spool's archive, with an empty file in it that keeps it from other runs: `moveFile`
 * puts the real one in its place, or takes it away.
 */
export async function archivePath(spool: string, path: string, nowMs: number): Promise<string> {
  return await freePath(spool, path, nowMs, async (candidate) => {
    await (await open(candidate, "wx", 0o600)).close();
  });
}

/** The path that `archivePath` would give now. Nothing keeps it from other runs, and nothing is left of it by a crash. */
export async function nextArchivePath(spool: string, path: string, nowMs: number): Promise<string> {
  return await freePath(spool, path, nowMs, async (candidate) => {
    if ((await look(candidate)) !== null) throw Object.assign(new Error("taken"), { code: "EEXIST" });
  });
}

type Take = (candidate: string) => Promise<void>;

async function freePath(spool: string, path: string, nowMs: number, take: Take): Promise<string> {
  const folder = join(spool, ARCHIVE, new Date(nowMs).toISOString().slice(0, 10));
  // One by one: of a full disk the recursive way says ENOENT.
  for (const path of [dirname(folder), folder]) await makeFolder(path);
  const free = await firstFree(folder, basename(path), take);
  if (free !== null) return free;
  throw new CrmledgerError("spoolUnreadable", `${folder} is full of files called ${basename(path)}`, {
    hint: "Clear the archive.",
  });
}

async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    if (errorCode(error) !== "EEXIST") throw error;
  }
}

/** The first of `name`, `name~2`, ... that `take` could have; null where all are taken. */
async function firstFree(folder: string, name: string, take: Take): Promise<string | null> {
  const suffix = extname(name);
  const stem = name.slice(0, name.length - suffix.length);
  for (let count = 1; count <= NAMESAKES_MAX; count += 1) {
    const candidate = join(folder, count === 1 ? name : `${stem}~${count}${suffix}`);
    try {
      await take(candidate);
      return candidate;
    } catch (error) {
      if (errorCode(error) !== "EEXIST") throw error;
    }
  }
  return null;
}

/**
 * Moves the file that was read to `to`, which `archivePath` gave, and makes that last through a power cut. Between a look
 * and a rename a writer may put another file there: so what was moved is looked at, and what was not read goes back.
 */
export async function moveFile(from: string, to: string, read: ReadFile): Promise<Moved> {
  let moved: Moved = "other";
  try {
    moved = await moveOnlyRead(from, to, read);
  } finally {
    if (moved !== "moved") await deleteFile(to);
  }
  if (moved === "moved") {
    await syncFolder(dirname(to));
    await syncFolder(dirname(from));
  }
  return moved;
}

/** Deletes the file that was read; one that is gone is fine, and one that came under its name stays. */
export async function deleteReadFile(path: string, read: ReadFile, failpoint: IngestFailpoint): Promise<Moved> {
  // No listing shows it, and no other file can have this name.
  const aside = join(dirname(path), `.${basename(path)}.${read.identity.replace(":", "-")}.tmp`);
  const moved = await moveOnlyRead(path, aside, read);
  failpoint("ingest.acknowledge.aside");
  if (moved === "moved") await deleteFile(aside);
  return moved;
}

const ASIDE = /^\.(.+)\.\d+-\d+\.tmp$/;

export const isAside = (name: string): boolean => ASIDE.test(name);

/**
 * What a run that died had put aside, to delete it or to give it back, is a file of the spool again: known records are
 * duplicates. What can't be given back now stays for the next run.
 */
export async function giveBackAsides(spool: string): Promise<void> {
  for (const name of (await readdir(spool).catch(() => [])).filter(isAside)) {
    const aside = join(spool, name);
    const given = await firstFree(spool, ASIDE.exec(name)![1]!, (candidate) => link(aside, candidate)).catch(
      () => null,
    );
    if (given !== null) await deleteFile(aside);
  }
}

async function moveOnlyRead(from: string, to: string, read: ReadFile): Promise<Moved> {
  const before = await look(from);
  if (before === null) return "gone";
  if (!isSame(before, read)) return "other";
  try {
    await rename(from, to);
  } catch (error) {
    if (errorCode(error) === "ENOENT") return "gone";
    throw error;
  }
  const after = await look(to);
  if (after === null || isSame(after, read)) return "moved";
  await firstFree(dirname(from), basename(from), (candidate) => link(to, candidate));
  return "other";
}

/** What is there now, links not followed; null: nothing. */
async function look(path: string): Promise<Required<ReadFile> | null> {
  try {
    const { dev, ino, size, mtimeMs } = await lstat(path, { bigint: true });
    return { identity: `${dev}:${ino}`, size: Number(size), modifiedAtMs: Number(mtimeMs) };
  } catch (error) {
    if (errorCode(error) === "ENOENT") return null;
    throw error;
  }
}

const isSame = (found: Required<ReadFile>, { identity, size, modifiedAtMs }: ReadFile): boolean =>
  found.identity === identity &&
  (size ?? found.size) === found.size &&
  (modifiedAtMs ?? found.modifiedAtMs) === found.modifiedAtMs;

/** Where in a folder a file is now; null: not there. */
export async function findFile(folder: string, identity: string): Promise<string | null> {
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    if ((await look(path))?.identity === identity) return path;
  }
  return null;
}

/**
 * Puts the file that was read in the place of the link in the spool that led to it, in one step: so no crash leaves a link
 * that leads nowhere. One that leads nowhere already goes; what else has the link's name by now stays.
 */
export async function replaceLink(path: string, link: string, read: ReadFile): Promise<void> {
  const isLink = await lstat(link).then(
    (found) => found.isSymbolicLink(),
    () => false,
  );
  if (!isLink) return;
  const found = await look(path);
  if (found === null) await deleteFile(link);
  else if (isSame(found, read)) await rename(path, link);
}

/** Deletes a file; one that is gone is fine. */
async function deleteFile(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (errorCode(error) !== "ENOENT") throw error;
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } catch (error) {
    // Some file systems can't sync a folder; the file is moved all the same.
    if (!["EINVAL", "ENOTSUP", "EPERM"].includes(errorCode(error))) throw error;
  } finally {
    await folder.close();
  }
}
