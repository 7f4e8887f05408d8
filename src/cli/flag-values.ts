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

/** A span back from now (`7d`) or an instant (`2026-11-01`: this machine's midnight); milliseconds back, or UTC ms. */
export function readSince(text: string): { agoMs: number } | { atMs: number } {
  const ms = parseDuration(text);
  if (ms !== null) return { agoMs: ms };
  const isDay = /^\d{4}-\d{2}-\d{2}$/.test(text);
  const at = isDay ? Date.parse(`${text}T00:00`) : /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isFinite(at)) return { atMs: at };
  throw new CrmledgerError(
    "usage",
    `${JSON.stringify(text)} is neither ${DURATION_EXAMPLES} nor a date such as 2026-11-01`,
  );
}

/** `2026-03`, in the zone of this machine; the instants at which it begins and ends, UTC ms. */
export function readMonth(text: string): { sinceMs: number; untilMs: number } {
  const [, year, month] = /^(\d{4})-(0[1-9]|1[0-2])$/.exec(text) ?? [];
  if (year === undefined) throw new CrmledgerError("usage", `${JSON.stringify(text)} is no month such as 2026-03`);
  const at = (index: number): number => new Date(Number(year), index, 1).getTime();
  return { sinceMs: at(Number(month) - 1), untilMs: at(Number(month)) };
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
