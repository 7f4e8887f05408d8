import { count, counted } from "./human.ts";
import type { Style } from "./style.ts";
import { table } from "./table.ts";

interface Repairs {
  wish: string;
  repairs: { id: string; kind: string; repair: string; submission: string | null; what: string; tokens: number }[];
  tokens: number;
}

/** The document of `reconcile --dry-run`. */
export interface ReconcilePrice {
  dryRun: true;
  check: {
    entities: { entity: string; way: "walk" | "changed" | "none"; records: number; requests: number; tokens: number }[];
    requests: number;
    tokens: number;
  };
  repairs: Repairs & { unknown: string[] };
}

const WAYS = {
  walk: "every list page",
  changed: "what changed since, and the rest by id",
  none: "nothing of ours in what was asked for",
} as const;
const ROWS_SHOWN = 50;
/** Columns of a terminal that has room for what is so beside what would be done. */
const WIDE = 110;

/** What a check will cost, and what the repairs of what is open would. */
export function renderReconcilePrice({ check, repairs }: ReconcilePrice, style: Style): string {
  const rows = check.entities.map(({ entity, records, way, requests, tokens }) => [
    `${entity}s`,
    count(records),
    WAYS[way],
    count(requests),
    count(tokens),
  ]);
  const right = "right" as const;
  const columns = [
    { title: "" },
    { title: "OURS", align: right },
    { title: "WAY" },
    { title: "REQUESTS", align: right },
    { title: "TOKENS", align: right },
  ];
  const parts = [
    style.bold(`A check takes at least ${counted(check.requests, "request")} and ${counted(check.tokens, "token")}.`),
    table(columns, rows, style),
    repairs.repairs.length === 0
      ? "Of what the last check found, nothing that is open could be repaired this way."
      : `Of what the last check found:\n${renderRepairs(repairs, style, ROWS_SHOWN).trimEnd()}`,
  ];
  for (const id of repairs.unknown) parts.push(`${id} is not open, or nothing that this could mend`);
  return `${parts.join("\n\n")}\n`;
}

const WORDS: Readonly<Record<string, string>> = {
  recreate: "is written again",
  overwrite: "our values are sent again",
  merge: "merged into the oldest (a note is deleted)",
  follow: "the ledger follows the merge",
  accept: "stays as people changed it",
  resume: "the rest of the chain is written",
  adopt: "the ledger takes it as its own",
  ingest: "is taken from its file",
};

/** What a repair would do, one line each, and what that would cost. */
export function renderRepairs({ wish, repairs, tokens }: Repairs, style: Style, rowsShown: number): string {
  const wide = style.width >= WIDE;
  const rows = repairs
    .slice(0, rowsShown)
    .map((each) => [
      each.id,
      each.kind,
      each.submission,
      WORDS[each.repair] ?? each.repair,
      ...(wide ? [each.what] : []),
    ]);
  const columns = [{ title: "ID" }, { title: "KIND" }, { title: "SUBMISSION", max: 48 }, { title: "REPAIR" }];
  if (wide) columns.push({ title: "NOW", max: Math.max(40, style.width - 80) });
  const more = repairs.length > rowsShown ? `and ${count(repairs.length - rowsShown)} more\n` : "";
  const how = wish === "safe" ? "--repair" : `--repair=${wish}`;
  const price = tokens === 0 ? "which costs no tokens" : `for about ${counted(Math.ceil(tokens), "token")}`;
  return `${table(columns, rows, style)}\n${more}${how} would mend ${count(repairs.length)}, ${price}.\n`;
}
