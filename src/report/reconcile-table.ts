import { count, counted, localTimeOf, span } from "./human.ts";
import type { ReconcileDocument, ReconcileItem } from "./reconcile-document.ts";
import { isOpen, kindsText, openEdits, repairLines, submissionName, verdictText, whatText } from "./reconcile-words.ts";
import { safeLine, shorten } from "./safe-text.ts";
import type { Style } from "./style.ts";
import { type Column, table } from "./table.ts";

const MARKS = "! new   * known before   ~ changed by people";
/** Lines for each kind, so that a flood of one hides no other; CSV, JSON and HTML have all. */
const ROWS_OF_KIND = 20;
/** Behind more lines than this the first one has left the screen. */
const LONG_ROWS = 20;
const SUBMISSION_MAX = 48;
/** Below this much room for the last column its text gets a line of its own. */
const WHAT_MIN = 44;

/** A check for a terminal: whether all is well, one line for each open difference, and what can be done. */
export function renderReconcileTable(document: ReconcileDocument, style: Style, show: { edits: boolean }): string {
  const items = document.discrepancies
    .filter((item) => isOpen(item) && (item.class === "break" || show.edits))
    .sort((one, other) => rank(one) - rank(other));
  const well = document.stopped === null && Object.values(document.counts).every((n) => n === 0);
  const parts = [style.bold((well ? style.green : style.red)(verdictText(document)))];
  if (items.length > 0) parts.push(listOf(items, style));
  const doable = repairLines(document).map(({ command, text }) =>
    command === null ? text : `${style.bold(command)}  ${text}`,
  );
  if (doable.length > 0) parts.push(doable.join("\n"));
  const unseen = document.notChecked.map((line) => `Not checked: ${safeLine(line)}`);
  if (unseen.length > 0) parts.push(style.yellow(unseen.join("\n")));
  parts.push(totalLines(document, show, style).join("\n"));
  if (items.length > LONG_ROWS) parts.push(parts[0]!);
  return `${parts.join("\n\n")}\n`;
}

const rank = (item: ReconcileItem): number => (item.class === "edit" ? 2 : item.state === "new" ? 0 : 1);

function listOf(items: readonly ReconcileItem[], style: Style): string {
  const { shown, more } = firstOfEachKind(items);
  const rows = shown.map((item) => [
    item.class === "edit" ? "~" : item.state === "new" ? "!" : "*",
    item.id,
    item.kind,
    submissionName(item),
    item.crm === null ? null : `${item.crm.type} ${item.crm.id}`,
  ]);
  const columns: Column[] = [
    { title: "" },
    { title: "ID" },
    { title: "KIND" },
    { title: "SUBMISSION", max: SUBMISSION_MAX, paint: (text, { cyan }) => cyan(text) },
    { title: "CRM", max: 32 },
  ];
  const used = columns.reduce((sum, { title, max }, at) => {
    const widest = Math.max(title.length, ...rows.map((row) => (row[at] ?? "-").length));
    return sum + Math.min(widest, max ?? 200) + 2;
  }, 0);
  const room = style.width - used;
  const whats = shown.map(whatText);
  const text =
    room >= WHAT_MIN
      ? table([...columns, { title: "WHAT", max: room }], withLast(rows, whats), style)
      : interleaved(table(columns, rows, style), whats, style);
  const rest = more === "" ? "" : `\nand ${more} more: --out FILE.html has them all`;
  return `${text}${rest}\n${style.dim(MARKS)}`;
}

function firstOfEachKind(items: readonly ReconcileItem[]): { shown: ReconcileItem[]; more: string } {
  const seen: Record<string, number> = {};
  const shown = items.filter(({ kind }) => {
    seen[kind] = (seen[kind] ?? 0) + 1;
    return seen[kind] <= ROWS_OF_KIND;
  });
  const more = Object.entries(seen).map(([kind, n]) => [kind, n - ROWS_OF_KIND] as const);
  return { shown, more: kindsText(Object.fromEntries(more)) };
}

const withLast = (rows: (string | null)[][], last: readonly string[]): (string | null)[][] =>
  rows.map((row, index) => [...row, last[index]!]);

/** Under each row what is so, for terminals that have no room beside it. */
function interleaved(rows: string, whats: readonly string[], style: Style): string {
  const [head, ...lines] = rows.split("\n");
  const pairs = lines.flatMap((line, index) => [
    line,
    `     ${shorten(safeLine(whats[index]!), Math.max(40, style.width * 2 - 10))}`,
  ]);
  return [head, ...pairs].join("\n");
}

function totalLines(document: ReconcileDocument, show: { edits: boolean }, style: Style): string[] {
  const { checked, matched, requests, durationMs, scope, hold } = document;
  const edits = openEdits(document);
  const settled = document.discrepancies.filter((item) => !isOpen(item));
  const lines: string[] = [];
  const bounds = [
    scope.source === null ? "" : `of ${scope.source}`,
    scope.since === null ? "" : `from ${localTimeOf(scope.since)} on`,
    scope.until === null ? "" : `before ${localTimeOf(scope.until)}`,
  ].filter((bound) => bound !== "");
  if (bounds.length > 0) lines.push(`Looked only at submissions ${bounds.join(", ")}`);
  lines.push(
    `${counted(checked, "submission")} checked, ${count(matched)} just as sent; ${counted(requests.total, "request")}, ` +
      `${counted(requests.tokens, "token")}, ${span(durationMs)}`,
  );
  if (edits > 0) {
    const more = show.edits ? "" : "; --edits lists them";
    lines.push(`People changed ${count(edits)} (${kindsText(document.edits)})${more}`);
  }
  if (settled.length > 0) {
    const states: Record<string, number> = {};
    for (const { state } of settled) states[state] = (states[state] ?? 0) + 1;
    lines.push(`Settled: ${kindsText(states)}; --json and --out FILE have them`);
  }
  if (hold !== null) lines.push(style.yellow(`Held: ${shorten(safeLine(hold.message), 200)}`));
  return lines;
}
