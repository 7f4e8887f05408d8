import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CrmledgerError } from "../domain/errors.ts";
import type { Io } from "./io.ts";

/**
 * Lets a person edit a value as JSON in $VISUAL or $EDITOR and gives the result. The file is the owner's only and is
 * removed. Rejects with `usage` where no editor is set, `inputUnreadable` where the result is no JSON.
 */
export function editJson(value: unknown, { env }: Pick<Io, "env">): unknown {
  const editor = env.VISUAL || env.EDITOR;
  if (!editor) {
    throw new CrmledgerError("usage", "No editor is set", {
      hint: "Set EDITOR, e.g. EDITOR=nano crmledger failed edit ID",
    });
  }
  const folder = mkdtempSync(join(tmpdir(), "crmledger-"));
  const file = join(folder, "submission.json");
  try {
    writeFileSync(file, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 });
    // Through the shell, as git does: EDITOR may hold arguments ("code --wait").
    const { status } = spawnSync("sh", ["-c", `${editor} "$1"`, "sh", file], { stdio: "inherit", env: { ...env } });
    if (status !== 0) {
      throw new CrmledgerError("usage", "The editor did not end well", { hint: "Nothing was changed." });
    }
    return parse(readFileSync(file, "utf8"));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new CrmledgerError("inputUnreadable", `The edited text is no JSON: ${(error as Error).message}`, {
      hint: "Nothing was changed.",
    });
  }
}
