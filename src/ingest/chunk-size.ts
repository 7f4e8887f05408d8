/** How many records are written in one transaction: it must not hold the ledger's write lock for 50 ms. Found out as it goes. */
export const RECORDS_AT_ONCE_MIN = 200;
const RECORDS_AT_ONCE_MAX = 2_000;
const SHORT_MS = 8;
const LONG_MS = 16;

/** The next transaction's records, after one of `records` took so long. Larger ones write fewer pages, shorter ones let others in. */
export function fitted(atOnce: number, records: number, tookMs: number): number {
  if (tookMs > LONG_MS) return Math.max(RECORDS_AT_ONCE_MIN, Math.floor(atOnce / 2));
  return tookMs < SHORT_MS && records >= atOnce ? Math.min(RECORDS_AT_ONCE_MAX, atOnce * 2) : atOnce;
}
