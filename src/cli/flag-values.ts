import { DURATION_EXAMPLES, parseDuration } from "../config/durations.ts";
import { CrmledgerError } from "../domain/errors.ts";

/** Readers of flag values. Each throws `usage` naming what is accepted. */

export function readCount(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value > 0) return value;
  throw new CrmledgerError("usage", `${JSON.stringify(text)} is no whole number from 1`);
}

/** Milliseconds. */
export function readSpan(text: string): number {
  const ms = parseDuration(text);
  if (ms !== null) return ms;
  throw new CrmledgerError("usage", `${JSON.stringify(text)} is not ${DURATION_EXAMPLES}`);
}

/** A span back from now (`7d`) or an instant (`2026-11-01`); milliseconds back, or UTC ms. */
export function readSince(text: string): { agoMs: number } | { atMs: number } {
  const ms = parseDuration(text);
  if (ms !== null) return { agoMs: ms };
  const at = /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isFinite(at)) return { atMs: at };
  throw new CrmledgerError(
    "usage",
    `${JSON.stringify(text)} is neither ${DURATION_EXAMPLES} nor a date such as 2026-11-01`,
  );
}

export function readPort(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value <= 65_535) return value;
  throw new CrmledgerError("usage", `${JSON.stringify(text)} is no port from 0 to 65535`);
}

export function readWholeNumber(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(value)) return value;
  throw new CrmledgerError("usage", `${JSON.stringify(text)} is no whole number`);
}
