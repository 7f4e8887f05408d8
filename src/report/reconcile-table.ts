import { count, counted, localTimeOf, span } from "./human.ts";
import type { ReconcileDocument, ReconcileItem } from "./reconcile-document.ts";
import { isOpen, kindsText, openEdits, repairLines, submissionName, verdictText } from "./reconcile-words.ts";
import { safeLine, shorten } from "./safe-text.ts";
import type { Style } from "./style.ts";
import { type Column, table } from "./table.ts";

const MARKS = `! break, new   * break, known before   ~ changed by people   = accepted   + repaired   - gone`;

/** A check for a terminal: whether all is well, one line for each difference, and what can be done. */
export function renderReconcileTable(document: ReconcileDocument, style: Style, show: { edits: boolean }): string {
  const items = document.discrepancies.filter((item) => item.class === "break" || show.edits);
  const well = document.stopped === null && Object.values(document.counts).every((n) => n === 0);
  const parts = [style.bold((well ? style.green : style.red)(verdictText(document)))];
  if (items.length > 0) {
    parts.push(`${table(columnsFor(style), items.map(cellsOf), style)}\n${style.dim(MARKS)}`);
  }
  const doable = repairLines(document).map(({ command, text }) =>
    command === null ? text : `${style.bold(command)}  ${text}`,
  );
  if (doable.length > 0) parts.push(doable.join("\n"));
  const unseen = document.notChecked.map((line) => `Not checked: ${safeLine(line)}`);
  if (unseen.length > 0) parts.push(style.yellow(unseen.join("\n")));
  parts.push(...totalLines(document, show, style));
  return `${parts.join("\n\n")}\n`;
}

function columnsFor(style: Style): Column[] {
  return [
    { title: "" },
    { title: "ID" },
    { title: "KIND" },
    { title: "SUBMISSION", max: 48, paint: (text, { cyan }) => cyan(text) },
    { title: "CRM", max: 32 },
    { title: "WHAT", max: Math.max(60, style.width - 60) },
  ];
}

function cellsOf(item: ReconcileItem): (string | null)[] {
  const record = item.crm === null ? null : `${item.crm.type} ${item.crm.id}`;
  const what = item.state === "accepted" && item.why !== null ? `${item.message} (${item.why})` : item.message;
  return [markOf(item), item.id, item.kind, submissionName(item), record, what];
}

function markOf({ class: which, state }: ReconcileItem): string {
  if (state === "accepted") return "=";
  if (state === "repaired") return "+";
  if (state === "gone") return "-";
  if (which === "edit") return "~";
  return state === "new" ? "!" : "*";
}

function totalLines(document: ReconcileDocument, show: { edits: boolean }, style: Style): string[] {
  const { checked, matched, requests, durationMs, scope, hold } = document;
  const edits = openEdits(document);
  const settled = document.discrepancies.filter((item) => !isOpen(item)).length;
  const lines = [
    `${counted(checked, "submission")} checked, ${count(matched)} just as sent; ${counted(requests.total, "request")}, ` +
      `${count(requests.tokens)} tokens, ${span(durationMs)}`,
  ];
  if (edits > 0) {
    const more = show.edits ? "" : "; --edits lists them";
    lines.push(`People changed ${count(edits)} (${kindsText(document.edits)})${more}`);
  }
  if (settled > 0) lines.push(`${counted(settled, "earlier one is", "earlier ones are")} accepted, repaired or gone`);
  const bounds = [
    scope.source === null ? "" : `of ${scope.source}`,
    scope.since === null ? "" : `submitted from ${localTimeOf(scope.since)}`,
    scope.until === null ? "" : `before ${localTimeOf(scope.until)}`,
  ].filter((bound) => bound !== "");
  if (bounds.length > 0) lines.push(`Only what was ${bounds.join(", ").replace(/^of /, "of source ")}`);
  if (hold !== null) lines.push(style.yellow(`Held: ${shorten(safeLine(hold.message), 200)}`));
  return [lines.join("\n")];
}
