import Table from "cli-table3";
import { safeLine, shorten } from "./safe-text.ts";
import type { Style } from "./style.ts";

export interface Column {
  title: string;
  align?: "left" | "right";
  /** Longest text of a cell; longer ones are cut. */
  max?: number;
  paint?: (text: string, style: Style) => string;
}

const NO_LINES = {
  top: "",
  "top-mid": "",
  "top-left": "",
  "top-right": "",
  bottom: "",
  "bottom-mid": "",
  "bottom-left": "",
  "bottom-right": "",
  left: "",
  "left-mid": "",
  mid: "",
  "mid-mid": "",
  right: "",
  "right-mid": "",
  middle: "  ",
};

/** Rows in columns. All data goes through `safeLine` here, so no caller can forget it. */
export function table(
  columns: readonly Column[],
  rows: readonly (readonly (string | number | null)[])[],
  style: Style,
): string {
  const grid = new Table({
    chars: NO_LINES,
    style: { head: [], border: [], "padding-left": 0, "padding-right": 0 },
    head: columns.map((column) => style.dim(column.title)),
    colAligns: columns.map((column) => column.align ?? "left"),
  });
  for (const row of rows) {
    grid.push(
      columns.map((column, index) => {
        const text = shorten(safeLine(String(row[index] ?? "-")), column.max ?? 200);
        return column.paint ? column.paint(text, style) : text;
      }),
    );
  }
  return grid
    .toString()
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n");
}

/** Names and values under each other: `queue    12 pending`. */
export function pairs(rows: readonly (readonly [string, string])[], style: Style): string {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `${style.dim(name.padEnd(width))}  ${value}`).join("\n");
}
