/** What must hold of every ingest, whatever was in the file. */
import { createHash } from "node:crypto";
import { lstatSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { FileCounts, IngestReport } from "../../../src/ingest/ingest.ts";
import type { Ledger } from "../../../src/ledger/ledger.ts";
import { must, mustBeDiscreet } from "./fuzz-target.ts";

const VERDICTS = ["new", "duplicate", "conflict", "skipped", "history", "rejected"] as const;
export type Totals = Record<(typeof VERDICTS)[number] | "rows", number>;

/** Sums of a report, in which each record counts once. */
export function accounted(report: Pick<IngestReport, "files" | "warnings">): Totals {
  for (const file of report.files) {
    const sum = VERDICTS.reduce((total, name) => total + file[name], 0);
    must(sum === file.rows, "each record is accounted for", file);
  }
  mustBeDiscreet(report.warnings.join("\n"));
  const of = (name: keyof FileCounts): number => report.files.reduce((sum, file) => sum + Number(file[name]), 0);
  return Object.fromEntries(["rows" as const, ...VERDICTS].map((name) => [name, of(name)])) as Totals;
}

export interface Kept {
  submissions: number;
  rejects: number;
}

/** What the ledger holds now. */
export async function keptBy(ledger: Ledger): Promise<Kept> {
  const { rejected, conflict, ...states } = (await ledger.queue()) as unknown as Record<string, number>;
  return {
    submissions: Object.values(states).reduce((sum, count) => sum + count, 0),
    rejects: (rejected ?? 0) + (conflict ?? 0),
  };
}

/** What was counted is what is kept. */
export function mustBeKept(before: Kept, after: Kept, totals: Totals): void {
  const [submissions, rejects] = [after.submissions - before.submissions, after.rejects - before.rejects];
  must(submissions === totals.new, "what counts as new is in the ledger", { submissions, totals });
  must(rejects === totals.rejected + totals.conflict, "what counts as rejected or conflict is kept", {
    rejects,
    totals,
  });
}

/** Every file below a folder with what is in it, links as where they lead. */
export function treeOf(folder: string): Map<string, string> {
  const tree = new Map<string, string>();
  for (const name of readdirSync(folder, { encoding: "buffer" })) {
    const path = Buffer.concat([Buffer.from(`${folder}/`), name]);
    const stat = lstatSync(path);
    if (stat.isDirectory()) for (const [below, hash] of treeOf(path.toString())) tree.set(below, hash);
    else tree.set(path.toString("latin1"), stat.isFile() ? hashOf(readFileSync(path)) : "no file");
  }
  return tree;
}

export const hashOf = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** How often a content lies in the spool or in its archive. */
export function copiesIn(spool: string, hash: string): number {
  return [...treeOf(join(spool))].filter(([, other]) => other === hash).length;
}
