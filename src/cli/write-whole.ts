import {
  accessSync,
  chmodSync,
  closeSync,
  constants,
  fsyncSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import { CrmledgerError } from "../domain/errors.ts";

/** The name of a file that is standard output. */
export const STDOUT = "-";

/** Throws `usage` where the option's file is `-`, and standard output has to say something else. */
export function refuseStdout(option: string, file: string | undefined, why: string, hint: string): void {
  if (file === STDOUT) throw new CrmledgerError("usage", `${option} can't be standard output: ${why}`, { hint });
}

/** Names of what this process has open: opened anew, not replaced. */
const OPEN_FILES = /^\/(dev\/(fd\/|std(out|err)$)|proc\/)/;

/**
 * Where a file's text goes: a link's own file, so that the link stays. Null for a device or a pipe, such as `/dev/stdout`:
 * a rename would do away with it, so it is written to as it is.
 */
export function placeOf(path: string): string | null {
  if (OPEN_FILES.test(path)) return null;
  const there = statSync(path, { throwIfNoEntry: false });
  if (there === undefined || there.isDirectory()) return path;
  return there.isFile() ? realpathSync(path) : null;
}

/**
 * Puts text in the place of a file in one step: who reads it sees the old or the new one, never half of it. Throws
 * `diskFull`, or `usage` where it can't be written at all; then the old file is untouched. `mode` is of the new file.
 */
export function writeWhole(path: string, text: string, pid: number, mode = 0o644): void {
  putInPlace(path, text, pid, mode, false);
}

/** The same for what another user must read, whatever this one's umask keeps from others. */
export function writeForAll(path: string, text: string, pid: number): void {
  putInPlace(path, text, pid, 0o644, true);
}

/**
 * The same for what holds people's names and addresses: its owner's alone, until somebody opened it to others. Then it keeps the
 * mode that they gave it, whatever the umask of a later run.
 */
export function writePrivate(path: string, text: string, pid: number): void {
  // Looked at first: of a folder that is closed to this user the mode can't be asked.
  placeToWrite(path);
  putInPlace(path, text, pid, privateMode(path), true);
}

/** The same, and an error in the words of the other ones: a folder that this user may not look into has no place either. */
function placeToWrite(path: string): string | null {
  try {
    return placeOf(path);
  } catch (error) {
    throw unwritable(path, error);
  }
}

function putInPlace(path: string, text: string, pid: number, mode: number, exactly: boolean): void {
  const place = placeToWrite(path);
  const temporary = `${place}.${pid}.tmp`;
  try {
    if (place === null) {
      writeFileSync(path, text, { flag: "a" });
      return;
    }
    writeFileSync(temporary, text, { mode, flag: "wx" });
    if (exactly) chmodSync(temporary, mode);
    renameSync(temporary, place);
  } catch (error) {
    if (place !== null) rmSync(temporary, { force: true });
    throw unwritable(path, error);
  }
}

/**
 * The same for text that comes in pieces, too much to hold at once. Only its owner may read the file. What `pieces` throws
 * is thrown on; then the old file is untouched too.
 */
export async function writePieces(path: string, pieces: AsyncIterable<string>, pid: number): Promise<void> {
  const place = placeToWrite(path);
  const temporary = `${place}.${pid}.tmp`;
  let file: number | null = null;
  try {
    file = place === null ? openSync(path, "a") : openSync(temporary, "wx", 0o600);
    for await (const piece of pieces) writeFileSync(file, piece);
    if (place === null) return;
    fsyncSync(file);
    renameSync(temporary, place);
  } catch (error) {
    if (place !== null) rmSync(temporary, { force: true });
    throw error instanceof CrmledgerError ? error : unwritable(path, error);
  } finally {
    if (file !== null) closeSync(file);
  }
}

function unwritable(path: string, error: unknown): CrmledgerError {
  const { code = "" } = error as NodeJS.ErrnoException;
  const full = ["ENOSPC", "EDQUOT", "EFBIG"].includes(code);
  return new CrmledgerError(full ? "diskFull" : "usage", `${path} can't be written (${code})`, {
    hint: "The file was left as it was.",
    cause: error,
  });
}

function privateMode(path: string): number {
  return (statSync(path, { throwIfNoEntry: false })?.mode ?? 0o600) & 0o777;
}

/** Throws `usage` where `writeWhole` would fail: asked before work that costs something, not after it. */
export function refuseUnwritable(path: string): void {
  let folder = dirname(path);
  try {
    const place = placeOf(path);
    folder = place === null ? path : dirname(place);
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) throw Object.assign(new Error(), { code: "EISDIR" });
    accessSync(folder, constants.W_OK);
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    throw new CrmledgerError("usage", `${path} can't be written (${code})`, {
      hint:
        code === "EISDIR"
          ? "It is a folder: name a file in it. Nothing was done."
          : `Look at ${folder}. Nothing was done.`,
      cause: error,
    });
  }
}
