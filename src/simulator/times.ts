/** The vendor's two ways to write a time: v2 RFC 3339 in whole seconds, v1 `YYYY-MM-DD HH:MM:SS`; both UTC. */

export function rfc3339(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

export function sqlTime(ms: number): string {
  return rfc3339(ms).replace("T", " ").slice(0, 19);
}

const V2_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)$/;
const V1_TIME = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/;

/** UTC ms, or null. Fractional seconds are refused, as the real API does (ERR_SCHEMA_VALIDATION_FAILED). */
export function parseRfc3339(text: string): number | null {
  const ms = V2_TIME.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(ms) ? null : ms;
}

export function parseSqlTime(text: string): number | null {
  const ms = V1_TIME.test(text) ? Date.parse(`${text.replace(" ", "T")}Z`) : Number.NaN;
  return Number.isNaN(ms) ? null : ms;
}

export function isDate(text: string): boolean {
  if (!/^\d{4}-\d\d-\d\d$/.test(text)) return false;
  const ms = Date.parse(`${text}T00:00:00Z`);
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(text);
}
