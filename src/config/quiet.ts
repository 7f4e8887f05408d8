import type { QuietWindow } from "../domain/settings.ts";
import { value } from "./shape.ts";

const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;
const DAY_MINUTES = 1_440;
const WINDOW = /^(?:([A-Za-z,\s-]+?)\s*)?(?:(\d{1,2}):(\d{2})\s*[-–]\s*(\d{1,2}):(\d{2}))?$/;

/** `22:00-07:00`, `Sat-Sun`, `Mon-Fri 08:00-18:00`, or a list of these. Days are those on which a window begins. */
export const quietHours = () =>
  value(
    'hours such as "22:00-07:00", "Sat-Sun" or "Mon-Fri 08:00-18:00", or a list of these, each with a begin and an end that differ, and some time of the week left',
    (given) => {
      const texts = Array.isArray(given) ? given : [given];
      const windows = texts.map((text) => (typeof text === "string" ? windowOf(text.trim()) : null));
      if (windows.length === 0 || windows.includes(null)) return undefined;
      return leavesTime(windows as QuietWindow[]) ? (windows as QuietWindow[]) : undefined;
    },
  );

function windowOf(text: string): QuietWindow | null {
  const match = WINDOW.exec(text);
  if (text === "" || match === null) return null;
  const [, dayText, ...times] = match;
  const days = dayText === undefined ? [1, 2, 3, 4, 5, 6, 7] : daysOf(dayText);
  if (days === null) return null;
  if (times[0] === undefined) return { days, fromMinute: 0, toMinute: DAY_MINUTES };
  const fromMinute = minuteOf(times[0], times[1]!);
  const toMinute = minuteOf(times[2]!, times[3]!);
  if (fromMinute === null || toMinute === null || fromMinute === toMinute || fromMinute === DAY_MINUTES) return null;
  return { days, fromMinute, toMinute };
}

function minuteOf(hours: string, minutes: string): number | null {
  const minute = Number(hours) * 60 + Number(minutes);
  return Number(minutes) < 60 && minute <= DAY_MINUTES ? minute : null;
}

/** `Mon-Fri`, `Sat,Sun`, `Fri-Mon`; 1 is Monday. */
function daysOf(text: string): number[] | null {
  const days = new Set<number>();
  for (const part of text.toLowerCase().split(",")) {
    const [first, last, ...more] = part.split("-").map((name) => dayOf(name.trim()));
    if (!first || last === 0 || more.length > 0) return null;
    for (let day = first; ; day = (day % 7) + 1) {
      days.add(day);
      if (day === (last ?? first)) break;
    }
  }
  return [...days].sort();
}

/** 0: no day. */
function dayOf(name: string): number {
  return name.length < 3 ? 0 : DAYS.findIndex((day) => name === day || name === FULL[day]) + 1;
}

const FULL: Readonly<Record<(typeof DAYS)[number], string>> = {
  mon: "monday",
  tue: "tuesday",
  wed: "wednesday",
  thu: "thursday",
  fri: "friday",
  sat: "saturday",
  sun: "sunday",
};

function leavesTime(windows: readonly QuietWindow[]): boolean {
  const quiet = new Set<number>();
  for (const { days, fromMinute, toMinute } of windows) {
    const minutes = toMinute > fromMinute ? toMinute - fromMinute : toMinute + DAY_MINUTES - fromMinute;
    for (const day of days)
      for (let at = 0; at < minutes; at += 1)
        quiet.add(((day - 1) * DAY_MINUTES + fromMinute + at) % (7 * DAY_MINUTES));
  }
  return quiet.size < 7 * DAY_MINUTES;
}
