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

const TOKENS_PER_SEAT = 30_000;

/** The company's tokens a day; null where plan or seats are not known. */
export function dailyTokensOfPlan(plan: PlanName | null, seats: number | null): number | null {
  return plan === null || seats === null ? null : TOKENS_PER_SEAT * PLAN_MULTIPLIERS[plan] * seats;
}
