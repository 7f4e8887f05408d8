import { count, counted } from "./human.ts";
import { safeLine } from "./safe-text.ts";
import type { Style } from "./style.ts";
import { type Column, table } from "./table.ts";

export interface AdoptItem {
  source: string;
  key: string;
  email: string | null;
  submittedAt: string | null;
  verdict: "matched" | "probably" | "half" | "missing" | "known";
  reason: string;
  /** The records that were found; a link where the CRM has a page for it. */
  crm: { type: string; id: string; link: string | null }[];
  /** Further deals of the same kind that no other submission explains. */
  doubles: string[];
  /** Taken over; queued for what is not there; kept as history until somebody decides; or left alone. */
  action: "taken" | "queued" | "kept" | "left";
}

/** The document of `adopt --json`. */
export interface AdoptDocument {
  files: string[];
  dryRun: boolean;
  counts: Record<AdoptItem["verdict"], number> & { doubles: number; rejected: number };
  items: AdoptItem[];
  requests: { total: number; tokens: number };
  /** Submissions whose records are the ledger's from now on. */
  takenOver: number;
  /** Submissions that the next sync has something to send of: a stamp, or what is not there. */
  queued: number;
  warnings: string[];
  stopped: "hold" | "signal" | null;
  hold: { kind: string; scope: string; until: string | null; message: string } | null;
}

/** The audit of an earlier script: what it delivered in one sentence, then what it did not. */
export function renderAdopt(document: AdoptDocument, style: Style, show: { all: boolean }): string {
  if (document.stopped !== null) return `${style.red(stoppedText(document))}\n`;
  const parts = [style.bold(sentence(document.counts))];
  const items = document.items.filter((item) => show.all || isTold(item));
  if (items.length > 0) parts.push(table(columnsFor(style), items.map(cellsOf), style));
  const hidden = document.items.length - items.length;
  if (hidden > 0)
    parts.push(style.dim(`${counted(hidden, "other")} with nothing to say: --verbose or --json lists them.`));
  parts.push(endLines(document, style).join("\n"));
  return `${parts.join("\n\n")}\n`;
}

const stoppedText = ({ hold }: AdoptDocument): string =>
  `Stopped before the end${hold === null ? "" : `: ${safeLine(hold.message)}`}. Nothing was taken over.`;

const isTold = ({ verdict, doubles }: AdoptItem): boolean =>
  (verdict !== "matched" && verdict !== "known") || doubles.length > 0;

function sentence({ matched, probably, half, missing, known, doubles }: AdoptDocument["counts"]): string {
  const total = matched + probably + half + missing;
  const before = known === 0 ? "" : ` ${count(known)} more the ledger knows already.`;
  if (total === 0) return `Nothing to look for.${before}`;
  const delivered = matched + probably;
  const unsure = probably === 0 ? "" : ` (${count(probably)} of them probably)`;
  const twice =
    doubles === 0 ? "" : ` ${counted(doubles, "deal")} ${doubles === 1 ? "is" : "are"} there once too often.`;
  const rest = `${count(half)} ${half === 1 ? "is" : "are"} half there, ${count(missing)} ${missing === 1 ? "is" : "are"} not in the CRM`;
  return `Of ${counted(total, "submission")} your script delivered ${count(delivered)}${unsure}, ${rest}.${twice}${before}`;
}

function columnsFor(style: Style): Column[] {
  return [
    { title: "VERDICT" },
    { title: "SUBMISSION", max: 48, paint: (text, { cyan }) => cyan(text) },
    { title: "E-MAIL", max: 40 },
    { title: "WHY", max: Math.max(70, style.width - 60) },
  ];
}

const WORDS: Record<AdoptItem["verdict"], string> = {
  ...{ matched: "delivered", probably: "probably", half: "half there", missing: "not there", known: "known" },
};

const cellsOf = ({ verdict, source, key, email, reason }: AdoptItem): (string | null)[] => [
  ...[WORDS[verdict], `${source}/${key}`, email, reason],
];

function endLines({ dryRun, takenOver, queued, counts, items, requests }: AdoptDocument, style: Style): string[] {
  const lines = [`${counted(requests.total, "request")}, ${count(requests.tokens)} tokens`];
  if (counts.rejected > 0) {
    lines.push(
      style.yellow(
        `${counted(counts.rejected, "record")} could not be read: see what \`crmledger check-source\` says.`,
      ),
    );
  }
  if (dryRun) return [...lines, "Nothing was written. Without --dry-run what is there is taken over."];
  lines.push(`Taken over: ${counted(takenOver, "submission")}.`);
  if (queued > 0)
    lines.push(`${counted(queued, "submission")} to stamp or to complete: ${style.bold("crmledger sync")}`);
  const open = (...verdicts: string[]): number =>
    items.filter(({ verdict, action }) => (action === "left" || action === "kept") && verdicts.includes(verdict))
      .length;
  if (open("probably") > 0) {
    lines.push(`Not decided, and not sent: ${count(open("probably"))} probable. At a terminal it asks about them.`);
  }
  const gaps = open("half", "missing");
  if (gaps > 0)
    lines.push(`${counted(gaps, "gap")} left open: ${style.bold("--send-missing")} sends what is not there.`);
  return lines;
}
