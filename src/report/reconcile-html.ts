import { escapeHtml, htmlPage } from "./html-text.ts";
import { count, counted, localTimeOf, span } from "./human.ts";
import type { ReconcileDocument, ReconcileItem, ReconcileTotals } from "./reconcile-document.ts";
import { reconcileRow } from "./reconcile-html-row.ts";
import { SCRIPT } from "./reconcile-html-script.ts";
import { STYLE } from "./reconcile-html-style.ts";
import { isOpen, meaningOf, repairLines, verdictText } from "./reconcile-words.ts";

/**
 * A check as one page that needs nothing else: no network, a plain table without scripts, and with them search, filters,
 * sorting and pages of rows. All data is escaped; only links to web pages are links.
 */
export function reconcileHtml(document: ReconcileDocument): string {
  const items = document.discrepancies;
  const body = `<a class="skip" href="#differences">Skip to the differences</a>
${headerOf(document)}
<main>
${doableOf(document)}
${notCheckedOf(document)}
<section class="totals" aria-label="Totals">
${kindsTable(items)}
${totalsTable(
  "By age",
  "Submitted",
  document.byAge.map(({ age, totals }) => [age, totals]),
)}
${totalsTable("By source", "Source", Object.entries(document.bySource))}
</section>
<section aria-labelledby="differences">
<h2 id="differences" tabindex="-1">Differences</h2>
${items.length === 0 ? "<p>There are none.</p>" : differencesOf(items)}
</section>
</main>
<footer><p>Written by crmledger from one check of source, ledger and CRM. It shows how things stood then.</p></footer>`;
  return htmlPage({ title: `crmledger: ${verdictText(document)}`, style: STYLE, script: SCRIPT, body });
}

function headerOf(document: ReconcileDocument): string {
  const { checked, matched, requests, scope } = document;
  const well = document.stopped === null && Object.values(document.counts).every((n) => n === 0);
  const facts: [string, string][] = [
    ["Checked", `${localTimeOf(document.checkedAt)}, in ${span(document.durationMs)}`],
    ["Submissions", `${count(checked)} checked, ${count(matched)} just as sent`],
    ["Source", scope.source ?? "all"],
    ["Submitted", rangeText(scope)],
    ["Cost", `${counted(requests.total, "request")}, ${count(requests.tokens)} tokens`],
  ];
  if (document.hold !== null) facts.push(["Held", document.hold.message]);
  const list = facts.map(([name, value]) => `<div><dt>${name}</dt><dd>${escapeHtml(value)}</dd></div>`).join("");
  return `<header>
<h1>Are all submissions in the CRM?</h1>
<p class="verdict ${well ? "well" : "unwell"}"><span aria-hidden="true">${well ? "✓" : "!"}</span> ${escapeHtml(verdictText(document))}</p>
<dl class="facts">${list}</dl>
</header>`;
}

function rangeText({ since, until }: ReconcileDocument["scope"]): string {
  if (since === null && until === null) return "at any time";
  const from = since === null ? "" : `from ${localTimeOf(since)}`;
  return `${from}${until === null ? "" : ` before ${localTimeOf(until)}`}`.trim();
}

function doableOf(document: ReconcileDocument): string {
  const lines = repairLines(document);
  if (lines.length === 0) return "";
  const list = lines.map(({ command, text }) => {
    const shown = escapeHtml(text.replaceAll("`", ""));
    return `<li>${command === null ? "" : `<code>${escapeHtml(command)}</code> `}${shown}</li>`;
  });
  return `<section aria-labelledby="doable"><h2 id="doable">What can be done</h2><ul>${list.join("")}</ul></section>`;
}

function notCheckedOf({ notChecked }: ReconcileDocument): string {
  if (notChecked.length === 0) return "";
  const list = notChecked.map((line) => `<li>${escapeHtml(line)}</li>`).join("");
  return `<section class="unseen" aria-labelledby="unseen"><h2 id="unseen">What this check could not see</h2><ul>${list}</ul></section>`;
}

function kindsTable(items: readonly ReconcileItem[]): string {
  const kinds = new Map<string, { class: string; open: number; fresh: number; closed: number }>();
  for (const item of items) {
    const row = kinds.get(item.kind) ?? { class: item.class, open: 0, fresh: 0, closed: 0 };
    if (isOpen(item)) row.open += 1;
    else row.closed += 1;
    if (item.state === "new") row.fresh += 1;
    kinds.set(item.kind, row);
  }
  if (kinds.size === 0) return "";
  const sorted = [...kinds].sort(
    ([a, x], [b, y]) => x.class.localeCompare(y.class) || y.open - x.open || a.localeCompare(b),
  );
  const rows = sorted.map(
    ([kind, row]) =>
      `<tr><th scope="row">${escapeHtml(kind)}<small>${escapeHtml(meaningOf(kind))}</small></th><td>${row.class}</td>` +
      `<td class="n">${count(row.open)}</td><td class="n">${count(row.fresh)}</td><td class="n">${count(row.closed)}</td></tr>`,
  );
  const heads = ["Kind", "Class", "Open", "New", "Settled"];
  return `<table class="small kinds"><caption>By kind</caption>${headRow(heads, 2)}<tbody>${rows.join("")}</tbody></table>`;
}

function totalsTable(caption: string, first: string, totals: readonly (readonly [string, ReconcileTotals])[]): string {
  if (totals.length === 0) return "";
  const rows = totals.map(
    ([name, { checked, matched, breaks, edits }]) =>
      `<tr><th scope="row">${escapeHtml(name)}</th>${[checked, matched, breaks, edits].map((n) => `<td class="n">${count(n)}</td>`).join("")}</tr>`,
  );
  const heads = [first, "Checked", "As sent", "Breaks", "Edits"];
  return `<table class="small"><caption>${caption}</caption>${headRow(heads, 1)}<tbody>${rows.join("")}</tbody></table>`;
}

function headRow(heads: readonly string[], firstNumber: number): string {
  const cells = heads.map(
    (head, index) => `<th scope="col"${index >= firstNumber ? ' class="n"' : ""}>${escapeHtml(head)}</th>`,
  );
  return `<thead><tr>${cells.join("")}</tr></thead>`;
}

const HEADS = ["Kind", "Submission", "CRM record", "What is so", "Expected", "Actual", "Since", "Repair"];

function differencesOf(items: readonly ReconcileItem[]): string {
  const heads = HEADS.map((head) => `<th scope="col" role="columnheader">${head}</th>`).join("");
  return `<form class="controls" role="search" aria-label="Differences" hidden>
<p class="wide"><label for="search">Search</label><input id="search" type="search" autocomplete="off" spellcheck="false" aria-describedby="shown"></p>
${filterOf("class", "Class", items)}${filterOf("kind", "Kind", items)}${filterOf("state", "State", items)}${filterOf("source", "Source", items)}
<p><button type="reset">Show all</button></p>
</form>
<p id="shown" role="status">${counted(items.length, "difference")}</p>
<table id="list" role="table"><caption>Each difference, with what the ledger expects and what the CRM has</caption>
<thead role="rowgroup"><tr role="row">${heads}</tr></thead>
<tbody role="rowgroup">
${items.map(reconcileRow).join("\n")}
</tbody></table>
<nav class="pages" aria-label="Pages of differences" hidden><button type="button" id="previous">Previous</button><span id="page"></span><button type="button" id="next">Next</button></nav>`;
}

function filterOf(name: "class" | "kind" | "state" | "source", label: string, items: readonly ReconcileItem[]): string {
  const counts = new Map<string, number>();
  for (const item of items) counts.set(item[name] ?? "", (counts.get(item[name] ?? "") ?? 0) + 1);
  const options = [...counts]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([value, n]) => `<option value="=${escapeHtml(value)}">${escapeHtml(value || "none")} (${count(n)})</option>`);
  return `<p><label for="by-${name}">${label}</label><select id="by-${name}" data-filter="${name}"><option value="">all</option>${options.join("")}</select></p>`;
}
