import { resolve } from "node:path";
import type { CheckScope } from "../ledger/checks.ts";
import type { NAMED_REPAIRS } from "../reconcile/repair.ts";
import type { Invocation } from "./command.ts";

export type ReconcileFormat = "table" | "json" | "csv" | "html";

export interface ReconcileFlags {
  since?: { agoMs: number } | { atMs: number };
  until?: { agoMs: number } | { atMs: number };
  source?: string;
  format?: ReconcileFormat;
  out?: string;
  against?: string[];
  edits?: boolean;
  repair?: true | (typeof NAMED_REPAIRS)[number];
  yes?: boolean;
  dryRun?: boolean;
  kind?: string;
  why?: string;
}

export function scopeOf(flags: Pick<ReconcileFlags, "since" | "until" | "source">, nowMs: number): CheckScope {
  const at = (given: ReconcileFlags["since"]): number | null =>
    given === undefined ? null : "atMs" in given ? given.atMs : nowMs - given.agoMs;
  return { source: flags.source ?? null, sinceMs: at(flags.since), untilMs: at(flags.until) };
}

/** Where a page goes; null: to standard output. */
export function outPath({ io }: Invocation, flags: Pick<ReconcileFlags, "out">): string | null {
  return flags.out === undefined || flags.out === "-" ? null : resolve(io.cwd, flags.out);
}
