/** One whole world from its seed: trouble, then calm, then what must hold. The same seed gives the same story, byte by byte. */
import { createHash } from "node:crypto";
import type { QueueCounts } from "../../src/ledger/rows.ts";
import { choose, LATE_MAX_MS } from "./choices.ts";
import { afterCheck, afterDrain } from "./invariants.ts";
import { reconcile, sync } from "./runs.ts";
import { ledgerPress } from "./sim-ledger.ts";
import { haveTrouble, resume, retryFailed } from "./troubles.ts";
import { breaks, createWorld, say, type World } from "./world.ts";

export interface Tale {
  seed: number;
  story: string[];
  /** SHA-256 of the story. */
  hash: string;
  /** Invariants that did not hold; empty: all is well. */
  broken: string[];
  /** What happened how often: faults, deaths, runs. */
  counts: Record<string, number>;
}

/** Cron's rounds after the trouble: two minutes apart at first, then two hours, so that a day's budget comes back. */
const ROUNDS_SOON = 15;
const ROUNDS_MAX = 60;
const SOON_MS = 120_000;
const LATER_MS = 2 * 3_600_000;
const HOUR_MS = 3_600_000;
/** An hour, and what no clock is set by: a slot of an earlier boot counts again for its two seconds when the wall clock comes to them once more. */
const REST_MS = HOUR_MS + 37_500;

/**
 * Makes a simulator of worlds; the ledger's schema is built once. `lateMaxMs` beyond the last settle time breaks the bounds on purpose:
 * what is made twice is counted then (`twice`), and must be named by the last check.
 */
export function createSimulation(lateMaxMs = LATE_MAX_MS): (seed: number) => Promise<Tale> {
  let press = ledgerPress();
  return async (seed) => {
    const world = createWorld(choose(seed, lateMaxMs), press());
    try {
      await world.time.drive(live(world));
    } catch (error) {
      // Something of it may still be about: it keeps its ledger.
      press = ledgerPress();
      breaks(world, `the world came to no end: ${error instanceof Error ? error.stack : String(error)}`);
    }
    return taleOf(world);
  };
}

async function live(world: World): Promise<void> {
  prologue(world);
  await haveTrouble(world);
  await calmDown(world);
  await drainToTheEnd(world);
  await retryFailed(world);
  await drainToTheEnd(world);
  await world.time.sleep(REST_MS);
  await afterDrain(world);
  // One that was broken off is ended first: what it saw was an hour ago.
  if ((world.counts.check ?? 0) + (world.counts.repair ?? 0) > 0) await checkToTheEnd(world, false);
  const repairing = await checkToTheEnd(world, true);
  await drainToTheEnd(world);
  await afterCheck(world, repairing, await checkToTheEnd(world, false));
}

/** A check is background work: where the day's budget is spent it waits for the next. */
async function checkToTheEnd(world: World, repairing: boolean): ReturnType<typeof reconcile> {
  const run = await reconcile(world, repairing);
  if (run !== null) return run;
  await world.time.sleep(25 * HOUR_MS);
  return await reconcile(world, repairing);
}

function prologue(world: World): void {
  const { choices } = world;
  const { troubles, faults, settings, simulator, submissions, runsMax } = choices;
  say(world, "seed", `${choices.seed}: ${submissions} submissions, up to ${runsMax} runs side by side`);
  say(world, "trouble", [...troubles].join(", "));
  say(world, "faults", JSON.stringify(faults));
  say(world, "settings", JSON.stringify({ limits: settings.limits, retry: settings.retry, breaker: settings.breaker }));
  say(world, "plans", JSON.stringify(settings.plans));
  const { limits, searchLagMs, roundTripMs, clockSkewMs, deletedGet, others } = simulator;
  say(world, "crm", JSON.stringify({ limits, searchLagMs, roundTripMs, clockSkewMs, deletedGet, others }));
}

/** From here on the CRM answers, nobody dies, and nobody else asks for anything. */
async function calmDown(world: World): Promise<void> {
  const { choices, simulator } = world;
  world.troubled = false;
  for (const odds of Object.values(choices.faults)) odds.perCall = 0;
  simulator.setOthers(null);
  for (const token of simulator.tokens) simulator.restoreToken(token);
  if (simulator.requests.limited.daily > 0 || choices.troubles.has("limited"))
    simulator.setLimits({ dailyTokens: 30_000 });
  await resume(world);
  say(world, "calm", "the trouble is over");
}

const left = ({ pending, waiting, uncertain, inProgress }: QueueCounts): number =>
  pending + waiting + uncertain + inProgress;

async function drainToTheEnd(world: World): Promise<void> {
  for (let round = 1; round <= ROUNDS_MAX; round += 1) {
    const report = await sync(world);
    const queue = await world.ledger.queue();
    if (report !== null && left(queue) === 0 && world.live.size === 0) return;
    await world.time.sleep(round < ROUNDS_SOON ? SOON_MS : LATER_MS);
  }
  const holds = (await world.ledger.holds()).map(({ kind, scope }) => `${kind} ${scope}`);
  breaks(
    world,
    `liveness: work is left after all rounds: ${JSON.stringify(await world.ledger.queue())}, holds ${holds}`,
  );
}

function taleOf(world: World): Tale {
  const { requests } = world.simulator;
  const counts: Record<string, number> = { ...world.counts, requests: requests.total };
  for (const [kind, times] of Object.entries(requests.faults)) counts[`fault ${kind}`] = times;
  counts.resends = world.tap.resends;
  say(world, "end", world.broken.length === 0 ? "ok" : `BROKEN: ${world.broken.join("; ")}`);
  const hash = createHash("sha256").update(world.story.join("\n")).digest("hex");
  return { seed: world.choices.seed, story: world.story, hash, broken: world.broken, counts };
}
