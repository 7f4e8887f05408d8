import type { BadValue, SubmissionContent } from "../domain/submission.ts";
import { count, counted } from "./human.ts";
import { safeLine, shorten, shownLines } from "./safe-text.ts";
import type { Style } from "./style.ts";
import { type Column, pairs, table } from "./table.ts";

/** A record as `check-source --json` shows it. */
export interface CheckedRecord {
  line: number | null;
  verdict: "submission" | "duplicate" | "conflict" | "history" | "skipped" | "rejected";
  reason: string | null;
  /** `hash`: SHA-256 of the mapped record with its time. `reads`: what the id was read from. */
  key: { value: string; from: "id" | "hash"; reads: string | null } | null;
  submittedAt: string | null;
  /** What was read as the time, how, and what it was read from; `zone` for a time without an offset. */
  submittedAtFrom: { text: string; form: string | null; zone: string | null; reads: string } | null;
  lane: string | null;
  identityKeys: readonly string[];
  content: SubmissionContent | null;
  badValues: readonly BadValue[];
}

/** The document of `check-source --json`. */
export interface CheckSourceDocument {
  file: string;
  source: string;
  /** The source has a map. */
  mapped: boolean;
  format: string | null;
  counts: Record<"records" | "submissions" | "duplicate" | "conflict" | "skipped" | "history" | "rejected", number>;
  hashedKeys: number;
  records: CheckedRecord[];
  rejects: { reason: string; count: number; line: number | null }[];
  badValues: { path: string; reason: string; count: number; example: string; line: number | null }[];
  leftovers: { path: string; count: number; example: string; toNote: boolean }[];
  nothingFound: { target: string; reads: string; missing: string | null; suggestion: string | null }[];
  /** What changed of the source's records lately, as the ledger knows it. */
  drifts: string[];
  warnings: string[];
}

const LEFTOVERS_SHOWN = 40;
const VALUE_MAX = 160;
const NAME_MAX = 40;
const NOTE_LINES_SHOWN = 8;

/** One page: the first records, then what is true of all of them, then the sum. */
export function renderCheckedSource(found: CheckSourceDocument, style: Style): string {
  const sections = [
    ...found.records.map((record) => recordText(record, found, style)),
    moreText(found, style),
    rejectsText(found, style),
    badValuesText(found, style),
    nothingFoundText(found, style),
    leftoversText(found, style),
    driftsText(found, style),
    hashText(found, style),
    summaryText(found, style),
  ];
  return `${sections.filter((text) => text !== "").join("\n\n")}\n`;
}

function recordText(record: CheckedRecord, found: CheckSourceDocument, style: Style): string {
  const place =
    record.line === null ? "record" : found.format === "json" ? `record ${record.line}` : `line ${record.line}`;
  const reason = record.reason === null ? "" : `: ${safeLine(record.reason)}`;
  const head = `${style.bold(place)}  ${verdictText(record, style)}${reason}`;
  if (record.verdict === "skipped") return `${head}: \`where\` is not true of it`;
  const rows = [...factRows(record, found), ...contentRows(record.content), ...badRows(record, style)];
  return rows.length === 0 ? head : `${head}\n${indented(pairs(rows, style))}`;
}

function verdictText({ verdict }: CheckedRecord, style: Style): string {
  if (verdict === "rejected" || verdict === "conflict") return style.red(verdict);
  if (verdict === "submission") return style.green(verdict);
  return verdict === "history" ? style.dim("history: older than `sendFrom`, never sent") : style.dim(verdict);
}

function factRows(record: CheckedRecord, found: CheckSourceDocument): [string, string][] {
  const rows: [string, string][] = [];
  if (record.key !== null) {
    const { value, from, reads } = record.key;
    const why = from === "id" ? `the source's own id, from ${reads}` : "a hash of content and time: no id is mapped";
    rows.push(["key", `${shorten(safeLine(`${found.source}/${value}`), 100)}  (${shorten(safeLine(why), VALUE_MAX)})`]);
  }
  if (record.verdict !== "rejected" || record.submittedAtFrom !== null) rows.push(["submitted", timeText(record)]);
  if (record.identityKeys.length > 0) rows.push(["known by", safeLine(record.identityKeys.join(", "))]);
  return rows;
}

function timeText({ submittedAt, submittedAtFrom }: CheckedRecord): string {
  if (submittedAtFrom === null) return "no time: the time of ingest counts";
  const { text, form, zone, reads } = submittedAtFrom;
  const from = `${quoted(text)} from ${shorten(safeLine(reads), 60)}`;
  if (submittedAt === null) return `${from} can't be read: the time of ingest counts`;
  const forms: Record<string, string> = {
    offset: "with its own offset",
    local: `no offset: read as local time of ${zone}`,
    epochSeconds: "epoch seconds",
    epochMilliseconds: "epoch milliseconds",
  };
  return `${submittedAt}  (${from}, ${forms[form ?? ""] ?? "as it came"})`;
}

const quoted = (text: string): string => `"${shorten(safeLine(text), 60)}"`;

function contentRows(content: SubmissionContent | null): [string, string][] {
  if (content === null) return [];
  const { notes = [], ...parts } = content;
  const isEmptyDeal = parts.deal !== undefined && Object.keys(parts.deal).length === 0;
  const rows = Object.entries(parts).flatMap(([part, value]) =>
    Object.entries(value as Record<string, unknown>).flatMap(([name, member]): [string, unknown][] =>
      name === "fields"
        ? Object.entries(member as object).map(([field, inner]) => [`${part}.fields.${field}`, inner])
        : [[`${part}.${name}`, member]],
    ),
  );
  return [
    ...rows.map(([name, value]): [string, string] => [shorten(safeLine(name), NAME_MAX), valueText(value)]),
    ...(isEmptyDeal ? [["deal", "one that is called after person and source"] satisfies [string, string]] : []),
    ...notes.flatMap(noteRows),
  ];
}

/** A note keeps its lines. */
function noteRows(note: string): [string, string][] {
  return shownLines(note, NOTE_LINES_SHOWN, VALUE_MAX).map((line, index) => [index === 0 ? "note" : "", line]);
}

function valueText(value: unknown): string {
  return shorten(safeLine(typeof value === "string" ? value : JSON.stringify(value)), VALUE_MAX);
}

function badRows({ badValues }: CheckedRecord, style: Style): [string, string][] {
  return badValues.map(({ path, value, reason }) => [
    "bad value",
    style.yellow(shorten(safeLine(`${path} ${quoted(value)}: ${reason}`), 2 * VALUE_MAX)),
  ]);
}

const indented = (text: string): string => text.replace(/^/gm, "  ").replace(/ +$/gm, "");

function moreText({ records, counts }: CheckSourceDocument, style: Style): string {
  const more = counts.records - records.length;
  return more > 0 ? style.dim(`and ${counted(more, "more record")}; see them with --limit ${counts.records}`) : "";
}

function section(title: string, columns: Column[], rows: (string | number | null)[][], style: Style): string {
  return rows.length === 0 ? "" : `${style.bold(title)}\n${indented(table(columns, rows, style))}`;
}

const COUNT: Column = { title: "RECORDS", align: "right" };

function rejectsText({ rejects }: CheckSourceDocument, style: Style): string {
  const columns: Column[] = [COUNT, { title: "FIRST", align: "right" }, { title: "REASON", max: VALUE_MAX }];
  return section(
    "Rejected",
    columns,
    rejects.map(({ reason, count, line }) => [count, line, reason]),
    style,
  );
}

function badValuesText({ badValues }: CheckSourceDocument, style: Style): string {
  const columns: Column[] = [
    { title: "FIELD", max: 50 },
    COUNT,
    { title: "EXAMPLE", max: 40 },
    { title: "REASON", max: 100 },
  ];
  const rows = badValues.map(({ path, count, example, reason }) => [path, count, example, reason]);
  return section("Values that their fields can't take", columns, rows, style);
}

function nothingFoundText({ nothingFound }: CheckSourceDocument, style: Style): string {
  const columns: Column[] = [
    { title: "MAP", max: 50, paint: (text) => style.yellow(text) },
    { title: "IS IN NO RECORD", max: 60 },
    { title: "DID YOU MEAN", max: 60, paint: (text) => style.green(text) },
  ];
  const rows = nothingFound.map(({ target, reads, missing, suggestion }) => [
    target,
    missing ?? `a value for ${reads}`,
    suggestion,
  ]);
  return section("Lines of the map that find nothing", columns, rows, style);
}

function leftoversText({ leftovers, mapped }: CheckSourceDocument, style: Style): string {
  const columns: Column[] = [{ title: "MEMBER", max: 60 }, COUNT, { title: "EXAMPLE", max: 50 }, { title: "BECOMES" }];
  // What stands in lists is mostly the tool's own business.
  const [plain, listed] = [
    leftovers.filter(({ path }) => !isListed(path)),
    leftovers.filter(({ path }) => isListed(path)),
  ];
  const rows = [...plain, ...listed]
    .slice(0, LEFTOVERS_SHOWN)
    .map(({ path, count, example, toNote }) => [path, count, example, toNote ? "a line of the note" : "nothing"]);
  const title = mapped ? "Members that no line of the map reads" : "Members that are no part of a submission";
  const text = section(title, columns, rows, style);
  const more = leftovers.length - rows.length;
  return more > 0 ? `${text}\n  ${style.dim(`and ${count(more)} more; all of them with --json`)}` : text;
}

const isListed = (path: string): boolean => path.includes("[]");

function driftsText({ drifts }: CheckSourceDocument, style: Style): string {
  return drifts.map((text) => `${style.yellow("warning:")} ${safeLine(text)}`).join("\n");
}

function hashText({ hashedKeys }: CheckSourceDocument, style: Style): string {
  if (hashedKeys === 0) return "";
  const text = `${counted(hashedKeys, "submission")} without an id: the key is a hash of content and time, so a record that is edited and read again becomes a new submission, and two that are alike are one.`;
  return `${style.yellow("warning:")} ${text}`;
}

function summaryText({ file, source, counts }: CheckSourceDocument, style: Style): string {
  const { records, submissions, duplicate, conflict, history, skipped, rejected } = counts;
  const parts = [
    counted(submissions, "submission"),
    ...(duplicate > 0 ? [counted(duplicate, "duplicate")] : []),
    ...(conflict > 0 ? [counted(conflict, "conflict")] : []),
    ...(history > 0 ? [`${count(history)} of history`] : []),
    `${count(skipped)} skipped`,
    `${count(rejected)} rejected`,
  ];
  const line = `${safeLine(file)} as ${safeLine(source)}: ${counted(records, "record")}: ${parts.join(", ")}`;
  return `${style.bold(line)}\nNothing was written.`;
}
