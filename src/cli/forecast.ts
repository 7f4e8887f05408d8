import type { Config } from "../config/config.ts";
import { endsRun } from "../domain/hold.ts";
import type { Counter } from "../ledger/history.ts";
import type { ForecastDocument, LookupsDocument } from "../report/forecast-words.ts";
import { utcTime } from "../report/human.ts";
import type { DrainForecast } from "../runner/forecast.ts";
import type { PreviewDeps } from "../runner/preview.ts";
import { credentialName, type Shop } from "./compose.ts";
import { readToken } from "./read-config.ts";

const DAY_MS = 24 * 3_600_000;
/** Of a longer queue the first so many are planned, and the others taken to cost as much. */
const PLANNED_MAX = 100;
const DAYS_SHOWN = 14;

/** What plans are made with. Reads the token; sends nothing. */
export async function previewDeps(
  { ledger, config, clock }: Pick<Shop, "ledger" | "config" | "clock">,
  phone: PreviewDeps["phone"],
): Promise<PreviewDeps> {
  const { adapterOf } = await import("../crm/registry.ts");
  const { type, baseUrl, timeoutMs } = config.crm;
  const credential = credentialName(type, readToken(config));
  const settings = config.drain;
  return { ledger, adapter: adapterOf(type), clock, phone, baseUrl, timeoutMs, credential, settings };
}

/** Budgets are in the forecast itself: only other holds keep back what it says. */
export async function forecastDocument(
  ledger: Shop["ledger"],
  forecast: DrainForecast | null,
): Promise<ForecastDocument | null> {
  if (forecast === null) return null;
  const held = (await ledger.holds()).some((hold) => endsRun(hold) && hold.kind !== "dailyQuota");
  const { days, doneAtMs, leftToday, partOfLeft, ...rest } = forecast;
  const shown = days.slice(0, DAYS_SHOWN);
  return {
    ...{ ...rest, held },
    leftToday: leftToday === null ? null : Math.floor(leftToday),
    partOfLeft: partOfLeft === null ? null : Number(partOfLeft.toFixed(4)),
    doneAt: utcTime(doneAtMs),
    days: shown.map(({ fromMs, submissions, tokens }) => ({ from: utcTime(fromMs), submissions, tokens })),
  };
}

export interface Outlook {
  forecast: ForecastDocument | null;
  /** How look-ups of the next run would be answered, and why. */
  why: string[];
}

/** What waits, planned as a run would. Nulls where nothing waits, or without a config or a token: status answers anyway. */
export async function outlook(shop: Omit<Shop, "config"> & { config: Config | null }): Promise<Outlook> {
  const { ledger, config, clock } = shop;
  const waiting = await ledger.workAhead(clock.wallMs() + DAY_MS);
  if (config === null || waiting.operational + waiting.background === 0) return { forecast: null, why: [] };
  try {
    const [{ previewDrain }, { forecastDrain }, { loadPhoneNormalizer }] = await Promise.all([
      import("../runner/preview.ts"),
      import("../runner/forecast.ts"),
      import("../intake/phone.ts"),
    ]);
    const deps = await previewDeps({ ...shop, config }, await loadPhoneNormalizer());
    const limits = { ...{ submissionsMax: PLANNED_MAX, durationMaxMs: null, waitMaxMs: 0 }, ...NO_LIMITS };
    const plan = await previewDrain(deps, limits, []);
    const forecast = await forecastDrain(deps, plan, waiting);
    return { forecast: await forecastDocument(ledger, forecast), why: plan.why };
  } catch {
    return { forecast: null, why: [] };
  }
}

const NO_LIMITS = { tokensMax: null, source: null, lane: null } as const;

/** Null before anything was looked for. */
export async function lookupsDocument(ledger: Shop["ledger"]): Promise<LookupsDocument | null> {
  const counted = await ledger.counters();
  const sum = (name: Counter["name"], where: (labels: Record<string, string>) => boolean): number =>
    counted.filter((one) => one.name === name && where(one.labels)).reduce((total, { value }) => total + value, 0);
  const mirror = sum("lookups", ({ by }) => by === "mirror");
  const search = sum("lookups", ({ by }) => by === "search");
  if (mirror + search === 0) return null;
  const instead = sum("searchTokensSaved", () => true);
  const isRead = ({ group = "", route = "" }): boolean =>
    ["persons", "organizations"].includes(group) && route.startsWith("GET ");
  const paid = sum("tokens", isRead);
  return { mirror, search, tokensSaved: Math.max(0, Math.round(instead - paid)) };
}
