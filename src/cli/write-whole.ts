import { renameSync, rmSync, writeFileSync } from "node:fs";
import { CrmledgerError } from "../domain/errors.ts";

/**
 * Puts text in the place of a file in one step: who reads it sees the old or the new one, never half of it. Throws
 * `diskFull`, or `usage` where it can't be written at all; then the old file is untouched.
 */
export function writeWhole(path: string, text: string, pid: number): void {
  const temporary = `${path}.${pid}.tmp`;
  try {
    writeFileSync(temporary, text, { mode: 0o644, flag: "wx" });
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    const { code = "" } = error as NodeJS.ErrnoException;
    const full = ["ENOSPC", "EDQUOT", "EFBIG"].includes(code);
    throw new CrmledgerError(full ? "diskFull" : "usage", `${path} can't be written (${code})`, {
      hint: "The file was left as it was.",
      cause: error,
    });
  }
}
