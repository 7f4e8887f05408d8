/** Another client takes a part of the window for a minute and gives it back: how long until ours has moved, and at what price. */
import { SETTINGS } from "../../support/drain-rig.ts";
import { createFleet, type Fleet, leads, type Sent, WINDOW_MS } from "./fleet.ts";

const BURST = 20;
const ROUND_TRIP_MS = 150;
const QUIET_MS = 30_000;
const SEEDS = 5;
/** What a slot turns in. */
const PERIOD_MS = WINDOW_MS + ROUND_TRIP_MS;

interface Course {
  /** Windows until the CRM refused us for the last time; 0 where it never did. */
  giving: number;
  /** Windows until ours again took at least 95 % of what our share is. */
  taking: number;
  /** Of what they leave us, in the second half of their time. */
  used: number;
  limited: number;
  requests: number;
}

export async function besideOthers(): Promise<string[][]> {
  const rows = [
    [
      "share",
      "they take",
      "windows until our last 429",
      "of what they leave us",
      "windows until we were back",
      "429s",
      "requests",
    ],
  ];
  for (const share of [1, 0.8]) {
    for (const percent of [30, 60, 90]) {
      const courses: Course[] = [];
      for (let seed = 1; seed <= SEEDS; seed += 1) courses.push(await courseOf(share, percent, seed));
      const spread = (of: (course: Course) => number) =>
        `${(sum(courses, of) / SEEDS).toFixed(1)}, at most ${Math.max(...courses.map(of))}`;
      rows.push([
        String(share),
        `${percent} %`,
        spread((one) => one.giving),
        `${((100 * sum(courses, (one) => one.used)) / SEEDS).toFixed(0)} %`,
        spread((one) => one.taking),
        String(sum(courses, (one) => one.limited)),
        String(sum(courses, (one) => one.requests)),
      ]);
    }
  }
  return rows;
}

async function courseOf(share: number, percent: number, seed: number): Promise<Course> {
  const fleet = await createFleet({
    seed,
    simulator: { limits: { burst: BURST, dailyTokens: null }, roundTripMs: ROUND_TRIP_MS },
    settings: { limits: { ...SETTINGS.limits, share } },
  });
  await fleet.take(leads(400));
  const began = fleet.clock.monoMs();
  void play(fleet, percent);
  await fleet.runs(1, { durationMaxMs: 4 * QUIET_MS });
  const { sent } = fleet;
  const at = (fromMs: number, toMs: number) => count(sent, began + fromMs, began + toMs);
  const ours = BURST * share;
  const left = Math.min(ours, BURST * (1 - percent / 100));
  const lastRefusal = sent.findLast(({ status }) => status === 429);
  const giving = lastRefusal ? Math.ceil((lastRefusal.atMs - began - QUIET_MS) / PERIOD_MS) : 0;
  const backMs = 3 * QUIET_MS;
  const taking = firstWindow((n) => at(backMs + n * PERIOD_MS, backMs + (n + 1) * PERIOD_MS) >= 0.95 * ours);
  const used = at(2 * QUIET_MS, 3 * QUIET_MS) / ((left * QUIET_MS) / PERIOD_MS);
  const { limited } = fleet.simulator.requests;
  await fleet.ledger.close();
  return { giving, taking, used, limited: limited.burst + limited.search, requests: sent.length };
}

/** They come after half a minute and stay for a whole one. */
async function play({ clock, simulator }: Fleet, percent: number): Promise<void> {
  await clock.sleep(QUIET_MS);
  simulator.setOthers({ requestsPerSecond: (BURST * percent) / 100 / (WINDOW_MS / 1000), tokensPerSecond: 0 });
  await clock.sleep(2 * QUIET_MS);
  simulator.setOthers(null);
}

function count(sent: readonly Sent[], fromMs: number, toMs: number): number {
  return sent.filter(({ atMs, status }) => atMs >= fromMs && atMs < toMs && status !== 429).length;
}

/** How many whole windows went by before the first that holds. */
function firstWindow(holds: (n: number) => boolean): number {
  for (let n = 0; n < 13; n += 1) if (holds(n)) return n;
  return 13;
}

function sum(courses: readonly Course[], of: (course: Course) => number): number {
  return courses.reduce((total, one) => total + of(one), 0);
}
