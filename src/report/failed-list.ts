import { counted, localTimeOf } from "./human.ts";
import { safeLine } from "./safe-text.ts";
import type { Style } from "./style.ts";
import { type Column, table } from "./table.ts";

export interface FailedCause {
  cause: string;
  count: number;
  message: string;
  hint: string;
  submissions: { source: string; key: string; email: string | null; step: string | null; failedAt: string }[];
}

/** The document of `failed --json`. */
export interface FailedDocument {
  total: number;
  causes: FailedCause[];
}

const COLUMNS: Column[] = [
  { title: "SUBMISSION", max: 60, paint: (text, style) => style.cyan(text) },
  { title: "E-MAIL", max: 40 },
  { title: "STEP" },
  { title: "FAILED AT" },
];
const SHOWN_PER_CAUSE = 20;

export function renderFailed(failed: FailedDocument, style: Style): string {
  if (failed.total === 0) return "Nothing has failed.\n";
  const parts = [
    style.bold(`${counted(failed.total, "failed submission")}, ${counted(failed.causes.length, "cause")}`),
  ];
  for (const cause of failed.causes) parts.push(causeText(cause, style));
  parts.push(`Put them back with: ${style.bold("crmledger retry-failed --cause CODE")} (or an ID, or --all)`);
  return `${parts.join("\n\n")}\n`;
}

function causeText(cause: FailedCause, style: Style): string {
  const head = `${style.red(safeLine(cause.cause))}  ${counted(cause.count, "submission")}\n${safeLine(cause.message)}`;
  const hint = cause.hint === "" ? "" : `\nFix: ${safeLine(cause.hint)}`;
  const shown = cause.submissions.slice(0, SHOWN_PER_CAUSE);
  const rows = shown.map((one) => [`${one.source}/${one.key}`, one.email, one.step, localTimeOf(one.failedAt)]);
  const more = cause.count > shown.length ? `\nand ${cause.count - shown.length} more` : "";
  return `${head}${hint}\n${table(COLUMNS, rows, style)}${more}`;
}
