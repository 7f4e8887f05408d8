/** A whole number with its thousands apart: 12,345. */
export function count(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+(?!\d))/g, ",");
}

/** `1 submission`, `3 submissions`. */
export function counted(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

const UNITS: readonly (readonly [string, number])[] = [
  ["d", 86_400],
  ["h", 3_600],
  ["m", 60],
  ["s", 1],
];

/** A time span with its two largest units: `3m 20s`, `2d 4h`; below a second `0.4s`. */
export function span(ms: number): string {
  if (ms < 1000) return `${(Math.max(0, ms) / 1000).toFixed(1)}s`;
  let rest = Math.round(ms / 1000);
  const parts: string[] = [];
  for (const [unit, seconds] of UNITS) {
    const amount = Math.floor(rest / seconds);
    if (amount > 0) parts.push(`${amount}${unit}`);
    else if (parts.length > 0) break;
    rest -= amount * seconds;
    if (parts.length === 2) break;
  }
  return parts.join(" ");
}

/** An instant in the machine's zone, with its offset: `2026-11-20 12:15:00 +02:00`. */
export function localTime(ms: number): string {
  const date = new Date(ms);
  const offset = -date.getTimezoneOffset();
  const local = new Date(ms + offset * 60_000).toISOString();
  const size = Math.abs(offset);
  const zone = `${offset < 0 ? "-" : "+"}${pad(Math.floor(size / 60))}:${pad(size % 60)}`;
  return `${local.slice(0, 10)} ${local.slice(11, 19)} ${zone}`;
}

/** The same for an instant of a document. */
export function localTimeOf(rfc3339: string): string {
  return localTime(Date.parse(rfc3339));
}

/** An instant for JSON: RFC 3339 in UTC; null stays null. */
export function utcTime(ms: number): string;
export function utcTime(ms: number | null): string | null;
export function utcTime(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}

const pad = (value: number): string => String(value).padStart(2, "0");
