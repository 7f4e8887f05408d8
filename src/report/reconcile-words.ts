import { count, counted } from "./human.ts";
import type { ReconcileDocument, ReconcileItem } from "./reconcile-document.ts";
import { shorten } from "./safe-text.ts";

/** What each kind of difference means; the part before the dash may be any record. */
const MEANINGS: Readonly<Record<string, string>> = {
  missing: "written by us, and not in the CRM; nothing shows that somebody deleted it",
  deleted: "somebody deleted it in the CRM",
  duplicate: "more than one in the CRM for the same submission or identity",
  merged: "merged into another record in the CRM",
  drift: "a field that we wrote has another value now",
  copied: "a person copied one of our records in the CRM, stamp and all",
  "link-wrong": "the deal hangs on another person or organization",
  "chain-incomplete": "some records of the submission are in the CRM, others not, and nothing works on it",
  overdue: "it has waited longer than its source's target",
  failed: "not in the CRM: it stopped with an error and waits for a person",
  rejected: "not in the CRM: the record could not become a submission",
  conflict: "not in the CRM: a known id came with other content",
  "not-in-ledger": "the CRM has a record with our stamp that this ledger doesn't know",
  "not-ingested": "the source has a submission that the ledger doesn't",
};

/** One kind in plain words; empty for a kind that this page doesn't know. */
export function meaningOf(kind: string): string {
  return MEANINGS[kind] ?? MEANINGS[kind.slice(kind.lastIndexOf("-") + 1)] ?? "";
}

export const isOpen = (item: { state: string }): boolean => item.state === "new" || item.state === "open";

/** `website/wf_8812`; a record that no submission is known for has none. */
export function submissionName({ source, key }: Pick<ReconcileItem, "source" | "key">): string | null {
  return source === null ? key : key === null ? source : `${source}/${key}`;
}

const sum = (counts: Record<string, number>): number => Object.values(counts).reduce((total, n) => total + n, 0);

export const openBreaks = ({ counts }: ReconcileDocument): number => sum(counts);
export const openEdits = ({ edits }: ReconcileDocument): number => sum(edits);

/** `2 deal-missing, 1 overdue`: the most frequent first. */
export function kindsText(counts: Record<string, number>): string {
  return Object.entries(counts)
    .filter(([, n]) => n > 0)
    .sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1))
    .map(([kind, n]) => `${count(n)} ${kind}`)
    .join(", ");
}

/** Whether all is well, in one sentence. A check that was cut short never says so. */
export function verdictText(document: ReconcileDocument): string {
  const breaks = openBreaks(document);
  const edits = openEdits(document);
  const all = counted(document.checked, "submission");
  const found = `${counted(breaks, "break")} (${kindsText(document.counts)})`;
  if (document.stopped !== null) {
    return `The check was cut short (${STOPS[document.stopped]}): ${breaks === 0 ? "no break so far" : `so far ${found}`}.`;
  }
  if (breaks > 0) return `Not all is well: ${found}${document.checked === 0 ? "" : ` in ${all}`}.`;
  if (edits > 0) return `All is well: ${all} checked, nothing broken; people changed ${counted(edits, "thing")}.`;
  return document.checked === 0
    ? "Nothing to check: there is no submission in what was asked for."
    : `All is well: ${all} checked, nothing broken.`;
}

const STOPS: Record<NonNullable<ReconcileDocument["stopped"]>, string> = {
  hold: "a hold",
  signal: "a signal",
  maxTokens: "--max-tokens",
};

/** A line of advice: `text` says what `command` would do; without a command it is a sentence of its own. */
interface Advice {
  command: string | null;
  text: string;
}

const IDS_SHOWN = 10;

/**
 * What was done about the open ones and what can be done: what `--repair` does by itself, what must be asked for by name, and
 * where to look for the rest.
 */
export function repairLines(document: ReconcileDocument): Advice[] {
  const open = document.discrepancies.filter(
    (item) => isOpen(item) && (document.repairsQueued === 0 || item.repairs === 0),
  );
  return [...repairedLines(document), ...safeLines(open), ...namedLines(open), ...elsewhereLines(open)];
}

function repairedLines({ repairs }: ReconcileDocument): Advice[] {
  const { queued, done, left } = repairs;
  const words: [Record<string, number>, string][] = [
    [queued, "queued for the next `crmledger sync`"],
    [done, "done in the ledger, with nothing to send"],
    [left, "left as people changed them"],
  ];
  return words
    .filter(([counts]) => sum(counts) > 0)
    .map(([counts, what]) => ({ command: null, text: `${count(sum(counts))} ${what} (${kindsText(counts)}).` }));
}

function safeLines(open: readonly ReconcileItem[]): Advice[] {
  const safe = open.filter((item) => item.safe && item.repair !== null);
  const left = safe.filter(({ repair }) => repair === "accept");
  const mended = safe.filter(({ repair }) => repair !== "accept");
  const parts = [
    mended.length === 0 ? "" : `mends ${count(mended.length)} safely (${kindsText(tally(mended))})${priceText(mended)}`,
    left.length === 0 ? "" : `leaves ${count(left.length)} as people changed them (${kindsText(tally(left))})`,
  ].filter((part) => part !== "");
  return parts.length === 0 ? [] : [{ command: "crmledger reconcile --repair", text: parts.join("; ") }];
}

function namedLines(open: readonly ReconcileItem[]): Advice[] {
  const byName = (repair: string, of = ""): ReconcileItem[] =>
    open.filter((item) => !item.safe && item.repair === repair && item.kind.endsWith(of));
  const named: [string, string, ReconcileItem[], boolean][] = [
    ["recreate", "would write again", byName("recreate", "-missing"), false],
    ["recreate", "would write again", byName("recreate", "-deleted"), true],
    ["merge", "would merge", byName("merge"), true],
    ["overwrite", "would send our values again over", open.filter((item) => item.repair === "accept"), false],
  ];
  return named
    .filter(([, , items]) => items.length > 0)
    .map(([how, verb, items, withIds]) => {
      const ids = withIds ? ` ${items.length > IDS_SHOWN ? "ID..." : items.map(({ id }) => id).join(" ")}` : "";
      const text = `${verb} ${count(items.length)} (${kindsText(tally(items))})${priceText(items)}`;
      return { command: `crmledger reconcile --repair=${how}${ids}`, text };
    });
}

/** What a check can only point at: a person decides, or the next run sends it. */
function elsewhereLines(open: readonly ReconcileItem[]): Advice[] {
  const of = (...kinds: string[]): ReconcileItem[] => open.filter(({ kind }) => kinds.includes(kind));
  const places: [string, string, ReconcileItem[]][] = [
    ["crmledger failed", "says why, and what to do about", of("failed")],
    ["crmledger rejects", "says why, and what to do about", of("rejected", "conflict")],
    ["crmledger status", "says what keeps back", of("overdue")],
  ];
  return places
    .filter(([, , items]) => items.length > 0)
    .map(([command, text, items]) => ({
      command,
      text: `${text} ${count(items.length)} (${kindsText(tally(items))})`,
    }));
}

/** What a line says of one: the sentence, of a changed one with what changed, of a repaired one that a repair is on its way. */
export function whatText(
  item: Pick<ReconcileItem, "expected" | "actual" | "message" | "kind" | "repairs"> & { state: string },
): string {
  const { expected, actual, message, kind, repairs } = item;
  const changes = kind.endsWith("-drift") || kind === "link-wrong" ? changesText(expected, actual) : "";
  const queued = repairs > 0 && isOpen(item) ? "repair queued: " : "";
  return `${queued}${changes === "" ? message : changes}`;
}

const VALUE_SHOWN = 40;

/** `name: Ada -> Bob; value: 12 -> 7`. */
function changesText(expected: unknown, actual: unknown): string {
  if (typeof expected !== "object" || expected === null || typeof actual !== "object" || actual === null) return "";
  const theirs = actual as Record<string, unknown>;
  const shown = (value: unknown): string => shorten(valueText(value), VALUE_SHOWN);
  return Object.entries(expected)
    .filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(theirs[name]))
    .map(([name, value]) => `${name}: ${shown(value)} -> ${shown(theirs[name])}`)
    .join("; ");
}

function tally(items: readonly ReconcileItem[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { kind } of items) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}

function priceText(items: readonly ReconcileItem[]): string {
  const tokens = items.reduce((total, item) => total + item.tokens, 0);
  return tokens === 0 ? "" : `, about ${count(Math.ceil(tokens))} tokens`;
}

/** A value of the ledger or the CRM as people read it. */
export function valueText(value: unknown): string {
  if (value === null || value === undefined) return "nothing";
  if (typeof value === "string") return value === "" ? "(empty)" : value;
  if (Array.isArray(value)) return value.length === 0 ? "(empty)" : value.map(valueText).join(", ");
  if (typeof value !== "object") return String(value);
  return Object.entries(value)
    .map(([name, member]) => `${name}: ${valueText(member)}`)
    .join("; ");
}
