/** Plan names of the config, with Pipedrive's multipliers (pipedrive.readme.io, rate limiting, read 2026-11-23). */
export const PLAN_MULTIPLIERS = { lite: 1, growth: 2, premium: 5, ultimate: 7 } as const;
export type PlanName = keyof typeof PLAN_MULTIPLIERS;

/** Custom fields that a company may have, of all kinds of records together (support.pipedrive.com, usage limits, 2025-11-04). */
export const CUSTOM_FIELDS_MAX: Readonly<Record<PlanName, number>> = {
  lite: 30,
  growth: 100,
  premium: 300,
  ultimate: 500,
};

/** Deals and leads that a company may have for each seat, archived and deleted ones not counted (the same page). */
const DEALS_PER_SEAT: Readonly<Record<PlanName, number>> = {
  lite: 2_500,
  growth: 5_000,
  premium: 15_000,
  ultimate: 20_000,
};
/** Whatever the seats. */
const DEALS_MAX = 300_000;

/** The company's deals and leads together; null where plan or seats are not known. Accounts from before 2025-05-29 have other caps. */
export function dealCapOfPlan(plan: PlanName | null, seats: number | null): number | null {
  return plan === null || seats === null ? null : Math.min(DEALS_MAX, DEALS_PER_SEAT[plan] * seats);
}

const TOKENS_PER_SEAT = 30_000;

/** The company's tokens a day; null where plan or seats are not known. */
export function dailyTokensOfPlan(plan: PlanName | null, seats: number | null): number | null {
  return plan === null || seats === null ? null : TOKENS_PER_SEAT * PLAN_MULTIPLIERS[plan] * seats;
}
