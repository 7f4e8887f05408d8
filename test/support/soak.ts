/**
 * The soak: real `sync` processes, killed in the middle of whatever they do, against a CRM on which everything goes wrong
 * now and then. Then the faults end, and what the CRM holds is compared with what was sent in.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { FAULT_KINDS, type FaultPlan } from "../../src/simulator/fault-plan.ts";
import { createSimulator, type Simulator } from "../../src/simulator/simulator.ts";
import { examine, type Findings, makeSubmissions, randomOf, SOURCE, type SoakSubmission } from "./soak-world.ts";

export interface SoakOptions {
  folder: string;
  /** How the program is started, e.g. `["node", "bin/crmledger.js"]`. */
  command: readonly string[];
  submissions: number;
  kills: number;
  seed: number;
  /** Odds of each fault per call. */
  oddsPerCall: number;
  /** Kinds that are left out. */
  without: readonly string[];
  /** How late a write may be applied. Beyond the last settle time (2 s) it makes doubles: so one sees that the soak sees. */
  lateMs: number;
  /** Gives up on quiet after this. */
  quietMaxMs: number;
  say: (line: string) => void;
}

export interface SoakFigures extends Findings {
  submissions: number;
  runs: number;
  kills: number;
  exits: Record<string, number>;
  remaining: number;
  seconds: number;
  requests: number;
  faults: Record<string, number>;
  tokens: number;
  limited: Record<string, number>;
  /** What runs said that left with 1: a bug, whatever the CRM holds. */
  unexpected: string[];
  /** Why it is no success although nothing was lost or made twice. */
  trouble: string[];
}

const TOKEN = "soak-token-of-the-first-user";
const KILL_AFTER_MS = { least: 400, most: 6_000 };
/** Runs that the faults accompany to their end. */
const RUNS_UNKILLED = 5;
/** These stop whole runs: once in a while is enough. Twice delivered, by order only: no client can prevent it. */
const RARE = new Set(["unauthorized", "paymentRequired", "html403", "redirect", "planCap"]);

export async function soak(options: SoakOptions): Promise<SoakFigures> {
  const began = performance.now();
  const random = randomOf(options.seed);
  const faults = faultPlan(options);
  const simulator = createTroubledCrm(options.seed, faults);
  const server = await simulator.serve();
  const submissions = makeSubmissions(options.submissions, random, Date.now());
  const world: World = { options, random, exits: {}, unexpected: [], runs: 0, kills: 0 };
  try {
    const config = writeConfig(options.folder, server.url);
    const batches = split(submissions, options.kills);
    for (const [index, batch] of batches.entries()) {
      fill(options.folder, index, batch);
      await runAndKill(world, config);
      if ((index + 1) % 10 === 0) options.say(`${index + 1} of ${batches.length} kills`);
    }
    for (let run = 0; run < RUNS_UNKILLED; run += 1) await start(world, config, ["sync", "--max-wait", "5s"]).ended;
    for (const odds of Object.values(faults)) odds.perCall = 0;
    simulator.setOthers(null);
    const { remaining, trouble } = await becomeQuiet(world, config);
    const { requests } = simulator;
    return {
      ...examine(simulator, submissions),
      submissions: submissions.length,
      runs: world.runs,
      kills: world.kills,
      exits: world.exits,
      unexpected: world.unexpected,
      remaining,
      trouble,
      seconds: Math.round((performance.now() - began) / 1000),
      requests: requests.total,
      faults: requests.faults,
      tokens: requests.tokens,
      limited: { ...requests.limited, blocked: requests.blocked },
    };
  } finally {
    await server.close();
  }
}

/** Every kind of fault that a client can survive, each at the same odds. */
function faultPlan({ oddsPerCall: perCall, without, lateMs }: SoakOptions): FaultPlan {
  const kinds = FAULT_KINDS.filter((kind) => kind !== "duplicateDelivery" && !without.includes(kind));
  return Object.fromEntries(
    kinds.map((kind) => [
      kind,
      {
        perCall: RARE.has(kind) ? perCall / 20 : perCall,
        ...(kind === "lateApply" && { ms: lateMs }),
        ...(kind === "planCap" && { match: { method: "POST", path: /\/deals$/ } }),
      },
    ]),
  );
}

function createTroubledCrm(seed: number, faults: FaultPlan): Simulator {
  return createSimulator({
    clock: {
      wallMs: () => Date.now(),
      monoMs: () => performance.now(),
      sleep,
    },
    seed,
    tokens: [TOKEN],
    withStampFields: true,
    faults,
    limits: { burst: 120, search: 10, dailyTokens: null, block: { refusals: 50, withinMs: 10_000, forMs: 3_000 } },
    others: { requestsPerSecond: 5, tokensPerSecond: 1 },
    roundTripMs: { leastMs: 5, mostMs: 40 },
  });
}

async function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  await wait(ms, undefined, { signal }).catch(() => undefined);
}

function writeConfig(folder: string, url: string): string {
  mkdirSync(join(folder, "spool"), { recursive: true });
  writeFileSync(join(folder, "token"), `${TOKEN}\n`, { mode: 0o600 });
  const path = join(folder, "crmledger.yaml");
  const lines = [
    "ledger: ./soak.db",
    "crm:",
    "  type: pipedrive",
    `  baseUrl: ${url}`,
    "  apiTokenFile: ./token",
    "  timeout: 1s",
    "retry:",
    "  baseDelay: 200ms",
    "  maxDelay: 1s",
    "  settle: [1s, 2s]",
    "breaker: { failureRate: 0.5, window: 20, cooldown: 1s }",
    "sources:",
    `  ${SOURCE}:`,
    "    spool: ./spool",
  ];
  writeFileSync(path, `${lines.join("\n")}\n`);
  return path;
}

function split<T>(items: readonly T[], parts: number): T[][] {
  const size = Math.ceil(items.length / parts);
  return Array.from({ length: parts }, (_, index) => items.slice(index * size, (index + 1) * size));
}

/** As a web server does: a temporary name, then the real one. Files of one, of many, and of lines. */
function fill(folder: string, index: number, batch: readonly SoakSubmission[]): void {
  const [first, ...rest] = batch;
  if (first) put(folder, `single-${index}.json`, JSON.stringify(first));
  const half = Math.ceil(rest.length / 2);
  put(folder, `many-${index}.json`, JSON.stringify(rest.slice(0, half)));
  put(
    folder,
    `lines-${index}.jsonl`,
    rest
      .slice(half)
      .map((one) => `${JSON.stringify(one)}\n`)
      .join(""),
  );
}

function put(folder: string, name: string, text: string): void {
  const temporary = join(folder, "spool", `.${name}.tmp`);
  writeFileSync(temporary, text);
  renameSync(temporary, join(folder, "spool", name));
}

interface World {
  options: SoakOptions;
  random: () => number;
  exits: Record<string, number>;
  unexpected: string[];
  runs: number;
  kills: number;
}

/** Starts runs until one of them is alive when its time has come. Now and then two work side by side, and both die. */
async function runAndKill(world: World, config: string): Promise<void> {
  const { random } = world;
  for (let attempt = 0; attempt < 5; attempt += 1) {
    const children = [start(world, config, ["sync"])];
    if (random() < 0.3) children.push(start(world, config, ["sync", "--join"]));
    const afterMs = KILL_AFTER_MS.least + random() * (KILL_AFTER_MS.most - KILL_AFTER_MS.least);
    const timer = new Promise<"time">((resolve) => setTimeout(resolve, afterMs, "time"));
    const first = await Promise.race([timer, ...children.map((child) => child.ended)]);
    for (const { child } of children) if (child.exitCode === null) child.kill("SIGKILL");
    await Promise.all(children.map((child) => child.ended));
    if (first !== "time") continue;
    world.kills += 1;
    return;
  }
}

interface Started {
  child: ChildProcess;
  ended: Promise<{ code: number | null; out: string; err: string }>;
}

function start(world: World, config: string, args: readonly string[]): Started {
  const [program = "node", ...rest] = world.options.command;
  const child = spawn(program, [...rest, ...args, "--json", "--config", config], { stdio: ["ignore", "pipe", "pipe"] });
  let out = "";
  let err = "";
  child.stdout.on("data", (chunk: Buffer) => {
    out += chunk.toString();
  });
  child.stderr.on("data", (chunk: Buffer) => {
    err += chunk.toString();
  });
  world.runs += 1;
  const ended = new Promise<{ code: number | null; out: string; err: string }>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => {
      const name = signal ?? String(code);
      world.exits[name] = (world.exits[name] ?? 0) + 1;
      if (code === 1 && world.unexpected.length < 5)
        world.unexpected.push(`${args.join(" ")}: ${out}${err}`.slice(0, 1_000));
      resolve({ code, out, err });
    });
  });
  return { child, ended };
}

/** Runs on without faults until nothing remains; what failed under the faults is put back once more. */
async function becomeQuiet(world: World, config: string): Promise<{ remaining: number; trouble: string[] }> {
  const until = performance.now() + world.options.quietMaxMs;
  let remaining = -1;
  while (performance.now() < until) {
    const run = await start(world, config, ["sync", "--max-wait", "10s"]).ended;
    const summary = parsed(run.out) as { remaining?: number; error?: { message: string } } | null;
    if (summary?.remaining === undefined) {
      if (run.code === 4) continue;
      return { remaining, trouble: [`sync left with ${run.code}: ${run.err.slice(-2_000)} ${run.out.slice(-2_000)}`] };
    }
    remaining = summary.remaining;
    world.options.say(`quiet: ${remaining} remaining`);
    const failed = parsed((await start(world, config, ["failed"]).ended).out) as {
      total: number;
      causes: unknown;
    } | null;
    if (remaining === 0 && failed?.total === 0) return { remaining, trouble: [] };
    if (failed && failed.total > 0) {
      world.options.say(`quiet: ${failed.total} failed under the faults are put back`);
      await start(world, config, ["retry-failed", "--all"]).ended;
    }
  }
  return { remaining, trouble: [`not quiet after ${world.options.quietMaxMs} ms`] };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
