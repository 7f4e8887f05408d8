/**
 * Chaos: several real processes at work on one ledger, of every kind that cron and people start, while a hand kills,
 * stops and ends them by chance and new submissions come in. Then all is calm, what is left is drained, and the CRM's own
 * log is held against what was sent in.
 */
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import Database from "better-sqlite3";
import { openSqliteLedger } from "../../src/ledger/sqlite/open.ts";
import { createSimulator, type Simulator } from "../../src/simulator/simulator.ts";
import { Crew } from "./chaos-crew.ts";
import { Feeder } from "./chaos-feeder.ts";
import { signalAtRandom } from "./chaos-signals.ts";
import { documentOf, misbehaved, type ProgramEnd, startProgram } from "./program.ts";
import { examine, type Findings, makeSubmissions, randomOf, SOURCE } from "./soak-world.ts";
import { createSystemClock } from "./system-clock.ts";

export interface ChaosOptions {
  folder: string;
  /** How the program is started. */
  command: readonly string[];
  /** So many work side by side. */
  processes: number;
  seconds: number;
  seed: number;
  /** New submissions per second. */
  perSecond: number;
  /** No signals: what ends ends by itself. */
  calm: boolean;
  /** Gives up on quiet after this. */
  quietMaxMs: number;
  say: (line: string) => void;
}

export interface ChaosFigures extends Findings {
  processes: number;
  seed: number;
  submissions: number;
  /** Programs started, by command, and how they ended. */
  commands: Record<string, number>;
  exits: Record<string, number>;
  signals: Record<string, number>;
  requests: number;
  /** 429s of the CRM by cause, and how full its window ever was. */
  limited: Record<string, number>;
  peakWindow: number;
  seconds: number;
  remaining: number;
  /** Everything else that must not be: exit codes, stack traces, rows and files left behind. */
  trouble: string[];
}

const TOKEN = "chaos-token-of-the-first-user";
const BURST = 120;

export async function chaos(options: ChaosOptions): Promise<ChaosFigures> {
  const began = performance.now();
  const random = randomOf(options.seed);
  const simulator = calmCrm(options.seed);
  const server = await simulator.serve();
  const submissions = makeSubmissions(Math.max(1, Math.round(options.perSecond * options.seconds)), random, Date.now());
  try {
    writeConfig(options.folder, server.url);
    const feeder = new Feeder(options.folder, submissions, random);
    const crew = new Crew(options, feeder, random);
    const signals = await storm(options, crew, feeder, random);
    const { remaining, trouble } = await becomeQuiet(options, feeder);
    const { requests } = simulator;
    return {
      ...examine(simulator, submissions),
      processes: options.processes,
      seed: options.seed,
      submissions: submissions.length,
      commands: crew.commands,
      exits: crew.exits,
      signals,
      requests: requests.total,
      limited: { ...requests.limited, blocked: requests.blocked },
      peakWindow: requests.peakWindow,
      seconds: Math.round((performance.now() - began) / 1000),
      remaining,
      trouble: [...crew.trouble, ...trouble, ...(await leftovers(options.folder))],
    };
  } finally {
    await server.close();
  }
}

/** No faults and no other clients: whatever is refused here, crmledger asked for too fast. */
function calmCrm(seed: number): Simulator {
  return createSimulator({
    clock: createSystemClock(),
    seed,
    tokens: [TOKEN],
    withStampFields: true,
    limits: { burst: BURST, search: 10, dailyTokens: null },
    roundTripMs: { leastMs: 5, mostMs: 60 },
  });
}

function writeConfig(folder: string, url: string): void {
  mkdirSync(join(folder, "spool"), { recursive: true });
  mkdirSync(join(folder, "missed"), { recursive: true });
  writeFileSync(join(folder, "token"), `${TOKEN}\n`, { mode: 0o600 });
  const lines = [
    "ledger: ./chaos.db",
    `crm: { type: pipedrive, baseUrl: "${url}", apiTokenFile: ./token, timeout: 3s }`,
    "retry: { baseDelay: 200ms, maxDelay: 1s, settle: [2s, 5s] }",
    "breaker: { failureRate: 0.5, window: 20, cooldown: 1s }",
    `sources: { ${SOURCE}: { spool: ./spool } }`,
  ];
  writeFileSync(join(folder, "crmledger.yaml"), `${lines.join("\n")}\n`);
}

/** All at work at once, until the time is over and each has ended. Gives the signals that were sent. */
async function storm(
  options: ChaosOptions,
  crew: Crew,
  feeder: Feeder,
  random: () => number,
): Promise<Record<string, number>> {
  const over = new AbortController();
  const sent: Record<string, number> = {};
  const working = [
    feeder.run(over.signal, options.perSecond),
    ...Array.from({ length: options.processes }, (_, slot) => crew.work(slot, over.signal)),
    ...(options.calm ? [] : [signalAtRandom(crew, random, sent, over.signal)]),
  ];
  const everyTenth = setInterval(() => options.say(crew.line()), 10_000);
  try {
    await Promise.race([wait(options.seconds * 1000), ...working.map((one) => one.then(() => new Promise(() => {})))]);
  } finally {
    clearInterval(everyTenth);
    over.abort();
    await Promise.all(working);
  }
  return sent;
}

const RUN_CODES = [0, 3, 75];

/** The rest of the files, then runs until nothing remains. */
async function becomeQuiet(options: ChaosOptions, feeder: Feeder): Promise<{ remaining: number; trouble: string[] }> {
  const trouble: string[] = [];
  const run = async (...args: string[]): Promise<ProgramEnd> => {
    const end = await startProgram(options.command, [...args, "--json"], { cwd: options.folder }).ended;
    const why = misbehaved(end, RUN_CODES);
    if (why !== null) trouble.push(`quiet: ${args.join(" ")}: ${why}: ${end.out}${end.err}`.slice(0, 1_500));
    return end;
  };
  feeder.rest();
  const files = feeder.allMissed();
  if (files.length > 0) await run("import", ...files, "--source", SOURCE);
  const until = performance.now() + options.quietMaxMs;
  let remaining = -1;
  while (performance.now() < until && trouble.length === 0) {
    remaining = documentOf((await run("sync", "--max-wait", "10s")).out)?.remaining ?? -1;
    const failed = documentOf((await run("failed")).out)?.total;
    options.say(`quiet: ${remaining} remaining, ${failed} failed`);
    if (failed > 0) await run("retry-failed", "--all");
    else if (remaining === 0) {
      trouble.push(...(await unaccounted(run, feeder)));
      return { remaining, trouble };
    }
  }
  return { remaining, trouble: [...trouble, `not quiet: ${remaining} remaining`] };
}

/** What the program itself says of all that came in. */
async function unaccounted(run: (...args: string[]) => Promise<ProgramEnd>, feeder: Feeder): Promise<string[]> {
  const { queue } = documentOf((await run("status")).out);
  const { done, ...others } = queue as Record<string, number>;
  const open = Object.entries(others).filter(([, count]) => count !== 0);
  const found = open.map(([state, count]) => `status: ${count} ${state}`);
  if (done !== feeder.count) found.push(`status: ${done} done of ${feeder.count}`);
  const report = documentOf((await run("report", "--since", "2d")).out);
  if (report.accountedFor !== true || report.waiting !== 0) found.push(`report: ${JSON.stringify(report)}`);
  return found;
}

/** Rows and files that no process owns any more. */
async function leftovers(folder: string): Promise<string[]> {
  const path = join(folder, "chaos.db");
  const db = new Database(path, { readonly: true });
  const left: string[] = [];
  try {
    for (const sql of [
      "SELECT count(*) FROM claims",
      "SELECT count(*) FROM identity_leases",
      "SELECT count(*) FROM steps WHERE state = 'begun'",
      "SELECT count(*) FROM attempts WHERE outcome IS NULL",
      "SELECT count(*) FROM requests WHERE outcome IS NULL",
      "SELECT count(*) FROM runs WHERE ended_at_ms IS NULL AND lock_name IS NOT NULL",
    ]) {
      const count = db.prepare<[], number>(sql).pluck().get();
      if (count !== 0) left.push(`${count} of: ${sql}`);
    }
  } finally {
    db.close();
  }
  const ledger = await openSqliteLedger({ path, create: false, nowMs: Date.now() });
  left.push(...(await ledger.check()));
  const { runCounter, runCounterBeside } = await ledger.facts();
  if (runCounter !== runCounterBeside) left.push(`run counters: ${runCounter} and ${runCounterBeside} beside it`);
  await ledger.close();
  const spool = readdirSync(join(folder, "spool")).filter((name) => name !== ".archive" && !name.endsWith(".jsonl"));
  left.push(...spool.map((name) => `spool: ${name}`));
  if (existsSync(`${path}.new`)) left.push("chaos.db.new");
  return left;
}
