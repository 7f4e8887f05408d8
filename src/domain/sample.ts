/** How things stood at the end of a run, and what happened between two such instants. Pure. */
import type { Lane, SubmissionState } from "./submission.ts";

/**
 * Upper bounds, in seconds, of the classes that delays are counted in; what took longer than the last but one is in the
 * last. A ledger counts in the same ones.
 */
export const DELAY_BOUNDS_S: readonly number[] = [
  ...[
    1, 2, 5, 10, 20, 30, 45, 60, 90, 120, 180, 300, 450, 600, 900, 1200, 1800, 2700, 3600, 5400, 7200, 10_800, 14_400,
  ],
  ...[21_600, 32_400, 43_200, 64_800, 86_400, 172_800, 259_200, 604_800, 1_209_600, 2_592_000, 7_776_000],
  Number.MAX_SAFE_INTEGER,
];

/** How many submissions took more than the next lower bound and up to this one, by the bound. Classes of none are left out. */
export type DelayCounts = Readonly<Record<string, number>>;

/** Over all runs: they only rise. */
export interface Sums {
  requests: number;
  rateLimited: number;
  /** Requests whose work had to be asked for again: refused for now, or without a readable answer. */
  retried: number;
  tokens: number;
  delivered: number;
  /** Times that a submission failed: one that is put back and fails again counts twice. */
  failed: number;
}

export interface Sample {
  /** UTC ms. */
  atMs: number;
  run: { kind: string; exitCode: number; durationMs: number };
  queue: Record<SubmissionState | "rejected" | "conflict", number>;
  /** Age of the oldest that is not in the CRM yet; null: nothing waits. */
  oldestSeconds: number | null;
  /** What was known of the account's budget. `usedByUs` is of the budget's day, else of 24 hours. */
  daily: { limit: number | null; usedByUs: number; usedByOthers: number; remaining: number | null } | null;
  burst: { limit: number | null; usedByUs: number; usedByOthers: number } | null;
  /** Open at that instant. */
  holds: number;
  breakers: number;
  sums: Sums;
  delays: Record<Lane, DelayCounts>;
  /** The worst of the samples that this one stands for: thinning takes others away, never what was worst in them. */
  worst: { waiting: number; oldestSeconds: number; failed: number; exitCode: number };
}

/** A hold that was open for a while; null: it still is. */
export interface PastHold {
  kind: string;
  scope: string;
  openedAtMs: number;
  closedAtMs: number | null;
}

const WAITING = ["pending", "waiting", "inProgress", "uncertain"] as const;

/** What has to get into the CRM yet. */
export function waitingIn(queue: Readonly<Record<string, number>>): number {
  return WAITING.reduce((sum, state) => sum + (queue[state] ?? 0), 0);
}

/** `later` in the place of both. */
export function mergeSamples(earlier: Sample, later: Sample): Sample {
  const { worst } = later;
  return {
    ...later,
    worst: {
      waiting: Math.max(earlier.worst.waiting, worst.waiting),
      oldestSeconds: Math.max(earlier.worst.oldestSeconds, worst.oldestSeconds),
      failed: Math.max(earlier.worst.failed, worst.failed),
      exitCode: Math.max(earlier.worst.exitCode, worst.exitCode),
    },
  };
}

/** What happened between two samples. A ledger that was exchanged for an older one yields nothing, never less. */
export function risen(earlier: Sums | null, later: Sums): Sums {
  const rise = (name: keyof Sums): number => Math.max(0, later[name] - (earlier?.[name] ?? 0));
  return {
    requests: rise("requests"),
    rateLimited: rise("rateLimited"),
    retried: rise("retried"),
    tokens: rise("tokens"),
    delivered: rise("delivered"),
    failed: rise("failed"),
  };
}

/** The deliveries between two samples, by class of delay. */
export function delaysBetween(earlier: DelayCounts, later: DelayCounts): DelayCounts {
  const between: Record<string, number> = {};
  for (const [bound, n] of Object.entries(later)) {
    const rise = n - (earlier[bound] ?? 0);
    if (rise > 0) between[bound] = rise;
  }
  return between;
}

export function addDelays(one: DelayCounts, other: DelayCounts): DelayCounts {
  const sum: Record<string, number> = { ...one };
  for (const [bound, n] of Object.entries(other)) sum[bound] = (sum[bound] ?? 0) + n;
  return sum;
}

/**
 * The delay, in seconds, that this part of the deliveries did not exceed, read off within its class on a straight line; of
 * the last class its lower bound. Null: there was none.
 */
export function delayQuantile(counts: DelayCounts, part: number): number | null {
  const total = Object.values(counts).reduce((sum, n) => sum + n, 0);
  if (total === 0) return null;
  const rank = part * total;
  let below = 0;
  for (const [index, bound] of DELAY_BOUNDS_S.entries()) {
    const n = counts[bound] ?? 0;
    const from = DELAY_BOUNDS_S[index - 1] ?? 0;
    if (n > 0 && below + n >= rank) {
      const isLast = index === DELAY_BOUNDS_S.length - 1;
      return isLast ? from : from + ((bound - from) * Math.max(0, rank - below)) / n;
    }
    below += n;
  }
  return null;
}
