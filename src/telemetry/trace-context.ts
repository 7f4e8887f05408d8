/** Ids of traces and spans, made of what the ledger knows: every run gives a submission's spans the same ones. */
import { sha256 } from "../domain/json.ts";
import type { TracedSubmission } from "../ledger/traces.ts";

/** A span of somebody else, under which ours go on. */
export interface RemoteParent {
  traceId: string;
  spanId: string;
  sampled: boolean;
}

/** 128 bits as hex, never all zero. */
export function traceIdOf(ledgerId: string, ...of: readonly (string | number)[]): string {
  return sha256(`crmledger trace\n${[ledgerId, ...of].join("\n")}`).slice(0, 32);
}

/** 64 bits as hex, never all zero. */
export function spanIdOf(ledgerId: string, ...of: readonly (string | number)[]): string {
  return sha256(`crmledger span\n${[ledgerId, ...of].join("\n")}`).slice(0, 16);
}

/** Version, trace id, parent id, flags; a later version may say more behind them (W3C Trace Context, 3.2). */
const TRACEPARENT = /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/** Reads a `traceparent`; null where it is none. https://www.w3.org/TR/trace-context/#traceparent-header (read 2026-11-23). */
export function parseTraceparent(text: unknown): RemoteParent | null {
  const match = typeof text === "string" ? TRACEPARENT.exec(text.trim()) : null;
  if (match === null || (match[1] === "00" && match[5] !== undefined)) return null;
  const [, , traceId = "", spanId = "", flags = ""] = match;
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

/** The sender's trace, where what the map took, or the headers that a webhook was stored with, name one; else the submission's own. */
export function traceOfSubmission(
  ledgerId: string,
  { id, traceparent, headers }: Pick<TracedSubmission, "id" | "traceparent" | "headers">,
): { traceId: string; remote: RemoteParent | null } {
  const remote = parseTraceparent(traceparent) ?? parseTraceparent(headerOf(headers));
  return { traceId: remote?.traceId ?? traceIdOf(ledgerId, "submission", id), remote };
}

/** Their names come in any case, their values alone or in a list. */
function headerOf(headers: string | null): unknown {
  if (headers === null || !headers.startsWith("{")) return undefined;
  const found = Object.entries(JSON.parse(headers) as object).find(([name]) => name.toLowerCase() === "traceparent");
  return Array.isArray(found?.[1]) ? found[1][0] : found?.[1];
}
