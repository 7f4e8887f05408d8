import { counted, localTimeOf } from "./human.ts";
import { type RetrySampleDocument, sampleLine } from "./retry-sample-words.ts";
import { safeLine, shorten } from "./safe-text.ts";
import type { Style } from "./style.ts";
import { type Column, table } from "./table.ts";

export interface FailedCause {
  /** `CODE`, `CODE:SUBJECT` or `CODE:SUBJECT:VALUE`, for `retry-failed --cause`, which takes the first parts too. */
  cause: string;
  code: string;
  /** The field or operation that it is about; null where the code says all. */
  about: string | null;
  count: number;
  message: string;
  hint: string;
  /** Other messages of the same cause. */
  examples: string[];
  /** The command that puts these back. */
  retry: string;
  /** Samples that some of these wait for, with how many. */
  waitingFor: RetrySampleDocument[];
  submissions: {
    source: string;
    key: string;
    email: string | null;
    step: string | null;
    failedAt: string;
    /** `SOURCE/KEY` of the sample that it waits for; null: none. */
    waitsFor: string | null;
  }[];
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
const SHOWN_PER_CAUSE = 5;
const CAUSES_SHOWN = 30;
const EXAMPLE_LENGTH = 160;

/** Bounded, however many failed: the document has them all. */
export function renderFailed(failed: FailedDocument, style: Style): string {
  if (failed.total === 0) return "Nothing has failed.\n";
  const parts = [
    style.bold(`${counted(failed.total, "failed submission")}, ${counted(failed.causes.length, "cause")}`),
  ];
  for (const cause of failed.causes.slice(0, CAUSES_SHOWN)) parts.push(causeText(cause, style));
  const more = failed.causes.length - CAUSES_SHOWN;
  if (more > 0) parts.push(`and ${counted(more, "cause")} more: crmledger failed --json`);
  parts.push(`One of them: ${style.bold("crmledger failed show|edit|drop ID")}. All: crmledger retry-failed --all`);
  return `${parts.join("\n\n")}\n`;
}

function causeText(cause: FailedCause, style: Style): string {
  const lines = [
    `${style.red(safeLine(cause.cause))}  ${counted(cause.count, "submission")}`,
    safeLine(cause.message),
    ...cause.examples.map((example) => style.dim(`also: ${shorten(safeLine(example), EXAMPLE_LENGTH)}`)),
  ];
  if (cause.hint !== "") lines.push(`Fix: ${safeLine(cause.hint)}`);
  for (const sample of cause.waitingFor) lines.push(style.yellow(sampleLine(sample)));
  const waiting = cause.waitingFor.reduce((sum, sample) => sum + sample.waiting, 0);
  if (waiting < cause.count) lines.push(`Then: ${style.bold(safeLine(cause.retry))}`);
  const shown = cause.submissions.slice(0, SHOWN_PER_CAUSE);
  const rows = shown.map((one) => [`${one.source}/${one.key}`, one.email, one.step, localTimeOf(one.failedAt)]);
  lines.push(table(COLUMNS, rows, style));
  if (cause.count > shown.length) lines.push(`and ${cause.count - shown.length} more`);
  return lines.join("\n");
}
