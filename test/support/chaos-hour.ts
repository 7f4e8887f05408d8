/** Hours of several runners on one ledger in one process, on the virtual clock: nobody is killed, everybody is in everybody's way. */
import { openSqliteLedger } from "../../src/ledger/sqlite/open.ts";
import type { LimitOptions } from "../../src/simulator/limits.ts";
import { createRig, type Given, lead, type Rig, START_MS, seeded } from "./drain-rig.ts";
import { IMMORTAL, liveOnce } from "./mortal-run.ts";
import { judge, type Verdict } from "./oracle.ts";
import { createVirtualClock } from "./virtual-clock.ts";

export interface HourOptions {
  hours: number;
  processes: number;
  seed: number;
  /** New submissions per minute. */
  perMinute: number;
  limits: Partial<LimitOptions>;
  say: (line: string) => void;
}

export interface HourFigures extends Verdict {
  processes: number;
  seed: number;
  virtualMinutes: number;
  submissions: number;
  runs: number;
  /** Runs that delivered something. */
  busyRuns: number;
  requests: number;
  limited: Record<string, number>;
  peakWindow: number;
  queue: Record<string, number>;
  problems: string[];
  seconds: number;
}

const PEOPLE_SHARE = 0.6;
const RUN_PAUSE_MS = { least: 1_000, most: 20_000 };

export async function virtualHours(options: HourOptions): Promise<HourFigures> {
  const began = performance.now();
  const clock = createVirtualClock(START_MS);
  const ledger = await openSqliteLedger({ path: ":memory:", create: true, nowMs: START_MS });
  try {
    const rig = await createRig({
      ...{ clock, ledger, seed: options.seed },
      simulator: { limits: options.limits, roundTripMs: { leastMs: 20, mostMs: 400 } },
    });
    const submissions = crowd(Math.round(options.perMinute * 60 * options.hours), seeded(options.seed));
    const endsMs = clock.monoMs() + options.hours * 3_600_000;
    const counts = { runs: 0, busyRuns: 0 };
    const random = seeded(options.seed * 31 + 7);
    const working = Array.from({ length: options.processes }, () => oneAfterTheOther(rig, endsMs, random, counts));
    await clock.run(Promise.all([arrive(rig, submissions, endsMs, options.say), ...working]));
    const { requests } = rig.simulator;
    return {
      ...judge(rig.simulator, submissions),
      processes: options.processes,
      seed: options.seed,
      virtualMinutes: Math.round((clock.monoMs() - endsMs) / 60_000 + options.hours * 60),
      submissions: submissions.length,
      ...counts,
      requests: requests.total,
      limited: { ...requests.limited, blocked: requests.blocked },
      peakWindow: requests.peakWindow,
      queue: { ...(await ledger.queue()) },
      problems: await ledger.check(),
      seconds: Math.round((performance.now() - began) / 1000),
    };
  } finally {
    await ledger.close();
  }
}

function crowd(count: number, random: { next(): number }): Given[] {
  const people = Math.max(1, Math.round(count * PEOPLE_SHARE));
  return Array.from({ length: count }, (_, n) => {
    const person = Math.floor(random.next() * people);
    return lead(n, {
      person: { name: `Person ${person}`, email: `person.${person}@example.com` },
      ...(person % 5 === 0 && { organization: { name: `Organization ${person % 40}` } }),
    });
  });
}

const PACE_MS = 5_000;

/** Comes in evenly over the time. */
async function arrive(rig: Rig, submissions: readonly Given[], endsMs: number, say: (line: string) => void) {
  const { clock } = rig;
  const beganMs = clock.monoMs();
  let taken = 0;
  let toldMs = beganMs;
  while (taken < submissions.length) {
    await clock.sleep(PACE_MS);
    const share = Math.min(1, (clock.monoMs() - beganMs) / (endsMs - beganMs));
    const upTo = Math.round(submissions.length * share);
    const batch = submissions.slice(taken, upTo).map((one) => ({ ...one, submittedAtMs: clock.wallMs() }));
    if (batch.length > 0) await rig.take(batch);
    taken = upTo;
    if (clock.monoMs() - toldMs < 300_000) continue;
    toldMs = clock.monoMs();
    say(`minute ${Math.round((toldMs - beganMs) / 60_000)}: ${JSON.stringify(await rig.ledger.queue())}`);
  }
}

/** One place: a run after the other, until the time is over and nothing is left. */
async function oneAfterTheOther(
  rig: Rig,
  endsMs: number,
  random: { next(): number },
  counts: { runs: number; busyRuns: number },
): Promise<void> {
  const { clock } = rig;
  for (;;) {
    const { report } = await liveOnce(rig, IMMORTAL, new Map(), () => false);
    counts.runs += 1;
    if (report !== null && report.drained.done > 0) counts.busyRuns += 1;
    const { pending, waiting, uncertain, inProgress } = await rig.ledger.queue();
    if (clock.monoMs() > endsMs && pending + waiting + uncertain + inProgress === 0) return;
    await clock.sleep(RUN_PAUSE_MS.least + random.next() * (RUN_PAUSE_MS.most - RUN_PAUSE_MS.least));
  }
}
