import { escapeHtml, htmlLink } from "./html-text.ts";
import { localTimeOf } from "./human.ts";
import type { ReconcileItem } from "./reconcile-document.ts";
import { meaningOf, submissionName, valueText } from "./reconcile-words.ts";
import { shorten } from "./safe-text.ts";

/** Longest value that a row shows; the CSV and the JSON have it whole. */
const VALUE_MAX = 400;

/** One difference as a row. The attributes are what the page's script filters and sorts by. */
export function reconcileRow(item: ReconcileItem): string {
  const { kind, state, source, crm, expected, actual } = item;
  const name = submissionName(item);
  const record = crm === null ? "–" : htmlLink(crm.link, `${crm.type} ${crm.id}`);
  const submission = [
    name === null ? "–" : escapeHtml(name),
    item.email === null ? "" : `<small>${escapeHtml(item.email)}</small>`,
  ].join("");
  const badge = `<span class="badge ${item.class} ${state}">${item.class}, ${state}</span>`;
  const why =
    item.why === null ? "" : `<small>${state === "accepted" ? "Accepted: " : ""}${escapeHtml(item.why)}</small>`;
  const facts = `data-class="${item.class}" data-kind="${escapeHtml(kind)}" data-state="${state}" data-source="${escapeHtml(source ?? "")}"`;
  return [
    `<tr role="row" ${facts}>`,
    `<th role="rowheader" scope="row" title="${escapeHtml(meaningOf(kind))}">${escapeHtml(kind)} ${badge}</th>`,
    cell("Submission", submission),
    cell("CRM record", record),
    cell("What is so", `${escapeHtml(item.message)}${why}`),
    cell("Expected", valueHtml(expected, actual, "del")),
    cell("Actual", valueHtml(actual, expected, "ins")),
    cell("Since", `<time datetime="${escapeHtml(item.since)}">${escapeHtml(localTimeOf(item.since))}</time>`),
    cell("Repair", repairHtml(item)),
    "</tr>",
  ].join("");
}

/** The label names the cell where the page is narrow and rows are cards. */
function cell(label: string, html: string): string {
  return `<td role="cell" data-label="${label}">${html}</td>`;
}

function repairHtml({ id, repair, safe, tokens }: ReconcileItem): string {
  if (repair === null) return `none<small>ID ${escapeHtml(id)}</small>`;
  const how = safe ? "safe" : "only when asked for by name";
  const price = tokens > 0 ? `, ${Math.ceil(tokens)} tokens` : "";
  return `${escapeHtml(repair)}<small>${how}${price}; ID ${escapeHtml(id)}</small>`;
}

/** Members that the other side has otherwise are marked. */
function valueHtml(value: unknown, other: unknown, mark: "del" | "ins"): string {
  if (value === null || value === undefined) return '<span class="nothing">nothing</span>';
  if (typeof value !== "object" || Array.isArray(value)) {
    const differs = other !== null && other !== undefined && typeof other !== "object" && other !== value;
    return marked(shown(value), differs, mark);
  }
  const theirs = typeof other === "object" && other !== null && !Array.isArray(other) ? other : null;
  const members = Object.entries(value).map(([name, member]) => {
    const differs = theirs !== null && !same(member, (theirs as Record<string, unknown>)[name]);
    return `<div><dt>${escapeHtml(name)}</dt><dd>${marked(shown(member), differs, mark)}</dd></div>`;
  });
  return members.length === 0 ? "(empty)" : `<dl>${members.join("")}</dl>`;
}

const same = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other);
const shown = (value: unknown): string => escapeHtml(shorten(valueText(value), VALUE_MAX));
const marked = (html: string, differs: boolean, mark: "del" | "ins"): string =>
  differs ? `<${mark}>${html}</${mark}>` : html;
