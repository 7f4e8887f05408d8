/** What becomes of a spool file once its records are committed. Never called before. */
import { lstat, mkdir, open, rename, unlink } from "node:fs/promises";
import { basename, dirname, extname, join } from "node:path";
import { CrmledgerError } from "../domain/errors.ts";
import { errorCode } from "./open.ts";

/** The folder in a spool with what is in the ledger. */
export const ARCHIVE = ".archive";

/** Whether a path lies in a spool's archive. */
export const isArchived = (path: string): boolean => path.includes(`/${ARCHIVE}/`);
/** Files of one name in one day's folder. */
const NAMESAKES_MAX = 10_000;

/** A free path in the day's folder of the spool's archive; the folder is made. */
export async function archivePath(spool: string, path: string, nowMs: number): Promise<string> {
  const folder = join(spool, ARCHIVE, new Date(nowMs).toISOString().slice(0, 10));
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const name = basename(path);
  const suffix = extname(name);
  const stem = name.slice(0, name.length - suffix.length);
  for (let count = 1; count <= NAMESAKES_MAX; count += 1) {
    const candidate = join(folder, count === 1 ? name : `${stem}~${count}${suffix}`);
    if (!(await isThere(candidate))) return candidate;
  }
  throw new CrmledgerError("spoolUnreadable", `${folder} is full of files called ${name}`, {
    hint: "Clear the archive.",
  });
}

async function isThere(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (errorCode(error) === "ENOENT") return false;
    throw error;
  }
}

/** Moves a file inside the spool, and makes that last through a power cut. A file that another run moved is fine. */
export async function moveFile(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if (errorCode(error) === "ENOENT") return;
    throw error;
  }
  await syncFolder(dirname(to));
  await syncFolder(dirname(from));
}

/** Deletes a file; one that is gone is fine. */
export async function deleteFile(path: string): Promise<void> {
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
