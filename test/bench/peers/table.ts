/** Rows to the lines of a Markdown table. */
import type { Row } from "./cell.ts";

const whole = (value: number): string => Math.round(value).toLocaleString("en");
const ratio = (value: number): string => (Number.isFinite(value) ? value.toFixed(2) : "-");
const percent = (value: number | null): string => (value === null ? "-" : `${Math.round(100 * value)} %`);

const HEAD = [
  "tool",
  "submissions an hour",
  "ratio",
  "requests each",
  "tokens each",
  "of the window",
  "429s of its own",
  "lost",
  "doubled",
  "killed: lost",
  "killed: doubled",
];

/** One scenario: rows of runs that nobody disturbed, each with its killed twin where there is one. Ratios are to the first. */
export function tableOf(rows: readonly Row[]): string[] {
  const clean = rows.filter((row) => !row.killed);
  const first = clean[0]!;
  const lines = clean.map((row) => {
    const twin = rows.find((other) => other.killed && other.tool === row.tool);
    return [
      row.tool,
      whole(row.perHour),
      ratio(row.perHour / first.perHour),
      row.requestsEach.toFixed(2),
      row.tokensEach.toFixed(1),
      percent(row.windowUsed),
      row.blocked > 0 ? `${row.limited}, and ${row.blocked} refused by the block` : String(row.limited),
      String(row.lost),
      String(row.doubled),
      twin ? String(twin.lost) : "-",
      twin ? String(twin.doubled) : "-",
    ];
  });
  return markdown([HEAD, ...lines]);
}

export function markdown(rows: readonly string[][]): string[] {
  const [head, ...rest] = rows;
  const widths = head!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const line = (row: readonly string[]) => `| ${row.map((cell, column) => cell.padEnd(widths[column]!)).join(" | ")} |`;
  const rule = `|${widths.map((width, column) => (column === 0 ? "-".repeat(width + 2) : `${"-".repeat(width + 1)}:`)).join("|")}|`;
  return [line(head!), rule, ...rest.map(line)];
}
