import { count, counted } from "./human.ts";
import type { ReconcileDocument, ReconcileItem } from "./reconcile-document.ts";

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

export const isOpen = (item: Pick<ReconcileItem, "state">): boolean => item.state === "new" || item.state === "open";

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
  if (breaks > 0) return `Not all is well: ${found} in ${all}.`;
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

/** What can be done about the open ones: what `--repair` does by itself, then what must be asked for by name. */
export function repairLines(document: ReconcileDocument): { command: string | null; text: string }[] {
  const open = document.discrepancies.filter(isOpen);
  const lines: { command: string | null; text: string }[] = [];
  const safe = open.filter((item) => item.safe && item.repair !== null);
  const left = safe.filter(({ repair }) => repair === "accept");
  const mended = safe.filter(({ repair }) => repair !== "accept");
  if (document.repairsQueued > 0) {
    const text = `${counted(document.repairsQueued, "repair")} queued; \`crmledger sync\` sends them.`;
    lines.push({ command: null, text });
  } else if (safe.length > 0) {
    const parts = [
      mended.length === 0
        ? ""
        : `mends ${count(mended.length)} safely (${kindsText(tally(mended))})${priceText(mended)}`,
      left.length === 0 ? "" : `leaves ${count(left.length)} as people changed them (${kindsText(tally(left))})`,
    ];
    lines.push({ command: "crmledger reconcile --repair", text: parts.filter((part) => part !== "").join("; ") });
  }
  const byName = (repair: string, of = ""): ReconcileItem[] =>
    open.filter((item) => !item.safe && item.repair === repair && item.kind.endsWith(of));
  const named: [string, string, ReconcileItem[]][] = [
    ["recreate", "would write again", byName("recreate", "-missing")],
    ["recreate ID...", "would write again, one by one,", byName("recreate", "-deleted")],
    ["merge ID...", "would merge", byName("merge")],
  ];
  for (const [how, text, items] of named) {
    if (items.length === 0) continue;
    const what = `${text} ${count(items.length)} (${kindsText(tally(items))})${priceText(items)}`;
    lines.push({ command: `crmledger reconcile --repair=${how}`, text: what });
  }
  const changed = open.filter((item) => item.repair === "accept");
  if (changed.length > 0) {
    const text = `would send our values again over ${count(changed.length)} (${kindsText(tally(changed))})`;
    lines.push({ command: "crmledger reconcile --repair=overwrite", text });
  }
  return lines;
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
