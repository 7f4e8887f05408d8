/** A status and its past, as a busy month leaves them. */
import { DELAY_BOUNDS_S, type Sample, waitingIn } from "../../src/domain/sample.ts";
import type { StatusHistory } from "../../src/report/history-frame.ts";
import type { StatusDocument } from "../../src/report/status-page.ts";

export const NOW_MS = Date.UTC(2026, 10, 23, 16, 20, 0);
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

const QUEUE = {
  ...{ pending: 0, waiting: 0, inProgress: 0, uncertain: 0, done: 0, failed: 0, dropped: 0, history: 0 },
  ...{ rejected: 0, conflict: 0 },
};

export function sampleOf(atMs: number, more: Partial<Sample> = {}): Sample {
  const queue = { ...QUEUE, ...more.queue };
  const oldestSeconds = more.oldestSeconds ?? null;
  return {
    atMs,
    run: { kind: "sync", exitCode: 0, durationMs: 4_000 },
    oldestSeconds,
    daily: { limit: 60_000, usedByUs: 0, usedByOthers: 0, remaining: 60_000 },
    burst: { limit: 40, usedByUs: 0, usedByOthers: 0 },
    holds: 0,
    breakers: 0,
    sums: { requests: 0, rateLimited: 0, retried: 0, tokens: 0, delivered: 0, failed: 0 },
    delays: { operational: {}, background: {} },
    worst: { waiting: waitingIn(queue), oldestSeconds: oldestSeconds ?? 0, failed: queue.failed, exitCode: 0 },
    ...more,
    queue,
  };
}

/** Thirty days of runs every five minutes, thinned as a ledger thins; `silent` hours of the last day nothing ran. */
export function monthOf(nowMs = NOW_MS, silent: readonly [fromHour: number, toHour: number] = [7, 9]): Sample[] {
  const samples: Sample[] = [];
  const sums = { requests: 0, rateLimited: 0, retried: 0, tokens: 0, delivered: 0, failed: 0 };
  const delays: Record<string, number> = {};
  let ours = 0;
  for (let atMs = nowMs - 30 * DAY_MS; atMs <= nowMs; atMs += 5 * MINUTE_MS) {
    const ago = nowMs - atMs;
    if (ago > silent[0] * HOUR_MS && ago < silent[1] * HOUR_MS) continue;
    const day = atMs % DAY_MS;
    const busy = Math.max(0, Math.sin((day / DAY_MS) * 2 * Math.PI - 1.8)) * (1 + Math.sin(atMs / DAY_MS));
    const trouble = ago > 12 * HOUR_MS && ago < 14 * HOUR_MS ? 1 : 0;
    const delivered = Math.round(busy * 6) + (trouble ? 0 : 1);
    if (day < 5 * MINUTE_MS) ours = 0;
    ours += delivered * 25;
    Object.assign(sums, {
      requests: sums.requests + delivered * 4 + 1,
      rateLimited: sums.rateLimited + trouble * 2,
      retried: sums.retried + trouble * 3,
      tokens: sums.tokens + delivered * 25,
      delivered: sums.delivered + delivered,
      failed: sums.failed + (trouble && day % HOUR_MS < 5 * MINUTE_MS ? 1 : 0),
    });
    for (let index = 0; index < delivered; index += 1) {
      const bound = DELAY_BOUNDS_S[7 + ((index * 3 + Math.floor(atMs / MINUTE_MS)) % 7) + trouble * 4]!;
      delays[bound] = (delays[bound] ?? 0) + 1;
    }
    const pending = Math.round(busy * 9) + (trouble ? Math.round((14 * HOUR_MS - ago) / MINUTE_MS) : 0);
    const kept = ago < DAY_MS || (ago < 7 * DAY_MS ? atMs % (15 * MINUTE_MS) === 0 : atMs % HOUR_MS === 0);
    if (kept || ago < DAY_MS) {
      const others = Math.round(9_000 * (day / DAY_MS));
      samples.push(
        sampleOf(atMs, {
          ...{ sums: { ...sums }, delays: { operational: { ...delays }, background: {} }, holds: trouble },
          queue: { ...QUEUE, pending, done: sums.delivered, failed: Math.min(38, sums.failed) },
          oldestSeconds: pending === 0 ? null : 120 + pending * 20,
          daily: { limit: 60_000, usedByUs: ours, usedByOthers: others, remaining: 60_000 - ours - others },
        }),
      );
    }
  }
  return samples;
}

export function sampleHistory(samples: readonly Sample[] = monthOf(), nowMs = NOW_MS): StatusHistory {
  const hold = (kind: string, scope: string, fromHours: number, toHours: number | null) => ({
    ...{ kind, scope, openedAtMs: nowMs - fromHours * HOUR_MS },
    closedAtMs: toHours === null ? null : nowMs - toHours * HOUR_MS,
  });
  const holds =
    samples.length === 0
      ? []
      : [
          hold("dailyQuota", "lane:background", 400, 392),
          hold("dailyQuota", "lane:background", 100, 92),
          hold("outage", "account", 14, 12),
          hold("source", "source:website", 3, null),
        ];
  return { samples, holds, nowMs };
}

export function sampleStatus(more: Partial<StatusDocument> = {}): StatusDocument {
  return {
    queue: { ...QUEUE, pending: 12, waiting: 3, uncertain: 1, done: 18_204, failed: 38, rejected: 2, conflict: 1 },
    lagSeconds: { oldest: 1_240, p50: 300, p95: 1_100 },
    quota: {
      burst: { limit: 40, usedByUs: 6, usedByOthers: 3 },
      daily: { limit: 60_000, usedByUs: 8_200, usedByOthers: 6_100, remaining: 45_700, resetsAt: null },
    },
    holds: [{ kind: "source", scope: "source:website", until: null, message: "The CRM has no stage *New leads*" }],
    breakers: [],
    samples: [],
    quiet: [],
    changedNames: [],
    sourceDrifts: [],
    measured: null,
    fieldFindings: [],
    alerts: [
      {
        ...{ kind: "overdue", subject: "website", level: "critical", since: "2026-11-23T15:59:00.000Z" },
        message: "website: the oldest submission has waited for 21m; its target is 15m",
        hint: "crmledger status says what keeps it back; crmledger show ID tells its story",
      },
      {
        ...{ kind: "failed", subject: "ERR_SCHEMA", level: "warning", since: "2026-11-23T04:12:09.412Z" },
        message: "38 submissions failed: ERR_SCHEMA",
        hint: "crmledger failed names the fix; then crmledger retry-failed",
      },
    ],
    lastRun: {
      ...{ run: "8211", kind: "sync", startedAt: "2026-11-23T16:15:00.000Z", endedAt: "2026-11-23T16:15:04.000Z" },
      ...{ stopped: "drained", exitCode: 3 },
    },
    laterRun: null,
    lastCheck: {
      ...{ endedAt: "2026-11-23T04:30:41.300Z", source: null, since: null, until: null, breaks: 1, edits: 2 },
      kinds: { "deal-missing": 1, "person-drift": 2 },
    },
    ...more,
  };
}
