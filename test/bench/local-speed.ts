/**
 * `npm run local-speed [-- --submissions N] [-- --rounds N] [-- --concurrency 8,16,64] [-- --folder DIR] [-- --profile DIR]`: how much
 * of what the machine gives reaches the CRM. In each round a bare undici loop and a whole `sync` of the built program deliver the same
 * submissions to a simulator without limits, which is a process of its own on loopback, one after the other: what else the machine
 * does meets both. Real processes, real disk, `synchronous=FULL`. Prints a table; asserts nothing.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import Database from "better-sqlite3";
import { makeCast } from "./peers/cast.ts";
import { type Crm, startCrm } from "./peers/crm.ts";
import { markdown } from "./peers/table.ts";
import { BARE, EVERY_DAY, start, TOKEN, type Tool } from "./peers/tools.ts";

const { values } = parseArgs({
  options: {
    submissions: { type: "string", default: "3000" },
    rounds: { type: "string", default: "5" },
    concurrency: { type: "string", default: "8,16,64" },
    /** Where the ledgers are: another disk, or one in memory. */
    folder: { type: "string", default: tmpdir() },
    /** Where the CPU profiles of the syncs go; a profiled one is slower. */
    profile: { type: "string" },
  },
});
const SUBMISSIONS = Number(values.submissions);
const ROUNDS = Number(values.rounds);
const SEED = 7;
const NO_LIMITS = {
  ...{ burst: null, dailyTokens: null, othersPerSecond: 0, spentByOthers: 0, faults: {}, seed: SEED },
  roundTripMs: { leastMs: 0, mostMs: 0 },
};

interface Measured {
  /** From the process's start to the last write that the CRM saw. */
  wholeMs: number;
  /** From the first write to the last. */
  sendingMs: number;
  requests: number;
  /** Lost or doubled. */
  wrong: number;
}

let cells = 0;

async function measure(crm: Crm, folder: string, tool: Tool, inFlight: number): Promise<Measured> {
  cells += 1;
  const cell = `cell-${cells}`;
  const place = join(folder, cell);
  mkdirSync(place);
  const { url, stamps, firstPersonId } = await crm.ask({ cell, type: "open", world: NO_LIMITS, token: TOKEN });
  const submissions = makeCast(SUBMISSIONS, SEED, Date.now());
  const setting = { folder: place, url, submissions, burst: null, inFlight, redisSocket: "", stamps, firstPersonId };
  tool.lay(setting);
  await tool.warmUp?.(setting);
  const before = await crm.ask({ cell, type: "look" });
  const isProfiled = values.profile !== undefined && tool === EVERY_DAY;
  const flags = isProfiled ? ["--cpu-prof", `--cpu-prof-dir=${values.profile}`] : [];
  const beganMs = Date.now();
  const { code, err } = await start([...flags, ...tool.args(setting)], place).ended;
  if (code !== 0) throw new Error(`${tool.name} left with ${code}: ${err}`);
  const after = await crm.ask({ cell, type: "judge", submissions });
  await crm.ask({ cell, type: "close" });
  rmSync(place, { recursive: true });
  return {
    wholeMs: after.lastWriteAtMs - beganMs,
    sendingMs: after.lastWriteAtMs - after.writesAtMs[before.writes]!,
    requests: after.requests - before.requests,
    wrong: after.verdict!.lost + after.verdict!.doubled,
  };
}

const median = (numbers: readonly number[]): number => [...numbers].sort((a, b) => a - b)[numbers.length >> 1]!;
const perSecond = (all: readonly Measured[]): string =>
  ((SUBMISSIONS * 1000) / median(all.map(({ wholeMs }) => wholeMs))).toFixed(0);
const percent = (part: number): string => `${(100 * part).toFixed(0)} %`;
const spread = (parts: readonly number[]): string =>
  `${percent(median(parts))} (${percent(Math.min(...parts))} to ${percent(Math.max(...parts))})`;

async function compare(crm: Crm, folder: string, inFlight: number): Promise<string[]> {
  const [bare, ours]: [Measured[], Measured[]] = [[], []];
  for (let round = 1; round <= ROUNDS; round += 1) {
    const floor = await measure(crm, folder, BARE, inFlight);
    const sync = await measure(crm, folder, EVERY_DAY, inFlight);
    bare.push(floor);
    ours.push(sync);
    const told = `bare ${(floor.wholeMs / 1000).toFixed(2)} s, sync ${(sync.wholeMs / 1000).toFixed(2)} s`;
    process.stderr.write(`${inFlight} in flight, round ${round}: ${told}, load ${loadavg()[0]!.toFixed(1)}\n`);
  }
  const ratios = (of: "wholeMs" | "sendingMs") => bare.map((one, round) => one[of] / ours[round]![of]);
  return [
    String(inFlight),
    perSecond(bare),
    perSecond(ours),
    spread(ratios("wholeMs")),
    spread(ratios("sendingMs")),
    `${(bare[0]!.requests / SUBMISSIONS).toFixed(2)} / ${(ours[0]!.requests / SUBMISSIONS).toFixed(2)}`,
    String(ours.reduce((sum, { wrong }) => sum + wrong, 0)),
  ];
}

const HEAD = [
  "in flight",
  "bare undici loop, submissions a second",
  "crmledger sync",
  "part of it, whole process: median (range)",
  "part of it, first write to last",
  "requests each, bare / sync",
  "lost or doubled",
];

const MEANING = `
A second and "whole process": from the start of the process to the last write that the CRM saw. Of a sync that is Node, config, taking in the
spool of all ${SUBMISSIONS} submissions, the catalog, a refresh of the directory, look-ups, and one transaction for each group of requests,
synchronous=FULL; the bare loop is Node, reading the same file, and the writes. "First write to last": what both do between these two writes.
`;

const COMMITS = 200;

/** What a small commit costs on this disk now: at few requests in flight it is most of what a sync waits for. */
function msPerCommit(folder: string): number {
  const db = new Database(join(folder, "commits.db"));
  db.pragma("journal_mode = WAL");
  db.pragma("synchronous = FULL");
  db.exec("CREATE TABLE one (text TEXT)");
  const insert = db.prepare("INSERT INTO one VALUES (?)");
  const began = performance.now();
  for (let n = 0; n < COMMITS; n += 1) insert.run(String(n));
  const ms = (performance.now() - began) / COMMITS;
  db.close();
  return ms;
}

const folder = mkdtempSync(join(values.folder, "crmledger-speed-"));
const crm = startCrm();
try {
  process.stdout.write(
    `${SUBMISSIONS} submissions; a commit of one row takes ${msPerCommit(folder).toFixed(2)} ms here\n\n`,
  );
  const rows: string[][] = [];
  for (const inFlight of values.concurrency.split(",")) rows.push(await compare(crm, folder, Number(inFlight)));
  for (const line of markdown([HEAD, ...rows])) process.stdout.write(`${line}\n`);
  process.stdout.write(MEANING);
} finally {
  crm.close();
  rmSync(folder, { recursive: true, force: true });
}
