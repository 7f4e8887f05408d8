import { CrmledgerError } from "../domain/errors.ts";

/** An error as `--json` shows it. */
export function errorDocument(error: unknown): { code: string; message: string; hint: string | null } {
  if (error instanceof CrmledgerError) return { code: error.code, message: error.message, hint: error.hint ?? null };
  const message = error instanceof Error ? error.message : String(error);
  const hint = "This should not happen. Nothing that the ledger has is lost; please report it with --verbose's output.";
  return { code: "unexpected", message, hint };
}
