/**
 * `npm run bench [-- --quick] [-- --json FILE]`: what people use instead, and crmledger, on the same simulator with the same
 * submissions, limits and distance. Real processes, real sockets, real time. All runs of a wave go side by side, since what
 * they wait for are limits; those without limits go one by one. Prints one table a scenario; asserts nothing.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { parseArgs } from "node:util";
import { type Row, runCell, type Scenario } from "./peers/cell.ts";
import { type Crm, startCrm } from "./peers/crm.ts";
import { type Redis, startRedis } from "./peers/redis.ts";
import { localScenario, scenariosFor } from "./peers/scenarios.ts";
import { tableOf } from "./peers/table.ts";
import { BARE, TOOLS, type Tool } from "./peers/tools.ts";

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    json: { type: "string" },
    only: { type: "string", default: "" },
    keep: { type: "boolean", default: false },
  },
});

const say = (line: string): void => void process.stdout.write(`${line}\n`);
const talk = (line: string): void => void process.stderr.write(`${line}\n`);
const PEERS = join(import.meta.dirname, "peers");
/** So that the starts of many processes do not slow each other's first requests down. */
const STAGGER_MS = 300;

/** The peers' own packages, beside and not among ours. */
function installPeers(): void {
  if (existsSync(join(PEERS, "node_modules", ".package-lock.json"))) return;
  const done = spawnSync("npm", ["ci", "--ignore-scripts", "--prefix", PEERS], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  if (done.status !== 0) throw new Error("npm ci of what people use instead failed");
}

interface Bench {
  crm: Crm;
  folder: string;
  redis: Redis | null;
}

function toolsOf({ redis }: Bench): readonly Tool[] {
  return TOOLS.filter((tool) => tool.needsRedis !== true || redis !== null);
}

interface Planned {
  scenario: Scenario;
  tool: Tool;
  killed: boolean;
}

/** What runs side by side: first what nobody disturbs, then what is killed, what breaks, and the night. */
function wavesOf(bench: Bench, scenarios: readonly Scenario[]): Planned[][] {
  const cells = scenarios.flatMap((scenario, index) =>
    toolsOf(bench)
      .filter((tool) => index === 0 || tool.onlyFirst !== true)
      .map((tool) => ({ scenario, tool })),
  );
  const calm = cells.filter(({ scenario }) => !scenario.night && !broken(scenario));
  const rough = cells.filter(({ scenario }) => scenario.night || broken(scenario));
  const dying = cells.filter(({ scenario }) => scenario === scenarios[0] || broken(scenario));
  return [
    calm.map((cell) => ({ ...cell, killed: false })),
    [...dying.map((cell) => ({ ...cell, killed: true })), ...rough.map((cell) => ({ ...cell, killed: false }))],
  ];
}

const broken = ({ world }: Scenario): boolean => Object.keys(world.faults).length > 0;

async function wave(bench: Bench, cells: readonly Planned[]): Promise<Row[]> {
  const rows: Promise<Row>[] = [];
  for (const { scenario, tool, killed } of cells) {
    rows.push(one(bench, scenario, tool, killed));
    await wait(STAGGER_MS);
  }
  return await Promise.all(rows);
}

async function one({ crm, folder, redis }: Bench, scenario: Scenario, tool: Tool, killed: boolean): Promise<Row> {
  const row = await runCell(crm, scenario, tool, killed, { folder, redisSocket: redis?.socket ?? "" });
  talk(`${scenario.name}, ${tool.name}${killed ? ", killed" : ""}: ${row.seconds.toFixed(1)} s, ${row.starts} starts`);
  return row;
}

installPeers();
const began = performance.now();
const folder = mkdtempSync(join(tmpdir(), "crmledger-bench-"));
const bench: Bench = { crm: startCrm(), folder, redis: await startRedis(folder) };
try {
  if (bench.redis === null) say("BullMQ is left out: this system has no redis-server.\n");
  const scenarios = scenariosFor(values.quick).filter(({ name }) => name.includes(values.only));
  const rows: Row[] = [];
  for (const cells of wavesOf(bench, scenarios)) rows.push(...(await wave(bench, cells)));
  const local = localScenario(values.quick);
  if (local.name.includes(values.only))
    for (const tool of [BARE, ...toolsOf(bench)]) rows.push(await one(bench, local, tool, false));
  for (const scenario of [...scenarios, local]) {
    const its = rows.filter((row) => row.scenario === scenario.name);
    if (its.length === 0) continue;
    say(`\n${scenario.name}, ${scenario.submissions} submissions\n`);
    for (const line of tableOf(its)) say(line);
  }
  if (values.json) writeFileSync(values.json, `${JSON.stringify(rows, null, 2)}\n`);
  say(`\n${Math.round((performance.now() - began) / 1000)} s.`);
} finally {
  bench.crm.close();
  await bench.redis?.close();
  if (!values.keep) rmSync(folder, { recursive: true, force: true });
}
