import { counted } from "./human.ts";
import type { Style } from "./style.ts";
import { type Column, table } from "./table.ts";

export interface RejectDocument {
  id: string;
  kind: "reject" | "conflict";
  source: string;
  file: string;
  line: number | null;
  reason: string;
  record: unknown;
}

/** The document of `rejects --json`. */
export interface RejectsDocument {
  total: number;
  rejects: RejectDocument[];
}

const COLUMNS: Column[] = [
  { title: "ID", max: 30, paint: (text, style) => style.cyan(text) },
  { title: "KIND" },
  { title: "SOURCE", max: 30 },
  { title: "WHERE", max: 60 },
  { title: "REASON", max: 100 },
];

export function renderRejects(rejects: RejectsDocument, style: Style): string {
  if (rejects.total === 0) return "No rejects and no conflicts.\n";
  const rows = rejects.rejects.map((one) => [one.id, one.kind, one.source, place(one), one.reason]);
  const more = rejects.total > rows.length ? `\nand ${rejects.total - rows.length} more` : "";
  const conflicts = rejects.rejects.some((one) => one.kind === "conflict");
  const next = [
    `Export, mend and import them again: ${style.bold("crmledger rejects --export FILE")}; after the map was mended: --retry`,
    ...(conflicts
      ? [`Of a conflict choose the newer or the earlier version: ${style.bold("crmledger rejects take|keep ID")}`]
      : []),
    `Set one aside: ${style.bold("crmledger rejects drop ID --why TEXT")}`,
  ].join("\n");
  return `${style.bold(counted(rejects.total, "record"))} kept whole\n\n${table(COLUMNS, rows, style)}${more}\n\n${next}\n`;
}

const place = ({ file, line }: RejectDocument): string => (line === null ? file : `${file}:${line}`);
