import { counted } from "./human.ts";
import { safeLine } from "./safe-text.ts";
import type { Style } from "./style.ts";
import { type IngestedCounts, ingestedText } from "./sync-summary.ts";

/** The document of `import --json`, one for each file. */
export interface ImportDocument {
  file: string;
  rows: number;
  new: number;
  duplicate: number;
  conflict: number;
  skipped: number;
  history: number;
  rejected: number;
  warnings: string[];
  rejectsFile: string | null;
}

export interface FileLine extends IngestedCounts {
  file: string;
}

export function renderImports(imports: readonly ImportDocument[], dryRun: boolean, style: Style): string {
  const lines = imports.map((one) => {
    const { file, rows, warnings: _, rejectsFile, ...counts } = one;
    const rejects = rejectsFile === null ? "" : `\n  rejected records are in ${safeLine(rejectsFile)}`;
    return `${style.bold(safeLine(file))}: ${counted(rows, "record")}: ${ingestedText(counts)}${rejects}`;
  });
  const kept = imports.reduce((sum, one) => sum + one.rejected + one.conflict, 0);
  const fresh = imports.reduce((sum, one) => sum + one.new, 0);
  if (dryRun) lines.push("Nothing was written.");
  else if (fresh > 0) lines.push(`Send them with: ${style.bold("crmledger sync")}`);
  if (kept > 0 && !dryRun) lines.push(`Look at what could not be taken: ${style.bold("crmledger rejects")}`);
  return `${lines.join("\n")}\n`;
}

export function renderIngest(files: readonly FileLine[], total: IngestedCounts, style: Style): string {
  const lines = files.map(({ file, ...counts }) => `${safeLine(file)}: ${ingestedText(counts)}`);
  lines.push(`${style.bold("Ingested")}  ${ingestedText(total)}`);
  return `${lines.join("\n")}\n`;
}
