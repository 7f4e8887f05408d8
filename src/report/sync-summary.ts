import type { HoldKind } from "../domain/hold.ts";
import { count, counted, localTimeOf, span } from "./human.ts";
import { safeLine } from "./safe-text.ts";
import type { Style } from "./style.ts";

/** What ingest made of records; part of several documents. */
export interface IngestedCounts {
  new: number;
  duplicate: number;
  conflict: number;
  skipped: number;
  history: number;
  rejected: number;
}

export interface HoldDocument {
  kind: HoldKind;
  scope: string;
  /** RFC 3339; null: until a person acts. */
  until: string | null;
  message: string;
}

/** The document of `sync --json`. */
export interface SyncSummary {
  run: string;
  ingested: IngestedCounts;
  drained: { done: number; waiting: number; uncertain: number; failed: number };
  remaining: number;
  warnings: string[];
  requests: { total: number; rateLimited: number; retried: number; tokens: number };
  lookups: { mirror: number; search: number };
  stopped: "drained" | "limit" | "maxDuration" | "maxTokens" | "hold" | "signal";
  hold: HoldDocument | null;
  durationMs: number;
  /** RFC 3339: when the first of what waits falls due. Absent: nothing waits for a time. */
  nextDueAt?: string;
  /** Files in spools that are not taken without somebody's word, also of sources that this run did not read. Absent: none. */
  heldFiles?: { source: string; file: string }[];
  /** What broke the run off, or kept it from sending. */
  error?: { code: string; message: string; hint: string | null };
}

const ENDS: Record<SyncSummary["stopped"], string> = {
  drained: "",
  limit: "Stopped at --limit; the rest waits for the next run.",
  maxDuration: "Stopped at --max-duration; the rest waits for the next run.",
  maxTokens: "Stopped at --max-tokens; the rest waits for the next run.",
  hold: "Stopped for a hold; the rest waits in the ledger.",
  signal: "Stopped by a signal; what was in flight is recorded, the rest waits in the ledger.",
};

/** `12 new, 3 duplicate`; zeros are left out. */
export function ingestedText(counts: Partial<IngestedCounts>): string {
  const parts = Object.entries(counts)
    .filter(([, value]) => value > 0)
    .map(([name, value]) => `${count(value)} ${name}`);
  return parts.length === 0 ? "nothing new" : parts.join(", ");
}

/** What a run did not get to count because it broke off. */
export interface Uncounted {
  ingested: boolean;
  drained: boolean;
}

const UNCOUNTED = "not counted, the run broke off; see: crmledger status";

/** The numbers of a run. `endedAt`, RFC 3339: what a log needs to be read later. Warnings and what broke it off are talk: they go to standard error as they happen. */
export function renderSyncSummary(summary: SyncSummary, style: Style, endedAt?: string, uncounted?: Uncounted): string {
  const { drained, requests, lookups } = summary;
  const lines = [
    `${style.bold("Ingested")}  ${uncounted?.ingested ? UNCOUNTED : ingestedText(summary.ingested)}`,
    `${style.bold("Drained")}   ${uncounted?.drained ? UNCOUNTED : drainedText(summary, style)}`,
    `${style.bold("Requests")}  ${requestsText(requests)}; look-ups: ${count(lookups.mirror)} from the mirror, ${count(lookups.search)} by search`,
  ];
  if (summary.hold !== null) lines.push(`${style.yellow("Hold")}      ${holdText(summary.hold)}`);
  if (drained.failed > 0)
    lines.push(`${style.red("Failed")}    ${counted(drained.failed, "submission")}; see: crmledger failed`);
  const { rejected, conflict } = summary.ingested;
  if (rejected + conflict > 0)
    lines.push(
      `${style.red("Kept")}      ${counted(rejected + conflict, "record")} that can't be taken; see: crmledger rejects`,
    );
  const end =
    summary.error === undefined ? ENDS[summary.stopped] : "Stopped by an error; the rest waits in the ledger.";
  const rest =
    summary.remaining > 0 ? ` ${counted(summary.remaining, "submission")} left in the queue${dueText(summary)}.` : "";
  lines.push(
    `${end}${rest} Took ${span(summary.durationMs)}${endedAt === undefined ? "" : `, until ${localTimeOf(endedAt)}`}.`.trim(),
  );
  return `${lines.join("\n")}\n`;
}

/** Where the queue was worked off and no hold says it, why something is left. */
function dueText({ stopped, hold, error, nextDueAt }: SyncSummary): string {
  const isSaid = stopped !== "drained" || hold !== null || error !== undefined;
  return isSaid || nextDueAt === undefined ? "" : `, the first due at ${localTimeOf(nextDueAt)}`;
}

function drainedText({ drained }: SyncSummary, style: Style): string {
  const parts = [style.green(`${count(drained.done)} done`)];
  if (drained.waiting > 0) parts.push(`${count(drained.waiting)} waiting`);
  if (drained.uncertain > 0)
    parts.push(style.yellow(`${count(drained.uncertain)} uncertain (being looked for, never sent twice)`));
  if (drained.failed > 0) parts.push(style.red(`${count(drained.failed)} failed`));
  return parts.join(", ");
}

function requestsText(requests: SyncSummary["requests"]): string {
  const parts = [`${count(requests.total)} for ${counted(requests.tokens, "token")}`];
  if (requests.rateLimited > 0) parts.push(`${count(requests.rateLimited)} rate limited`);
  if (requests.retried > 0) parts.push(`${count(requests.retried)} retried`);
  return parts.join(", ");
}

/** Holds without an end of their own, and who ends them. */
const ENDED_BY: Partial<Record<HoldKind, string>> = {
  paused: "crmledger resume",
  staleLedger: "somebody acts",
  credentials: "the token is mended",
};

export function holdText(hold: HoldDocument): string {
  const endedBy = hold.scope.startsWith("backfill:") ? "crmledger sync --yes" : ENDED_BY[hold.kind];
  const until =
    hold.until === null ? `until ${endedBy ?? "it is over; each run asks once"}` : `until ${localTimeOf(hold.until)}`;
  return `${hold.kind} (${safeLine(hold.scope)}) ${until}: ${safeLine(hold.message)}`;
}
