/**
 * Files of spools that wait for somebody's word, such as what looks like an export that was taken before. To see that costs
 * reading and mapping them, so it is the last reading's word that counts for as long as they lie there.
 */
import { existsSync } from "node:fs";
import type { Ledger } from "../ledger/ledger.ts";
import type { ClosedFiles } from "../notify/facts.ts";

export interface HeldFile {
  source: string;
  /** Its path. */
  file: string;
}

/** What the newest run that read spools said, as far as it still lies there. */
async function lastHeld(ledger: Pick<Ledger, "lastIntake">): Promise<HeldFile[]> {
  const summary = (await ledger.lastIntake()) as { heldFiles?: HeldFile[] } | null;
  return (summary?.heldFiles ?? []).filter(({ file }) => existsSync(file));
}

/** For a run's summary: what it found, and what earlier ones did of the sources that it did not read. Absent where that is nothing. */
export async function heldAfter(
  ledger: Pick<Ledger, "lastIntake">,
  { refused, read }: { refused: readonly HeldFile[]; read: readonly string[] },
): Promise<{ heldFiles?: HeldFile[] }> {
  const before = (await lastHeld(ledger)).filter(({ source }) => !read.includes(source));
  const heldFiles = [...before, ...refused];
  return heldFiles.length === 0 ? {} : { heldFiles };
}

/** By source. */
export async function countHeld(ledger: Pick<Ledger, "lastIntake">): Promise<ClosedFiles[]> {
  const counts = new Map<string, number>();
  for (const { source } of await lastHeld(ledger)) counts.set(source, (counts.get(source) ?? 0) + 1);
  return [...counts].map(([source, files]) => ({ source, files }));
}
