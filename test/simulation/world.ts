/** A world from one seed: a CRM, a machine with a ledger on it, and the processes that run there. Nobody acts in it yet. */
import type Database from "better-sqlite3";
import type { PackedRequest } from "../../src/crm/adapter.ts";
import { pipedriveAdapter } from "../../src/crm/pipedrive/adapter.ts";
import { withCredentials } from "../../src/crm/wrappers/credentials.ts";
import { createRedactor } from "../../src/crm/wrappers/redactor.ts";
import type { RunId } from "../../src/domain/ids.ts";
import { sha256 } from "../../src/domain/json.ts";
import type { HttpResult } from "../../src/domain/wire.ts";
import type { Ledger } from "../../src/ledger/ledger.ts";
import type { Now } from "../../src/ledger/rows.ts";
import type { RunnerDeps } from "../../src/runner/runner.ts";
import { createSimulator, type Simulator } from "../../src/simulator/simulator.ts";
import { plainPhone, START_MS } from "../support/drain-rig.ts";
import { type Deeds, newDeeds } from "../support/storm-people.ts";
import type { Choices } from "./choices.ts";
import { type Dice, dice } from "./dice.ts";
import type { SimLedger } from "./sim-ledger.ts";
import { SimProcess, type Turn } from "./sim-process.ts";
import { Machine, SimTime } from "./sim-time.ts";
import { WireTap } from "./wire-tap.ts";
import type { Sent } from "./workload.ts";

export interface World {
  readonly choices: Choices;
  readonly time: SimTime;
  readonly machine: Machine;
  readonly simulator: Simulator;
  readonly ledger: Ledger;
  readonly db: Database.Database;
  readonly tap: WireTap;
  readonly given: Sent[];
  readonly deeds: Deeds;
  /** Processes by the kernel lock that they hold. */
  readonly locks: Map<string, SimProcess>;
  readonly runs: Map<RunId, SimProcess>;
  readonly live: Set<SimProcess>;
  /** What happened how often. */
  readonly counts: Record<string, number>;
  readonly broken: string[];
  readonly story: string[];
  /** The credential in use. */
  token: string;
  /** Whether trouble still comes. */
  troubled: boolean;
  readonly dice: { people: Dice; troubles: Dice };
}

const DEATHS_MAX = 6;
const PAUSES_MAX = 4;

export function createWorld(choices: Choices, { ledger, db }: SimLedger): World {
  const time = new SimTime();
  const machine = new Machine(time, START_MS);
  // The CRM has a clock of its own, which nobody sets and which no reboot of ours stops.
  const clock = {
    wallMs: () => START_MS + time.nowMs,
    monoMs: () => time.nowMs,
    sleep: (ms: number) => time.sleep(ms),
  };
  const stepState = db.prepare("SELECT state FROM steps WHERE idempotency_key = ?").pluck();
  const world: World = {
    choices,
    time,
    machine,
    simulator: createSimulator({ ...choices.simulator, clock }),
    ledger,
    db,
    tap: new WireTap({
      nowMs: () => time.nowMs,
      bootId: () => machine.bootId,
      stepState: (key) => (stepState.get(key) as string | undefined) ?? null,
      lastSettleMs: choices.settings.retry.settleMs.at(-1)!,
      broken: (what) => breaks(world, what),
    }),
    given: [],
    deeds: newDeeds(),
    locks: new Map(),
    runs: new Map(),
    live: new Set(),
    counts: {},
    broken: [],
    story: [],
    token: choices.tokens[0]!,
    troubled: true,
    dice: { people: dice(choices.seed, "people"), troubles: dice(choices.seed, "troubles") },
  };
  return world;
}

export function say(world: World, who: string, what: string): void {
  world.story.push(`t=${clockFace(world.time.nowMs)} ${who}: ${what}`);
}

export function breaks(world: World, what: string): void {
  world.broken.push(what);
  say(world, "BROKEN", what);
}

export function count(world: World, what: string): void {
  world.counts[what] = (world.counts[what] ?? 0) + 1;
}

function clockFace(ms: number): string {
  const part = (value: number, digits = 2): string => String(Math.floor(value)).padStart(digits, "0");
  return `${part(ms / 3_600_000)}:${part((ms / 60_000) % 60)}:${part((ms / 1000) % 60)}.${part(ms % 1000, 3)}`;
}

export const nowOf = ({ machine }: Pick<World, "machine">): Now => ({
  wallMs: machine.wallMs(),
  monoMs: machine.monoMs(),
  bootId: machine.bootId,
});

/** A process that dies and stands still as the seed has it, while there is trouble. */
export function spawn(world: World, name: string): SimProcess {
  const { choices, time, machine } = world;
  const die = dice(choices.seed, name);
  const { troubles, deathOdds, pauseOdds } = choices;
  const fate = (): Turn => {
    if (!world.troubled) return null;
    const throwing = die.next();
    if (throwing < deathOdds) return troubles.has("death") && (world.counts.death ?? 0) < DEATHS_MAX ? "die" : null;
    if (throwing > deathOdds + pauseOdds || !troubles.has("pause") || (world.counts.pause ?? 0) >= PAUSES_MAX)
      return null;
    return die.pick([500, 20_000, 40_000, 150_000, 400_000, 900_000]);
  };
  const told = (at: string, ms: number | null): void => {
    count(world, ms === null ? "death" : "pause");
    say(world, name, ms === null ? `DIES at ${at}` : `stands still for ${ms / 1000} s at ${at}`);
  };
  return new SimProcess({ name, time, machine, fate, told });
}

/** The ledger as this process has it. */
export function ledgerOf(world: World, process: SimProcess): Ledger {
  return process.mortal(world.ledger, (verb, result) => {
    if (verb === "openRun") world.runs.set(result as RunId, process);
  });
}

/** What a run of this process works with. */
export function depsOf(world: World, process: SimProcess, runId: RunId): RunnerDeps {
  const { token } = world;
  const transport = withCredentials(world.simulator.handle, pipedriveAdapter, token);
  return {
    ledger: ledgerOf(world, process),
    adapter: pipedriveAdapter,
    send: (request) => sendFrom(world, process, request, transport),
    clock: process.clock,
    random: dice(world.choices.seed, `${process.name} jitter`),
    phone: plainPhone,
    baseUrl: "https://api.pipedrive.com",
    timeoutMs: 30_000,
    credential: sha256(token).slice(0, 16),
    runId,
    settings: world.choices.settings,
    redact: createRedactor([token]),
    observe: (event) => {
      if (event.type === "hold") {
        count(world, `hold ${event.hold.kind}`);
        say(world, process.name, `hold ${event.hold.kind} (${event.hold.scope}): ${event.hold.message}`);
      }
    },
    failpoint: process.failpoint,
  };
}

/** What left arrives, whatever becomes of the process; what comes back finds only a process that is there. */
async function sendFrom(
  world: World,
  process: SimProcess,
  request: PackedRequest,
  transport: RunnerDeps["send"],
): Promise<HttpResult> {
  if (process.dead) await process.gate();
  const began = world.time.nowMs;
  world.tap.leaves(request);
  const result = await transport(request);
  world.tap.ends(request, result, began);
  say(
    world,
    process.name,
    `${requestLine(request)} -> ${resultLine(result)}${process.dead ? " (nobody hears it)" : ""}`,
  );
  await process.gate();
  return result;
}

function requestLine({ http, operations }: PackedRequest): string {
  const url = new URL(http.url);
  return `${http.method} ${url.pathname}${url.search} [${operations.map(({ type, key }) => `${type} ${key}`).join(", ")}]`;
}

function resultLine(result: HttpResult): string {
  if (result.type === "failure") return result.code;
  const id = /^\{"success":true,"data":\{"id":(\d+)/.exec(result.body)?.[1];
  return `${result.status}${id === undefined ? "" : ` id ${id}`}${result.status < 300 && !result.body.startsWith("{") ? " unreadable" : ""}`;
}
