import { type Chart, chartsOf } from "./history-charts.ts";
import type { StatusHistory } from "./history-frame.ts";
import { delayOf, RANGES, shownLane, slotsOf } from "./history-slots.ts";
import { escapeHtml, htmlPage } from "./html-text.ts";
import { count, counted, localTime, localTimeOf, span } from "./human.ts";
import { shorten } from "./safe-text.ts";
import { SCRIPT } from "./status-html-script.ts";
import { STYLE } from "./status-html-style.ts";
import { type StatusDocument, statusRows } from "./status-page.ts";
import type { Style } from "./style.ts";

const TEXT_MAX = 400;

/**
 * A status as one page that needs nothing else: no network, charts as SVG, each with a table; it works without scripts.
 * `plain` is a style without colour. For a file that a web server shows. Names of sources and causes, nothing of a person.
 */
export function renderStatusHtml(status: StatusDocument, history: StatusHistory, plain: Style): string {
  const level = levelOf(status);
  const body = `<a class="skip" href="#history">Skip to the charts</a>
<header>
<h1>crmledger</h1>
<p class="verdict ${level}">${escapeHtml(verdictOf(status, level))}</p>
${cardsOf(status, history)}
</header>
<main>
${needsOf(status)}
<section aria-labelledby="facts"><h2 id="facts">In words</h2><dl class="facts">${factsOf(status, plain, history.nowMs)}</dl></section>
${historyOf(history)}
</main>
<footer><p>Written ${escapeHtml(localTime(history.nowMs))}; times are of that machine. <label hidden><input type="checkbox" id="refresh" checked>Load anew every minute</label></p></footer>`;
  return htmlPage({ title: `crmledger: ${level}`, style: STYLE, script: SCRIPT, body });
}

type Level = "ok" | "warning" | "critical";

function levelOf({ alerts }: StatusDocument): Level {
  if (alerts.some(({ level }) => level === "critical")) return "critical";
  return alerts.length > 0 ? "warning" : "ok";
}

function verdictOf({ alerts }: StatusDocument, level: Level): string {
  if (level === "ok") return "All is well: nothing needs a person.";
  const worst = alerts.filter((alert) => alert.level === "critical").length;
  const urgent = worst === 0 ? "" : worst === alerts.length ? ", urgently" : `, ${count(worst)} of them urgently`;
  return `${counted(alerts.length, "thing needs", "things need")} a person${urgent}.`;
}

const DAY_MS = 24 * 3_600_000;

function cardsOf({ queue, lagSeconds, quota }: StatusDocument, { samples, nowMs }: StatusHistory): string {
  const slots = slotsOf(samples, nowMs, DAY_MS, DAY_MS);
  const lane = shownLane(slots);
  const { n, p95 } = delayOf(slots, lane);
  const waiting = ["pending", "waiting", "inProgress", "uncertain"].reduce(
    (sum, state) => sum + (queue[state] ?? 0),
    0,
  );
  const { daily } = quota;
  const used = daily.usedByUs + daily.usedByOthers;
  const left = daily.remaining ?? (daily.limit === null ? null : Math.max(0, daily.limit - used));
  const oldest = lagSeconds.oldest === null ? "nothing waits" : `the oldest for ${span(lagSeconds.oldest * 1000)}`;
  const of = daily.limit === null ? "of an unknown limit" : `of ${count(daily.limit)} tokens`;
  const needing = (queue.failed ?? 0) + (queue.rejected ?? 0) + (queue.conflict ?? 0);
  const list = `${count(queue.failed ?? 0)} failed, ${count(queue.rejected ?? 0)} rejected, ${counted(queue.conflict ?? 0, "conflict")}`;
  const cards = [
    card("Waiting", count(waiting), oldest),
    card("Delivered in 24 hours", count(slots[0]?.rise.delivered ?? 0), `${count(queue.done ?? 0)} in all`),
    card(
      "Delay, 95 of 100 in 24 hours",
      p95 === null ? "–" : `${span(p95 * 1000)}`,
      n === 0 ? "nothing was delivered" : `${lane} lane`,
    ),
    card("For a person", count(needing), list, needing > 0 ? "bad" : ""),
    card("Left of the day's budget", left === null ? "–" : count(left), of),
  ];
  return `<dl class="cards">${cards.join("")}</dl>`;
}

function card(name: string, value: string, small: string, className = ""): string {
  return `<div${className === "" ? "" : ` class="${className}"`}><dt>${escapeHtml(name)}</dt><dd>${escapeHtml(value)}<small>${escapeHtml(small)}</small></dd></div>`;
}

function needsOf({ alerts }: StatusDocument): string {
  if (alerts.length === 0) return "";
  const items = alerts.map(({ level, message, hint, since }) => {
    const when = `${level}, since ${localTimeOf(since)}`;
    return `<li${level === "critical" ? ' class="urgent"' : ""}><strong>${shown(message)}</strong><small>${shown(hint)}</small><small>${escapeHtml(when)}</small></li>`;
  });
  return `<section aria-labelledby="needs"><h2 id="needs">What needs a person</h2><ul class="needs">${items.join("")}</ul></section>`;
}

const shown = (text: string): string => escapeHtml(shorten(text, TEXT_MAX));

function factsOf(status: StatusDocument, plain: Style, nowMs: number): string {
  const rows: { name: string; values: string[] }[] = [];
  for (const [name, value] of statusRows(status, plain, nowMs)) {
    if (name === "") rows.at(-1)?.values.push(value);
    else rows.push({ name, values: [value] });
  }
  return rows
    .map(({ name, values }) => `<dt>${escapeHtml(name)}</dt><dd>${values.map(shown).join("<br>")}</dd>`)
    .join("");
}

function historyOf(history: StatusHistory): string {
  if (history.samples.length === 0) {
    return `<section aria-labelledby="history"><h2 id="history" tabindex="-1">History</h2><p class="nothing">There is none yet: each run adds to it.</p></section>`;
  }
  const radios = RANGES.map(
    ({ id, label }, index) =>
      `<label><input type="radio" name="range" id="range-${id}" value="${id}"${index === 0 ? " checked" : ""}>${label}</label>`,
  );
  const charts = RANGES.map(
    (range) =>
      `<div class="charts ${range.id}">${chartsOf(history, range)
        .map((chart) => figureOf(chart, `${range.id}-${chart.id}`, range.label))
        .join("\n")}</div>`,
  );
  return `<section aria-label="History"><fieldset class="ranges" id="history" tabindex="-1"><legend>The last</legend>${radios.join("")}</fieldset>
<p class="unknown"><i></i>No run told how things stood then.</p>
${charts.join("\n")}</section>`;
}

function figureOf({ title, summary, svg, legend, columns, rows }: Chart, id: string, range: string): string {
  const names = legend.map(
    ({ name, className }) =>
      `<li><svg viewBox="0 0 28 14" aria-hidden="true"><path class="line ${className}" d="M2 7H26"/></svg>${escapeHtml(name)}</li>`,
  );
  const keys = svg === null || names.length === 0 ? "" : `<ul class="legend">${names.join("")}</ul>`;
  const heads = columns.map((name) => `<th scope="col">${escapeHtml(name)}</th>`).join("");
  const cells = rows.map(
    ([first, ...rest]) =>
      `<tr><th scope="row">${escapeHtml(first ?? "")}</th>${rest.map((text) => `<td>${escapeHtml(text)}</td>`).join("")}</tr>`,
  );
  const table = `<details><summary>${escapeHtml(title)} as a table</summary><div class="scroll" role="region" aria-labelledby="${id}" tabindex="0"><table><caption id="${id}">${escapeHtml(title)}, last ${range}</caption><thead><tr>${heads}</tr></thead><tbody>${cells.join("")}</tbody></table></div></details>`;
  return `<figure><figcaption><h3>${escapeHtml(title)}</h3><p>${escapeHtml(summary)}</p>${keys}</figcaption>
${svg ?? `<p class="nothing">Nothing to draw.</p>`}${rows.length === 0 ? "" : table}</figure>`;
}
