import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CrmledgerError } from "../domain/errors.ts";
import type { Io } from "./io.ts";

/** A file that a person edits. Only its owner can read it. */
export interface EditedFile {
  path: string;
  /** Opens it in $VISUAL or $EDITOR and gives its text. Throws `usage` where there is no editor or it did not end well. */
  edit(): string;
  /** Whether it holds anything else than it began with. */
  changed(): boolean;
  remove(): void;
}

/** Puts `text` into a new file. Throws `usage` where no editor is set. */
export function fileToEdit(text: string, { env }: Pick<Io, "env">): EditedFile {
  const editor = env.VISUAL || env.EDITOR;
  if (!editor) {
    throw new CrmledgerError("usage", "No editor is set", {
      hint: "Set EDITOR, e.g. EDITOR=nano crmledger failed edit ID",
    });
  }
  const folder = mkdtempSync(join(tmpdir(), "crmledger-"));
  const path = join(folder, "record.json");
  writeFileSync(path, text, { mode: 0o600 });
  return {
    path,
    edit() {
      // Through the shell, as git does: EDITOR may hold arguments ("code --wait").
      const { status } = spawnSync("sh", ["-c", `${editor} "$1"`, "sh", path], { stdio: "inherit", env: { ...env } });
      if (status === 0) return readFileSync(path, "utf8");
      throw new CrmledgerError("usage", `The editor (${editor}) did not end well`, { hint: "Nothing was changed." });
    },
    changed() {
      try {
        return readFileSync(path, "utf8") !== text;
      } catch {
        return false;
      }
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
