import { DateTime } from "luxon";

/** Missed submissions are some days old; last year's export is not what anybody missed. */
const MISSED_DAYS = 30;

/** From when on a new source sends what it gets, and from when on what comes in by file as missed. Instants with their offset. */
export interface SendFroms {
  sendFrom: string;
  importFrom: string;
}

/** Local midnight of today, and of a month ago, in an IANA zone; UTC where it is none. */
export function sendFroms(nowMs: number, timezone: string): SendFroms {
  const now = DateTime.fromMillis(nowMs, { zone: timezone });
  const today = (now.isValid ? now : now.setZone("UTC")).startOf("day");
  const text = (time: DateTime): string => time.toISO({ suppressMilliseconds: true }) ?? "";
  return { sendFrom: text(today), importFrom: text(today.minus({ days: MISSED_DAYS })) };
}
