import { resolve } from "node:path";
import { CrmledgerError } from "../domain/errors.ts";
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

/** Throws `usage` where nothing can lie between the two. */
export function scopeOf(flags: Pick<ReconcileFlags, "since" | "until" | "source">, nowMs: number): CheckScope {
  const at = (given: ReconcileFlags["since"]): number | null =>
    given === undefined ? null : "atMs" in given ? given.atMs : nowMs - given.agoMs;
  const scope = { source: flags.source ?? null, sinceMs: at(flags.since), untilMs: at(flags.until) };
  if (scope.sinceMs !== null && scope.untilMs !== null && scope.sinceMs >= scope.untilMs) {
    throw new CrmledgerError("usage", "--since is not before --until: nothing lies between them", {
      hint: "For the week before last: --since 14d --until 7d. Nothing was done.",
    });
  }
  return scope;
}

/** Where a page goes; null: to standard output. */
export function outPath({ io }: Invocation, flags: Pick<ReconcileFlags, "out">): string | null {
  return flags.out === undefined || flags.out === "-" ? null : resolve(io.cwd, flags.out);
}

const OF_THE_CHECK = [
  "since",
  "until",
  "source",
  "format",
  "out",
  "against",
  "edits",
  "repair",
  "yes",
  "dryRun",
] as const;

/** `reconcile accept`: what it needs, and nothing that it would have to ignore. Gives its ids. */
export function readAccept({ args }: Invocation, flags: ReconcileFlags): { ids: string[]; why: string } {
  const foreign = OF_THE_CHECK.filter((name) => flags[name] !== undefined);
  if (foreign.length > 0) {
    const names = foreign.map((name) => (name === "dryRun" ? "--dry-run" : `--${name}`)).join(" and ");
    throw usage(`${names} can't be combined with accept`, "It takes ids or --kind KIND, and --why TEXT.");
  }
  const ids = [...new Set(args.slice(1))];
  if ((ids.length === 0) === (flags.kind === undefined)) {
    throw usage(
      "reconcile accept needs ids or --kind KIND, not both",
      'crmledger reconcile accept 12 13 --why "…", or crmledger reconcile accept --kind copied --why "…".',
    );
  }
  const why = flags.why?.trim() ?? "";
  if (why === "") throw usage("reconcile accept needs --why TEXT", "Whoever looks next year will want to know.");
  return { ids, why };
}

/** Throws `usage` where the flags of a check contradict each other, or one of them would be ignored. */
export function refuseUnclear(invocation: Invocation, flags: ReconcileFlags): void {
  const { args, globals, io } = invocation;
  const { repair: wish, format = "table" } = flags;
  if (flags.kind !== undefined || flags.why !== undefined) {
    throw usage("--kind and --why belong to `reconcile accept`", 'crmledger reconcile accept 12 --why "…".');
  }
  if (args.length > 0 && wish === undefined) {
    throw usage(
      `${args[0]}: ids are for accept and for --repair=recreate, =overwrite and =merge`,
      'crmledger reconcile accept 12 --why "…", or crmledger reconcile --repair=merge 12.',
    );
  }
  if (wish === "merge" && args.length === 0) {
    throw usage(
      "--repair=merge needs the ids of the duplicates to merge",
      "crmledger reconcile lists them, and says which record it would keep.",
    );
  }
  const toStdout = outPath(invocation, flags) === null;
  if (toStdout && format === "html" && io.stdout.isTTY === true && !globals.json) {
    throw usage("--format html is not for a terminal: add --out FILE", "Or send it on: … --format html > check.html.");
  }
  if (toStdout && globals.json && flags.format !== undefined && format !== "json") {
    throw usage(
      `--json and --format ${format} both want standard output`,
      "Leave one of them out, or name a file with --out.",
    );
  }
  const ofCheck = (["out", "format", "against"] as const).filter((name) => flags[name] !== undefined);
  if (flags.dryRun && ofCheck.length > 0) {
    throw usage(`--dry-run looks at nothing, so --${ofCheck[0]} has nothing to do`, "--json prints it for a script.");
  }
}

const usage = (message: string, hint: string): CrmledgerError =>
  new CrmledgerError("usage", message, { hint: `${hint} Nothing was done.` });
