import { count, counted, localTime } from "./human.ts";

/** `forecast` of `sync --dry-run --json` and `status --json`. */
export interface ForecastDocument {
  submissions: number;
  requests: number;
  tokensMin: number;
  tokensMax: number;
  /** How many were planned to know that. */
  plannedFrom: number;
  /** What our share leaves of today's tokens; null: no limit is known. */
  leftToday: number | null;
  /** `tokensMax` as a part of it; null as above, or where nothing is left. */
  partOfLeft: number | null;
  /** Submissions that go before the next budget begins. */
  today: number;
  /** A hold stops everything: the times are those of a queue that goes on now. */
  held: boolean;
  /** Null: not at this rate. */
  doneAt: string | null;
  /** The first ones, from now and from each new budget on. */
  days: { from: string; submissions: number; tokens: number }[];
}

/** `214 submissions, 4,310 tokens, 61 % of what is left today, done at 14:20`. */
export function forecastText(forecast: ForecastDocument, nowMs: number): string {
  const { submissions, tokensMin, tokensMax, today, doneAt, leftToday } = forecast;
  const about = forecast.plannedFrom < submissions ? "about " : "";
  const tokens = tokensMin === tokensMax ? count(tokensMax) : `${count(tokensMin)} to ${count(tokensMax)}`;
  const what = `${counted(submissions, "submission")}, ${about}${tokens} tokens`;
  if (forecast.held) return `${what}${partText(forecast)}; they go once the hold is over`;
  if (doneAt === null)
    return `${what}: more than the day's budget will ever let through at this rate; docs/lanes.md says what helps`;
  const done = timeText(doneAt, nowMs);
  if (today >= submissions) return `${what}${partText(forecast)}, done at ${done}`;
  const goes = today === 0 ? "none of them goes today" : `${count(today)} go today`;
  const left = leftToday === null ? "" : ` (${count(Math.floor(leftToday))} tokens are left for us)`;
  const next = forecast.days.find(({ from }) => Date.parse(from) > nowMs)?.from;
  const rest = next === undefined ? "" : ` from ${timeText(next, nowMs)} on`;
  return `${what}: ${goes}${left}, the rest${rest}, done at ${done}`;
}

function partText({ partOfLeft, tokensMin, tokensMax }: ForecastDocument): string {
  if (partOfLeft === null) return "";
  const percent = partOfLeft * 100;
  const shown = percent > 0 && percent < 1 ? "less than 1" : String(Math.round(percent));
  return `, ${tokensMin === tokensMax ? "" : "at most "}${shown} % of what is left today`;
}

/** Hours and minutes of today, else with the day, in this machine's zone. */
function timeText(rfc3339: string, nowMs: number): string {
  const [day = "", time = ""] = localTime(Date.parse(rfc3339)).split(" ");
  return day === localTime(nowMs).slice(0, 10) ? time.slice(0, 5) : `${day} ${time.slice(0, 5)}`;
}

/** `lookups` of `status --json`: how look-ups were answered so far. */
export interface LookupsDocument {
  mirror: number;
  search: number;
  /** What searching for all of them would have cost, less what lists and reads of them did cost; never below 0. */
  tokensSaved: number;
}

export function lookupsText({ mirror, search, tokensSaved }: LookupsDocument): string {
  const saved = tokensSaved > 0 ? `; about ${count(tokensSaved)} tokens saved` : "";
  return `${count(mirror)} answered by the mirror, ${count(search)} by search${saved}`;
}
