import { CrmledgerError } from "../domain/errors.ts";

/** An error as `--json` shows it. */
export function errorDocument(error: unknown): { code: string; message: string; hint: string | null } {
  if (error instanceof CrmledgerError) return { code: error.code, message: error.message, hint: error.hint ?? null };
  if (isForeignBuild(error)) {
    const message = "better-sqlite3 was built for another version of Node";
    return { code: "unexpected", message, hint: "npm rebuild better-sqlite3 (nothing was read, sent or written)" };
  }
  const message = error instanceof Error ? error.message : String(error);
  const hint = "This should not happen. Nothing that the ledger has is lost; please report it with --verbose's output.";
  return { code: "unexpected", message, hint };
}

function isForeignBuild(error: unknown): boolean {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  return code === "ERR_DLOPEN_FAILED" || String(message).includes("NODE_MODULE_VERSION");
}
