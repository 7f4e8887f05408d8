/** Longer than any day that a CRM's budget could run: whoever asks for more has sent nonsense, not a time. */
const RETRY_AFTER_MAX_MS = 25 * 60 * 60_000;

/**
 * Reads a `Retry-After` header (RFC 9110, 10.2.3: seconds or an HTTP date; decimals are seen in the wild) as milliseconds
 * from now. Null for a missing, negative, unreadable or absurd one; 0 for a date that has passed. `nowMs` should be the
 * server's clock (its `Date` header) where that is known.
 */
export function readRetryAfter(text: string | null | undefined, nowMs: number): number | null {
  const trimmed = text?.trim() ?? "";
  if (/^\+?\d+(\.\d*)?$/.test(trimmed)) return plausibleWait(Number(trimmed) * 1000, RETRY_AFTER_MAX_MS);
  // A bare number that got here is negative or malformed: Date.parse would take it for a year or a month.
  if (!/[a-z]{3}/i.test(trimmed)) return null;
  const atMs = Date.parse(trimmed);
  return Number.isNaN(atMs) ? null : plausibleWait(Math.max(0, atMs - nowMs), RETRY_AFTER_MAX_MS);
}

/** A wait in whole milliseconds, or null for what is none: missing, negative, not a number, or longer than `mostMs`. */
export function plausibleWait(ms: number | null | undefined, mostMs: number): number | null {
  if (ms === null || ms === undefined || Number.isNaN(ms) || ms < 0 || ms > mostMs) return null;
  return Math.ceil(ms);
}
