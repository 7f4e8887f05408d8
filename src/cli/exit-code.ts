import { CrmledgerError, EXIT_CODES } from "../domain/errors.ts";
import type { Hold } from "../domain/hold.ts";
import type { StopSignal } from "./io.ts";

const SIGNAL_CODES: Record<StopSignal, number> = { SIGINT: 130, SIGTERM: 143 };

export function exitCodeOfSignal(signal: StopSignal): number {
  return SIGNAL_CODES[signal];
}

export function exitCodeOfError(error: unknown): number {
  return error instanceof CrmledgerError ? error.exitCode : EXIT_CODES.unexpected;
}

/** What of a run decides its exit code. */
export interface RunFacts {
  /** What broke it off, or null. */
  error: unknown;
  setupMissing: boolean;
  /** Something of this machine was in the way: a spool, the disk, the ledger. */
  machineTrouble: boolean;
  hold: Pick<Hold, "kind" | "scope"> | null;
  heldSources: number;
  /** Files in spools that this user may not read. */
  unreadable: number;
  failed: number;
  rejected: number;
  conflict: number;
}

/** The contract's order where several apply: 78, 77, 74, 75, 3, 0. An unexpected failure is 1. */
const ORDER = [78, 77, 74, 75, 3];

export function exitCodeOfRun(facts: RunFacts): number {
  const codes = new Set<number>();
  if (facts.error !== null) codes.add(exitCodeOfError(facts.error));
  if (facts.setupMissing) codes.add(EXIT_CODES.crmSetupMissing);
  if (facts.machineTrouble) codes.add(EXIT_CODES.spoolUnreadable);
  if (facts.hold !== null) codes.add(codeOfHold(facts.hold));
  if (facts.heldSources + facts.unreadable + facts.failed + facts.rejected + facts.conflict > 0)
    codes.add(EXIT_CODES.attention);
  const code = ORDER.find((known) => codes.has(known));
  if (code !== undefined && !codes.has(EXIT_CODES.unexpected)) return code;
  const [other] = codes;
  return codes.has(EXIT_CODES.unexpected) ? EXIT_CODES.unexpected : (other ?? 0);
}

/** A source's own hold needs a person (3); one by hand or of a group that alone keeps work back leaves 75. */
function codeOfHold(hold: Pick<Hold, "kind" | "scope">): number {
  if (hold.kind === "credentials") return EXIT_CODES.credentialsRefused;
  return hold.kind === "source" ? EXIT_CODES.attention : EXIT_CODES.held;
}
