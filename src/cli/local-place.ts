import { readFileSync } from "node:fs";
import type { Environment } from "../config/environment.ts";

/** Where this machine says that it is: what `init` offers, never what it decides. */
export interface LocalPlace {
  /** IANA name. */
  timezone: string;
  /** ISO 3166-1 alpha-2; null where nothing tells. */
  country: string | null;
}

/** Zone to country, of the time zone database that most systems carry (theory.html of tzdata: zone.tab, tab-separated). */
const ZONE_TABLES = ["/usr/share/zoneinfo/zone.tab", "/usr/share/lib/zoneinfo/tab/zone_sun.tab"];

export function localPlace(env: Environment): LocalPlace {
  const timezone = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
  return { timezone, country: countryOfZone(timezone) ?? countryOfLocale(env) };
}

function countryOfZone(timezone: string): string | null {
  for (const table of ZONE_TABLES) {
    const row = linesOf(table).find((line) => line.split("\t")[2] === timezone);
    if (row !== undefined) return row.slice(0, 2);
  }
  return null;
}

function linesOf(path: string): string[] {
  try {
    return readFileSync(path, "utf8").split("\n");
  } catch {
    return [];
  }
}

/** `en_US` is what servers everywhere are installed with, so it says nothing. */
function countryOfLocale(env: Environment): string | null {
  const locale = env.LC_ALL || env.LC_TELEPHONE || env.LANG || "";
  const country = /^[a-z]{2,3}_([A-Z]{2})\b/.exec(locale)?.[1] ?? null;
  return locale.startsWith("en_US") ? null : country;
}
