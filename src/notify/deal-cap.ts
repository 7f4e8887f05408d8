import type { Facts } from "./facts.ts";
import type { Finding } from "./finding.ts";
import { HOLD_WORDS } from "./hold-words.ts";
import { counted, percent } from "./words.ts";

const DAY_MS = 86_400_000;
const WARNING_PART = 0.8;
const CRITICAL_PART = 0.95;
/** Told when the plan will be full within this. */
const FORECAST_MS = 14 * DAY_MS;
/** Counts closer together say nothing about a pace. */
const PACE_OVER_MS = 3 * DAY_MS;

/**
 * How full the plan's allowance of deals is. The CRM tells no figure: the allowance comes from the config, the count from the
 * last `reconcile` of everything, which lists deals but not leads: so it is the least that there is. The CRM's refusal is sure.
 */
export function dealCap({ nowMs, holds, ledger, settings }: Facts): Finding[] {
  const last = ledger.dealCounts.at(-1);
  const count = last === undefined ? "" : `; the last reconcile counted ${counted(last.deals, "deal")}`;
  const hold = holds.find(({ kind, scope }) => kind === "planCap" && scope === "group:deals");
  const { message, hint } = HOLD_WORDS.planCap;
  const finding = { kind: "planCap", subject: "deals", hint } as const;
  if (hold !== undefined) {
    const text = `${message("what needs deals")}${count}`;
    return [{ ...finding, level: "critical", rank: 3, message: text, sinceMs: hold.openedAtMs }];
  }
  const cap = settings.dealCap;
  if (cap === null || last === undefined) return [];
  const part = last.deals / cap;
  const daysLeft = forecast(ledger.dealCounts, cap, nowMs);
  const soon = daysLeft !== null && daysLeft * DAY_MS <= FORECAST_MS;
  if (part < WARNING_PART && !soon) return [];
  const pace = daysLeft === null ? "" : `; at this pace it is full in ${counted(daysLeft, "day")}`;
  return [
    {
      ...finding,
      level: part >= CRITICAL_PART ? "critical" : "warning",
      rank: part >= CRITICAL_PART ? 2 : part >= WARNING_PART ? 1 : 0,
      message: `at least ${counted(last.deals, "deal")} of the ${cap.toLocaleString("en-US")} deals and leads that the plan allows (${percent(part)})${pace}`,
    },
  ];
}

/** Whole days until the allowance is used up at the pace of the counts; null where they say nothing about that. */
function forecast(counts: Facts["ledger"]["dealCounts"], cap: number, nowMs: number): number | null {
  const [first, last] = [counts[0], counts.at(-1)];
  if (first === undefined || last === undefined || last.atMs - first.atMs < PACE_OVER_MS) return null;
  const perMs = (last.deals - first.deals) / (last.atMs - first.atMs);
  if (perMs <= 0) return null;
  const fullAtMs = last.atMs + (cap - last.deals) / perMs;
  return Math.max(0, Math.floor((fullAtMs - nowMs) / DAY_MS));
}
