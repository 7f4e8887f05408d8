import { csvCell } from "../domain/csv-cell.ts";
import { escapeHtml, htmlPage } from "./html-text.ts";
import { count, counted, localTimeOf, span } from "./human.ts";
import { STYLE } from "./reconcile-html-style.ts";
import { safeLine } from "./safe-text.ts";
import type { Style } from "./style.ts";
import { pairs } from "./table.ts";

/** The document of `report --json`. Instants are RFC 3339 in UTC; `to` is exclusive. */
export interface ReportDocument {
  from: string;
  to: string;
  source: string | null;
  received: number;
  delivered: { asSent: number; edited: number; merged: number; deleted: number; missing: number };
  duplicate: number;
  skipped: number;
  rejected: number;
  conflict: number;
  failed: number;
  dropped: number;
  waiting: number;
  /** Of those that wait. */
  overdue: number;
  history: number;
  delaySeconds: { p50: number | null; p95: number | null; max: number | null };
  accountedFor: boolean;
  /** Records of `--against` that the ledger doesn't know. */
  unknown: {
    source: string;
    key: string;
    email: string | null;
    submittedAt: string | null;
    file: string;
    line: number | null;
  }[];
  /** When the CRM was looked at for what people changed, and at which submissions; null: never. */
  lastCheck: { at: string; source: string | null; since: string | null; until: string | null } | null;
  /** Open breaks among them that only a check can see. */
  openBreaks: number;
}

const MONTHS = "January February March April May June July August September October November December".split(" ");

/** The time that a report is about: a whole month of this machine's zone by its name. */
export function periodText({ from, to }: Pick<ReportDocument, "from" | "to">): string {
  const start = new Date(from);
  const next = new Date(start.getFullYear(), start.getMonth() + 1, 1);
  const isMonth = start.getDate() === 1 && start.getHours() === 0 && start.getMinutes() === 0;
  if (isMonth && next.getTime() === Date.parse(to)) return `in ${MONTHS[start.getMonth()]} ${start.getFullYear()}`;
  return `from ${localTimeOf(from)} to ${localTimeOf(to)}`;
}

/** The answer to "did we lose any?" in one sentence. */
export function answerText(report: ReportDocument): string {
  const { delivered } = report;
  const submissions = report.received - report.duplicate - report.skipped;
  const there = delivered.asSent + delivered.edited + delivered.merged;
  const rest = (
    [
      [delivered.deleted, "were deleted there by people", "was deleted there by somebody"],
      [delivered.missing, "are missing there", "is missing there"],
      [report.waiting, "wait to be sent", "waits to be sent"],
      [report.failed, "failed", "failed"],
      [report.rejected, "could not be read", "could not be read"],
      [report.conflict, "contradict an earlier one", "contradicts an earlier one"],
      [report.dropped, "were set aside", "was set aside"],
      [report.history, "are history that is never sent", "is history that is never sent"],
    ] as const
  )
    .filter(([n]) => n > 0)
    .map(([n, many, one]) => `${count(n)} ${n === 1 ? one : many}`);
  const unknown = report.unknown.length;
  const needy = needing(report);
  const lost =
    unknown > 0
      ? `${count(unknown)} of the export never came in here`
      : delivered.missing > 0
        ? `look at ${delivered.missing === 1 ? "the one that is" : "those that are"} missing`
        : needy === 0
          ? "none is lost"
          : `none is lost, ${count(needy)} ${needy === 1 ? "needs" : "need"} a person`;
  const period = periodText(report);
  if (submissions === 0) return `No submission came ${period}${unknown > 0 ? `; ${lost}` : ""}.`;
  const of = `Of ${counted(submissions, "submission")} ${period}, ${count(there)} ${there === 1 ? "is" : "are"} in the CRM`;
  return `${[of, ...rest].join(", ")}; ${lost}.`;
}

/** What waits for somebody to decide or to look. */
function needing({ failed, rejected, conflict, overdue }: ReportDocument): number {
  return failed + rejected + conflict + overdue;
}

/** Nothing is open: what `report` exits with 0 for. */
export function isClean(report: ReportDocument): boolean {
  return needing(report) + report.openBreaks + report.unknown.length === 0;
}

type Line = readonly [name: string, count: number, meaning: string];

function linesOf(report: ReportDocument): Line[] {
  const { delivered } = report;
  return [
    ["received", report.received, "all records that came in: the sum of the lines below"],
    ["in the CRM as sent", delivered.asSent, "nobody has changed it"],
    ["edited", delivered.edited, "in the CRM; people changed it there"],
    ["merged", delivered.merged, "in the CRM; people merged its person or organization into another"],
    ["deleted", delivered.deleted, "was in the CRM; people deleted a part of it there"],
    ["missing", delivered.missing, "was written, and is not there any more: see crmledger reconcile"],
    ["duplicate", report.duplicate, "came again; the first one counts above"],
    ["skipped", report.skipped, "left out by the source's `where`"],
    ["rejected", report.rejected, "could not become a submission: see crmledger rejects"],
    ["conflict", report.conflict, "a known id with other content: see crmledger rejects"],
    ["failed", report.failed, "stopped with an error: see crmledger failed"],
    ["dropped", report.dropped, "set aside by a person"],
    ["waiting", report.waiting, report.overdue > 0 ? `${count(report.overdue)} of them overdue` : "will be sent"],
    ["history", report.history, "older than the source's `sendFrom`: never sent"],
  ];
}

function notesOf(report: ReportDocument): string[] {
  const { lastCheck, delaySeconds, source, openBreaks } = report;
  const { p50, p95, max } = delaySeconds;
  const delays =
    p50 === null || p95 === null || max === null
      ? []
      : [
          `From form to CRM: half within ${span(p50 * 1000)}, 95 of 100 within ${span(p95 * 1000)}, at most ${span(max * 1000)}.`,
        ];
  const scope = lastCheck === null ? "" : scopeText(lastCheck);
  const checked =
    lastCheck === null
      ? "No reconcile has looked at the CRM yet: all that was delivered counts as sent. `--fresh` looks."
      : `What people changed in the CRM is as the reconcile of ${localTimeOf(lastCheck.at)} found it${scope}. \`--fresh\` looks again.`;
  return [
    ...delays,
    ...(openBreaks > 0
      ? [`${counted(openBreaks, "break is", "breaks are")} open: crmledger reconcile names them.`]
      : []),
    checked,
    `${source === null ? "All sources" : `Source ${source}`}, by the time of the form, ${localTimeOf(report.from)} up to, not including, ${localTimeOf(report.to)}; times are of this machine's zone.`,
  ];
}

function scopeText({ source, since, until }: NonNullable<ReportDocument["lastCheck"]>): string {
  const parts = [
    source === null ? "" : `of source ${source}`,
    since === null ? "" : `submitted from ${localTimeOf(since)}`,
    until === null ? "" : `before ${localTimeOf(until)}`,
  ].filter((part) => part !== "");
  return parts.length === 0 ? "" : ` (it looked only at what was ${parts.join(", ")})`;
}

const unknownText = ({ source, key, email, file, line }: ReportDocument["unknown"][number]): string =>
  `${source}/${key}${email === null ? "" : ` ${email}`} (${file}${line === null ? "" : `, line ${line}`})`;

export function renderReport(report: ReportDocument, style: Style): string {
  const isGood = isClean(report);
  const shown = linesOf(report).filter(([name, n]) => n > 0 || name === "received");
  const width = Math.max(...shown.map(([, n]) => count(n).length));
  const rows = shown.map(([name, n, meaning]): [string, string] => [
    name,
    `${count(n).padStart(width)}  ${style.dim(meaning)}`,
  ]);
  const unknown = report.unknown.map((one) => style.red(`  ${safeLine(unknownText(one))}`));
  const parts = [
    style.bold((isGood ? style.green : style.red)(answerText(report))),
    pairs(rows, style),
    ...(unknown.length === 0 ? [] : [`Not known here:\n${unknown.join("\n")}`]),
    notesOf(report).map(safeLine).join("\n"),
  ];
  return `${parts.join("\n\n")}\n`;
}

/** One line for each fate, then one for each record that is not known. */
export function reportCsv(report: ReportDocument): string {
  const { from, to, unknown, delaySeconds } = report;
  const fates = Object.entries(report.delivered).map(([name, n]): [string, number] => [`delivered.${name}`, n]);
  const names = ["duplicate", "skipped", "rejected", "conflict", "failed", "dropped", "waiting", "history"] as const;
  const delays = Object.entries(delaySeconds).map(([name, n]) => [`delaySeconds.${name}`, n === null ? "" : String(n)]);
  const rows = [
    ["what", "value"],
    ["from", from],
    ["to", to],
    ["received", String(report.received)],
    ...[...fates, ...names.map((name): [string, number] => [name, report[name]])].map(([name, n]) => [name, String(n)]),
    ...delays,
    ["accountedFor", String(report.accountedFor)],
    ...unknown.map((one) => ["unknown", unknownText(one)]),
  ];
  return rows.map((cells) => `${cells.map((cell) => csvCell(cell ?? "")).join(",")}\r\n`).join("");
}

/** The report as one page that needs nothing else. */
export function reportHtml(report: ReportDocument): string {
  const isGood = isClean(report);
  const rows = linesOf(report).map(
    ([name, n, meaning]) =>
      `<tr><th scope="row">${escapeHtml(name)}</th><td class="n">${count(n)}</td><td><small>${escapeHtml(meaning.replaceAll("`", ""))}</small></td></tr>`,
  );
  const unknown = report.unknown.map((one) => `<li>${escapeHtml(unknownText(one))}</li>`).join("");
  const body = `<header>
<h1>Where is every submission?</h1>
<p class="verdict ${isGood ? "well" : "unwell"}"><span aria-hidden="true">${isGood ? "✓" : "!"}</span> ${escapeHtml(answerText(report))}</p>
</header>
<main>
<table class="small"><caption>Every record that came ${escapeHtml(periodText(report))}</caption>
<thead><tr><th scope="col">What became of it</th><th scope="col" class="n">Records</th><th scope="col">Meaning</th></tr></thead>
<tbody>${rows.join("\n")}</tbody></table>
${unknown === "" ? "" : `<h2>Not known here</h2><ul>${unknown}</ul>`}
</main>
<footer>${notesOf(report)
    .map((note) => `<p>${escapeHtml(note.replaceAll("`", ""))}</p>`)
    .join("")}</footer>`;
  return htmlPage({ title: `crmledger: ${answerText(report)}`, style: STYLE, body });
}
