/** One tool in one scenario, from its start until nothing is left or it is given up. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { makeCast, type PeerSubmission } from "./cast.ts";
import type { Crm } from "./crm.ts";
import type { CellAnswer, CellWorld } from "./crm-child.ts";
import { type Running, type Setting, start, TOKEN, type Tool } from "./tools.ts";

export interface Scenario {
  name: string;
  submissions: number;
  inFlight: number;
  /** Whether the budget ends in the middle and midnight comes a little later. */
  night: boolean;
  world: CellWorld;
}

export interface Row {
  scenario: string;
  tool: string;
  killed: boolean;
  perHour: number;
  seconds: number;
  requestsEach: number;
  tokensEach: number;
  /** Requests in parts of what the window allowed from the first to the last write, others' part left out; null: no window. */
  windowUsed: number | null;
  limited: number;
  blocked: number;
  lost: number;
  doubled: number;
  starts: number;
}

const NIGHT_MS = 15_000;
const MORNING_TOKENS = 1_000_000;
const CRON_MS = 5_000;
const STARTS_MAX = 25;
const WINDOW_MS = 2_000;

interface Cell {
  name: string;
  crm: Crm;
  scenario: Scenario;
  tool: Tool;
  setting: Setting;
  submissions: PeerSubmission[];
  /** Of the day's tokens, before it was even warm. */
  spentBefore: number;
}

export async function runCell(
  crm: Crm,
  scenario: Scenario,
  tool: Tool,
  killed: boolean,
  where: { folder: string; redisSocket: string },
): Promise<Row> {
  const name = `${scenario.name}/${tool.name}/${killed}`;
  const folder = join(where.folder, name.replaceAll(/\W+/g, "-"));
  mkdirSync(folder);
  const submissions = makeCast(scenario.submissions, scenario.world.seed, Date.now());
  const { inFlight, world } = scenario;
  const opened = await crm.ask({ cell: name, type: "open", world, token: TOKEN });
  const { url, stamps, firstPersonId } = opened;
  const { redisSocket } = where;
  const setting = { folder, url, submissions, burst: world.burst, inFlight, redisSocket, stamps, firstPersonId };
  const cell: Cell = { name, crm, scenario, tool, setting, submissions, spentBefore: opened.spentToday };
  tool.lay(setting);
  await tool.warmUp?.(setting);
  const before = await crm.ask({ cell: name, type: "look" });
  const began = Date.now();
  const starts = await runOut(cell, killed);
  const after = await crm.ask({ cell: name, type: "judge", submissions });
  await crm.ask({ cell: name, type: "close" });
  return rowOf(cell, killed, starts, began, before, after);
}

/** Starts it until a run leaves nothing; gives back how often. */
async function runOut(cell: Cell, killed: boolean): Promise<number> {
  const { tool, setting, scenario } = cell;
  const night = scenario.night ? passNight(cell) : Promise.resolve();
  let toKill = killed;
  let starts = 0;
  for (;;) {
    starts += 1;
    const running = start(tool.args(setting), setting.folder);
    const death = toKill ? killInTheMiddle(cell, running) : null;
    const { out } = await running.ended;
    const died = (await death) ?? false;
    toKill &&= !died;
    if (died) continue;
    if (tool.isThrough(out) || starts >= (tool.unattended ? STARTS_MAX : 4)) return starts;
    // Whoever looks after a script comes back in the morning; cron does not wait for that.
    if (tool.unattended) await wait(scenario.night ? CRON_MS : 1_000);
    else await night;
    await tool.again?.(setting);
  }
}

async function killInTheMiddle({ crm, name, scenario }: Cell, running: Running): Promise<boolean> {
  let over = false;
  void running.ended.then(() => {
    over = true;
  });
  while (!over) {
    const { deals } = await crm.ask({ cell: name, type: "look" });
    if (deals >= scenario.submissions / 2) {
      running.kill();
      return true;
    }
    await wait(scenario.world.burst === null ? 10 : 100);
  }
  return false;
}

async function passNight({ crm, name, scenario, spentBefore }: Cell): Promise<void> {
  const budget = scenario.world.dailyTokens!;
  // Who counts stops a little before the end, who does not at the first refusal.
  while ((await crm.ask({ cell: name, type: "look" })).spentToday < spentBefore + 0.9 * budget) await wait(500);
  await wait(NIGHT_MS);
  await crm.ask({ cell: name, type: "midnight", dailyTokens: MORNING_TOKENS });
}

function rowOf(cell: Cell, killed: boolean, starts: number, began: number, from: CellAnswer, to: CellAnswer): Row {
  const { scenario, tool } = cell;
  const { burst, othersPerSecond } = scenario.world;
  const verdict = to.verdict!;
  const through = scenario.submissions - verdict.lost;
  const ms = to.lastWriteAtMs - began;
  const requests = to.requests - from.requests;
  const limited = to.limited - from.limited;
  const allowed = burst === null ? null : burst - (othersPerSecond * WINDOW_MS) / 1000;
  return {
    scenario: scenario.name,
    tool: tool.name,
    killed,
    perHour: (through * 3_600_000) / ms,
    seconds: ms / 1000,
    requestsEach: requests / through,
    tokensEach: (to.tokens - from.tokens) / through,
    windowUsed: allowed === null ? null : (requests - limited) / (allowed * (ms / WINDOW_MS)),
    limited,
    blocked: to.blocked - from.blocked,
    lost: verdict.lost,
    doubled: verdict.doubled,
    starts,
  };
}
