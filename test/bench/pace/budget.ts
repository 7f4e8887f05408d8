/** A day's budget with more work than it pays for: how much of our share is used, and how long somebody waits who is waited for. */
import type { SimulatorOptions } from "../../../src/simulator/options.ts";
import { SETTINGS } from "../../support/drain-rig.ts";
import { createFleet, type Fleet, leads } from "./fleet.ts";

const BUDGET = 8_000;
const CRON_MS = 5 * 60_000;
const URGENT_EVERY_MS = 30 * 60_000;
const HOUR_MS = 3_600_000;

interface Case {
  name: string;
  operational: number;
  background: number;
  /** One operational submission each half hour, beside the rest. */
  urgent: boolean;
  headers: boolean;
}

const CASES: readonly Case[] = [
  { name: "operational only", operational: 500, background: 0, urgent: false, headers: true },
  { name: "operational only, no headers", operational: 500, background: 0, urgent: false, headers: false },
  {
    name: "background, and one that is urgent each half hour",
    operational: 0,
    background: 500,
    urgent: true,
    headers: true,
  },
];

export async function budget(): Promise<string[][]> {
  const rows = [["work", "of our share of the day", "429s", "delivered", "urgent ones: p50", "at most"]];
  for (const one of CASES) {
    const fleet = await fleetFor(one.headers);
    await fleet.take(leads(one.operational));
    await fleet.take(leads(one.background, 10_000, { lane: "background", targetMs: 24 * HOUR_MS }));
    const delays = await passDay(fleet, one.urgent);
    const { limited } = fleet.simulator.requests;
    const ours = BUDGET * SETTINGS.limits.share;
    const seconds = (ms: number | undefined) => (ms === undefined ? "-" : `${(ms / 1000).toFixed(0)} s`);
    rows.push([
      one.name,
      `${((100 * fleet.simulator.spentToday()) / ours).toFixed(1)} %`,
      String(limited.burst + limited.search + limited.daily),
      String(fleet.simulator.records.deals.length),
      seconds(delays[Math.floor(delays.length / 2)]),
      seconds(delays.at(-1)),
    ]);
    await fleet.ledger.close();
  }
  return rows;
}

function fleetFor(dailyHeaders: boolean): Promise<Fleet> {
  const limits = { burst: 20, dailyTokens: BUDGET, dailyHeaders };
  const simulator: Partial<SimulatorOptions> = { limits, roundTripMs: 150 };
  // Without headers the budget is known from the plan in the config.
  const settings = { limits: { ...SETTINGS.limits, planDailyTokens: BUDGET } };
  return createFleet({ simulator, settings });
}

/** From eight in the morning until shortly before midnight, a run each five minutes. Delays of the urgent ones, sorted. */
async function passDay(fleet: Fleet, urgent: boolean): Promise<number[]> {
  const { clock, simulator } = fleet;
  const endMs = clock.wallMs() + 15 * HOUR_MS;
  let next = 20_000;
  const sentAt = new Map<string, number>();
  while (clock.wallMs() < endMs) {
    if (urgent && clock.wallMs() >= endMs - 15 * HOUR_MS + (next - 20_000) * URGENT_EVERY_MS) {
      await fleet.take(leads(1, next));
      sentAt.set(`Deal ${next}`, clock.wallMs());
      next += 1;
    }
    await fleet.runs(1);
    const toNext = CRON_MS - (clock.wallMs() % CRON_MS);
    await clock.run(() => clock.sleep(toNext));
  }
  const made = simulator.log.flatMap(({ entity, action, body, at }) => {
    const from = entity === "deal" && action === "create" ? sentAt.get(String(body.title)) : undefined;
    return from === undefined ? [] : [at - from];
  });
  return made.sort((a, b) => a - b);
}
