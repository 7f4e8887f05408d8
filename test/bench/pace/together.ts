/** One run and several, on one ledger: what they reach together of what is theirs, and what they are refused. */
import { SETTINGS } from "../../support/drain-rig.ts";
import { createFleet, leads, paceOf, theory } from "./fleet.ts";

interface Case {
  name: string;
  burst: number;
  share: number;
  roundTripMs: { leastMs: number; mostMs: number };
  submissions: number;
}

const CASES: readonly Case[] = [
  { name: "Lite, 150 ms", burst: 20, share: 1, roundTripMs: { leastMs: 150, mostMs: 150 }, submissions: 150 },
  { name: "Lite, 50 to 400 ms", burst: 20, share: 1, roundTripMs: { leastMs: 50, mostMs: 400 }, submissions: 150 },
  {
    name: "Lite, share 0.8, 150 ms",
    burst: 20,
    share: 0.8,
    roundTripMs: { leastMs: 150, mostMs: 150 },
    submissions: 150,
  },
  {
    name: "Ultimate (60 a second), 250 ms",
    burst: 120,
    share: 1,
    roundTripMs: { leastMs: 250, mostMs: 250 },
    submissions: 1_500,
  },
];

export async function together(): Promise<string[][]> {
  const rows = [["limits, round trip", "runs", "requests", "of theory, steady", "of theory, whole run", "429s"]];
  for (const { name, burst, share, roundTripMs, submissions } of CASES) {
    for (const runs of [1, 2, 4, 8]) {
      const fleet = await createFleet({
        simulator: { limits: { burst, dailyTokens: null }, roundTripMs },
        settings: { limits: { ...SETTINGS.limits, share } },
      });
      await fleet.take(leads(submissions));
      await fleet.runs(runs);
      const pace = paceOf(fleet.sent);
      const most = theory(Math.floor(burst * share), pace.meanLatencyMs);
      const { limited } = fleet.simulator.requests;
      rows.push([
        name,
        String(runs),
        String(fleet.sent.length),
        `${((100 * pace.steady) / most).toFixed(1)} %`,
        `${((100 * pace.whole) / most).toFixed(1)} %`,
        String(limited.burst + limited.search),
      ]);
      await fleet.ledger.close();
    }
  }
  return rows;
}
