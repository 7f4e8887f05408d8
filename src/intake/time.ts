/** Times as sources write them. */

/** Turns a source's time into UTC ms; null for what is none of the known forms or no real date. */
export type TimeReader = (value: unknown) => number | null;

/** RFC 3339, also with a blank between date and time, without seconds, and without an offset (then local time of the source). */
const CALENDAR =
  /^(\d{4})-(\d{2})-(\d{2})[Tt ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?\s?([Zz]|[+-]\d{2}:?\d{2})?$/;
/** Seconds reach this in the year 5138, milliseconds reached it in 1973: so the size tells which is meant. */
const EPOCH_MS_MIN = 100_000_000_000;
/** March 1973. What is less is no epoch but a spreadsheet's serial number (45981.5), `20261120` or a year. */
const EPOCH_SECONDS_MIN = 100_000_000;
/** The last millisecond of the year 9999. */
const INSTANT_MAX = 253_402_300_799_999;
const DAY_MS = 86_400_000;
const FIRST_YEAR = 1970;
/** Days of a zone whose offset is kept at the most (27 years); then all go. */
const DAYS_MAX = 10_000;

/** How a source wrote a time: with its own offset, as local time of the source, or as an epoch. */
export type TimeForm = "offset" | "local" | "epochSeconds" | "epochMilliseconds";

/** The form of a text that a time reader takes; null for any other. */
export function timeFormOf(value: unknown): TimeForm | null {
  const text = String(value).trim();
  if (/^\d{1,16}(\.\d+)?$/.test(text)) {
    if (Number(text) < EPOCH_SECONDS_MIN) return null;
    return Number(text) < EPOCH_MS_MIN ? "epochSeconds" : "epochMilliseconds";
  }
  const match = CALENDAR.exec(text);
  if (match === null) return null;
  return match[8] === undefined ? "local" : "offset";
}

interface LocalTime {
  year: number;
  month: number;
  day: number;
  hour: number;
  minute: number;
  second: number;
  millisecond: number;
}

/**
 * Makes a reader for a source whose local times are in `zone` (IANA). Of a local time that comes twice (the clock is set
 * back) the earlier is taken; one that never was (set forward) moves by the gap. Luxon is loaded only for a zone that needs it.
 */
export async function loadTimeReader(zone: string): Promise<TimeReader> {
  const toInstant = zone.toUpperCase() === "UTC" ? utcInstant : await loadZone(zone);
  return (value) => readTime(value, toInstant);
}

async function loadZone(zone: string): Promise<(time: LocalTime) => number> {
  const { DateTime } = await import("luxon");
  const instantOf = (time: LocalTime): number =>
    Math.min(
      ...DateTime.fromObject(time, { zone })
        .getPossibleOffsets()
        .map((one) => one.toMillis()),
    );
  const days = new Map<number, number | null>();
  return (time) => {
    // Before 1970 nothing is taken, and two-digit years mean other ones to `Date`.
    if (time.year < FIRST_YEAR) return instantOf(time);
    const local = utcInstant(time);
    const day = Math.floor(local / DAY_MS);
    let offset = days.get(day);
    if (offset === undefined) {
      offset = offsetOfDay(time, instantOf);
      if (days.size >= DAYS_MAX) days.clear();
      days.set(day, offset);
    }
    return offset === null ? instantOf(time) : local - offset;
  };
}

/** What local time is ahead of UTC by on a day that has one offset only, in ms; null where clocks are set on it. */
function offsetOfDay(time: LocalTime, instantOf: (time: LocalTime) => number): number | null {
  const first = { ...time, hour: 0, minute: 0, second: 0, millisecond: 0 };
  const last = { ...time, hour: 23, minute: 59, second: 59, millisecond: 999 };
  const offset = utcInstant(first) - instantOf(first);
  return utcInstant(last) - instantOf(last) === offset ? offset : null;
}

function readTime(value: unknown, toInstant: (time: LocalTime) => number): number | null {
  if (typeof value === "number" || typeof value === "bigint") return epoch(Number(value));
  if (typeof value !== "string") return null;
  const text = value.trim();
  if (/^\d{1,16}(\.\d+)?$/.test(text)) return epoch(Number(text));
  const match = CALENDAR.exec(text);
  if (match === null) return null;
  const time = localTime(match);
  if (time === null) return null;
  const offset = match[8];
  const instant = offset === undefined ? toInstant(time) : utcInstant(time) - offsetMs(offset);
  return Number.isFinite(instant) && instant >= 0 && instant <= INSTANT_MAX ? instant : null;
}

function epoch(value: number): number | null {
  const ms = Math.round(value < EPOCH_MS_MIN ? value * 1000 : value);
  return Number.isFinite(ms) && value >= EPOCH_SECONDS_MIN && ms <= INSTANT_MAX ? ms : null;
}

/** No month has fewer. */
const DAYS_OF_EACH_MONTH = 28;

function localTime(match: RegExpExecArray): LocalTime | null {
  const [year, month, day] = [Number(match[1]), Number(match[2]), Number(match[3])];
  const [hour, minute, seconds] = [Number(match[4]), Number(match[5]), Number(match[6] ?? 0)];
  if (month < 1 || month > 12 || day < 1 || hour > 23 || minute > 59 || seconds > 60) return null;
  if (day > DAYS_OF_EACH_MONTH && day > new Date(Date.UTC(year, month, 0)).getUTCDate()) return null;
  const millisecond = match[7] === undefined ? 0 : Number(match[7].padEnd(3, "0").slice(0, 3));
  // A leap second (RFC 3339, 5.7) has no number of its own in UTC ms.
  return { year, month, day, hour, minute, second: Math.min(seconds, 59), millisecond };
}

function utcInstant(time: LocalTime): number {
  return Date.UTC(time.year, time.month - 1, time.day, time.hour, time.minute, time.second, time.millisecond);
}

function offsetMs(offset: string): number {
  if (offset === "Z" || offset === "z") return 0;
  const sign = offset.startsWith("-") ? -1 : 1;
  const digits = offset.replace(/\D/g, "");
  return sign * (Number(digits.slice(0, 2)) * 60 + Number(digits.slice(2))) * 60_000;
}
