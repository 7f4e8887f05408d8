/** Files that are none of our formats by their first bytes, whatever their name says. */
import type { CrmledgerError } from "../domain/errors.ts";
import type { SourceFormat } from "../domain/settings.ts";
import { foreignContent, hasOldMacLines } from "./formats.ts";
import { unreadable } from "./input.ts";

/** What to do about a file that can't be what it claims to be; null where it may be. */
export function noTable(shown: string, format: SourceFormat, head: Uint8Array): CrmledgerError | null {
  const foreign = foreignContent(head);
  if (foreign !== null)
    return unreadable(shown, `this is ${foreign}`, "Export it as CSV, JSON or JSONL; nothing of it was taken.");
  if (format !== "csv" || !hasOldMacLines(head)) return null;
  return unreadable(
    shown,
    "its lines end in CR alone, as old Mac programs write them, so all of it looks like one line",
    "Nothing of it was taken. Save it anew as CSV UTF-8, or: tr '\\r' '\\n' < FILE > NEW.csv",
  );
}
