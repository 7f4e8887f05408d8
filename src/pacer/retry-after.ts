/** No server's wish is followed for longer than this without asking again. */
export const RETRY_AFTER_MAX_MS = 60 * 60_000;

/**
 * Reads a `Retry-After` header (RFC 9110, 10.2.3: seconds or an HTTP date; decimals are seen in the wild) as milliseconds
 * from now, at most an hour. Null for a missing, negative or unreadable one; 0 for a date that has passed. `nowMs` should
 * be the server's clock (its `Date` header) where that is known.
 */
export function readRetryAfter(text: string | null | undefined, nowMs: number): number | null {
  const trimmed = text?.trim() ?? "";
  if (/^\+?\d+(\.\d*)?$/.test(trimmed)) return capRetryAfter(Number(trimmed) * 1000);
  // A bare number that got here is negative or malformed: Date.parse would take it for a year or a month.
  if (!/[a-z]{3}/i.test(trimmed)) return null;
  const atMs = Date.parse(trimmed);
  return Number.isNaN(atMs) ? null : capRetryAfter(Math.max(0, atMs - nowMs));
}

/** Null and nonsense stay out; what is left is between 0 and an hour, in whole milliseconds. */
export function capRetryAfter(ms: number | null | undefined): number | null {
  if (ms === null || ms === undefined || Number.isNaN(ms) || ms < 0) return null;
  return Math.ceil(Math.min(ms, RETRY_AFTER_MAX_MS));
}
