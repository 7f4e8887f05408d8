import { counted } from "./human.ts";
import { submissionName } from "./reconcile-words.ts";
import { safeLine } from "./safe-text.ts";
import type { Style } from "./style.ts";
import { table } from "./table.ts";

const ROWS_SHOWN = 50;

interface Accepted {
  id: string;
  kind: string;
  source: string | null;
  key: string | null;
  message: string;
}

/** What `reconcile accept` closed, one line each. */
export function renderAccepted(rows: readonly Accepted[], why: string, style: Style): string {
  if (rows.length === 0) return "Nothing was open, so nothing was accepted.\n";
  const columns = [{ title: "ID" }, { title: "KIND" }, { title: "SUBMISSION", max: 48 }, { title: "WHAT", max: 60 }];
  const cells = rows.slice(0, ROWS_SHOWN).map((row) => [row.id, row.kind, submissionName(row), row.message]);
  const more = rows.length > ROWS_SHOWN ? `\nand ${rows.length - ROWS_SHOWN} more` : "";
  const what = counted(rows.length, "discrepancy", "discrepancies");
  return (
    `${table(columns, cells, style)}${more}\n\n` +
    `${what} accepted (${safeLine(why)}); the next reconcile does not count them\n`
  );
}
