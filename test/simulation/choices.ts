/** What a seed decides before anything happens: settings, faults, and which kinds of trouble there are at all. */
import type { DrainSettings, PlanSettings } from "../../src/domain/settings.ts";
import type { FaultKind, FaultPlan } from "../../src/simulator/fault-plan.ts";
import type { SimulatorOptions } from "../../src/simulator/options.ts";
import { PLAN, SETTINGS } from "../support/drain-rig.ts";
import { type Dice, dice } from "./dice.ts";

/** Kinds of trouble beside the CRM's faults. Each is there or not by seed, then happens by chance. */
export const TROUBLES = [
  "death",
  "pause",
  "kill",
  "signal",
  "reboot",
  "clock",
  "suspend",
  "people",
  "others",
  "revoked",
  "byHand",
  "retryFailed",
  "check",
  "repair",
  "limited",
  "together",
] as const;
export type Trouble = (typeof TROUBLES)[number];

/** Odds per call at the most; rare ones stop whole runs or groups for a long time. */
const FAULTS: Partial<Record<FaultKind, number>> = {
  rateLimit429: 0.1,
  error500Before: 0.1,
  error500After: 0.1,
  error503: 0.08,
  resetBefore: 0.1,
  resetAfter: 0.1,
  hang: 0.05,
  hangAfter: 0.05,
  lateApply: 0.08,
  truncated: 0.06,
  garbage2xx: 0.06,
  html2xx: 0.04,
  html403: 0.02,
  unauthorized: 0.02,
  paymentRequired: 0.02,
  planCap: 0.03,
  drip: 0.03,
  redirect: 0.01,
  hugeBody: 0.02,
};

export const SOURCES = ["website", "desk", "shop", "events"] as const;
export type Source = (typeof SOURCES)[number];

export interface Choices {
  seed: number;
  troubles: ReadonlySet<Trouble>;
  faults: FaultPlan;
  settings: DrainSettings;
  simulator: Omit<SimulatorOptions, "clock">;
  /** Deaths and pauses at each instant of a run. */
  deathOdds: number;
  pauseOdds: number;
  /** How long the trouble lasts, and the time between two starts of a run. */
  troubleMs: number;
  cronMs: number;
  /** Runs side by side at the most. */
  runsMax: number;
  submissions: number;
  waves: number;
  tokens: readonly string[];
  lateMaxMs: number;
}

const MINUTE_MS = 60_000;
/** How late a write whose answer was lost may happen: within the last settle time, which is what is promised to be survived. */
export const LATE_MAX_MS = 240_000;

/** `lateMaxMs` beyond the last settle time breaks the bounds on purpose. */
export function choose(seed: number, lateMaxMs = LATE_MAX_MS): Choices {
  const die = dice(seed, "choices");
  const troubles = new Set(TROUBLES.filter(() => die.chance(0.4)));
  const tokens = ["token-of-the-first-user", "token-of-the-second-user", "token-of-the-third-user"];
  const faults = faultsOf(die, lateMaxMs);
  const roundTripMs = die.pick([20, { leastMs: 20, mostMs: 400 }, { leastMs: 200, mostMs: 3_000 }]);
  return {
    seed,
    troubles,
    faults,
    settings: settingsOf(die),
    simulator: {
      seed,
      tokens,
      withStampFields: true,
      faults,
      roundTripMs,
      searchLagMs: die.pick([0, 3_000, 20_000, 120_000]),
      clockSkewMs: die.pick([0, 0, -3_000, 5_000, 90_000]),
      deletedGet: die.pick([200, 404, 410] as const),
      limits: {
        burst: die.pick([20, 20, 40, 80]),
        dailyTokens: troubles.has("limited") ? die.between(150, 900) : null,
        dailyHeaders: die.chance(0.7),
        retryAfter: die.chance(0.5),
      },
      ...(troubles.has("others") && {
        others: { requestsPerSecond: die.pick([1, 3, 6]), tokensPerSecond: die.pick([0, 0.05]) },
      }),
    },
    deathOdds: die.pick([0.001, 0.003, 0.01]),
    pauseOdds: die.pick([0.001, 0.002, 0.005]),
    troubleMs: die.between(4, 15) * MINUTE_MS,
    cronMs: die.pick([1, 2, 3]) * MINUTE_MS,
    runsMax: troubles.has("together") ? die.between(2, 3) : 1,
    submissions: die.between(3, 12),
    waves: die.between(1, 4),
    tokens,
    lateMaxMs,
  };
}

/** Two dice: whether a kind is there in this world at all, and how often. */
function faultsOf(die: Dice, lateMaxMs: number): FaultPlan {
  const plan: FaultPlan = {};
  const calm = die.chance(0.1);
  for (const [kind, most] of Object.entries(FAULTS) as [FaultKind, number][]) {
    const there = die.chance(most < 0.05 ? 0.12 : 0.3);
    const perCall = most * (0.2 + 0.8 * die.next());
    if (there && !calm) plan[kind] = { on: 1, perCall, ...(kind === "lateApply" && { ms: lateMaxMs * die.next() }) };
  }
  return plan;
}

function settingsOf(die: Dice): DrainSettings {
  const plan = (more: Partial<PlanSettings>): PlanSettings => ({ ...PLAN, ...more });
  const notes = { ...PLAN.notes, reference: !die.chance(0.1) };
  const keyed: PlanSettings["deals"] = { match: die.pick(["key", "key", "openDealOfPerson"] as const) };
  const onMatch = die.pick(["fillEmpty", "overwrite", "keep"] as const);
  return {
    ...SETTINGS,
    limits: {
      ...SETTINGS.limits,
      share: die.pick([0.5, 0.8, 1]),
      concurrency: die.pick([null, null, 1, 3]),
    },
    retry: {
      ...SETTINGS.retry,
      maxAttempts: die.pick([2, 5, 5, 8]),
      baseDelayMs: die.pick([1_000, 5_000]),
    },
    breaker: { ...SETTINGS.breaker, window: die.pick([5, 20]) },
    freshnessMs: die.pick([0, 0, 60_000]),
    plans: {
      default: plan({ notes }),
      website: plan({ notes }),
      desk: plan({ persons: { ...PLAN.persons, onMatch: "overwrite" } }),
      shop: plan({ deals: keyed, persons: { ...PLAN.persons, onMatch } }),
      events: plan({ notes }),
    },
  };
}
