/** The same with real processes: `sync`, and others that join it, over real sockets and in real time. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeCast } from "../peers/cast.ts";
import { type Crm, startCrm } from "../peers/crm.ts";
import { EVERY_DAY, start, TOKEN } from "../peers/tools.ts";
import { theory, WINDOW_MS } from "./fleet.ts";

const BURST = 40;
const ROUND_TRIP_MS = 150;
const SUBMISSIONS = 200;

export async function processes(): Promise<string[][]> {
  const folder = mkdtempSync(join(tmpdir(), "crmledger-pace-"));
  const crm = startCrm();
  try {
    const rows = [["processes", "requests", "seconds", "of theory, whole run", "429s", "lost", "doubled"]];
    // Side by side: what they wait for is the window.
    const measured = await Promise.all([1, 2, 4].map((count) => measure(crm, folder, count)));
    return [...rows, ...measured];
  } finally {
    crm.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measure(crm: Crm, root: string, count: number): Promise<string[]> {
  const cell = String(count);
  const folder = join(root, cell);
  mkdirSync(folder);
  const roundTripMs = { leastMs: ROUND_TRIP_MS, mostMs: ROUND_TRIP_MS };
  const world = {
    burst: BURST,
    dailyTokens: 10_000_000,
    othersPerSecond: 0,
    spentByOthers: 0,
    faults: {},
    roundTripMs,
    seed: 7,
  };
  const { url, stamps, firstPersonId } = await crm.ask({ cell, type: "open", world, token: TOKEN });
  const submissions = makeCast(SUBMISSIONS, 7, Date.now());
  const setting = { folder, url, submissions, burst: BURST, inFlight: 0, redisSocket: "", stamps, firstPersonId };
  EVERY_DAY.lay(setting);
  await EVERY_DAY.warmUp!(setting);
  const before = await crm.ask({ cell, type: "look" });
  const args = EVERY_DAY.args(setting);
  const runs = Array.from({ length: count }, (_, n) => start(n === 0 ? args : [...args, "--join"], folder));
  await Promise.all(runs.map(({ ended }) => ended));
  const after = await crm.ask({ cell, type: "judge", submissions });
  // From the first write of these runs; the refresh of the mirror before it is among their requests.
  const ms = after.lastWriteAtMs - after.writesAtMs[before.writes]!;
  const requests = after.requests - before.requests;
  return [
    cell,
    String(requests),
    (ms / 1000).toFixed(1),
    `${((100 * requests * WINDOW_MS) / ms / theory(BURST, ROUND_TRIP_MS)).toFixed(1)} %`,
    String(after.limited),
    String(after.verdict!.lost),
    String(after.verdict!.doubled),
  ];
}
