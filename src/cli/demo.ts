import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative, resolve } from "node:path";
import { type Called, type DemoDocument, demoIntro, demoRound, demoTime, renderDemo } from "../report/demo-page.ts";
import { createProgress, type Progress } from "../report/progress.ts";
import { createStyle } from "../report/style.ts";
import { FAULT_PRESETS, type FaultPlan } from "../simulator/fault-plan.ts";
import { createSeededRandom } from "../simulator/random.ts";
import { createSimulator, type Simulator } from "../simulator/simulator.ts";
import type { Invocation, RunCommand } from "./command.ts";
import { syncAsDemoChild } from "./demo-child.ts";
import { createDemoClock, type DemoClock, machineNowMs } from "./demo-clock.ts";
import { type DemoInput, type DemoSize, inventHour } from "./demo-data.ts";
import { DEMO_TOKEN, makeDemoFolder } from "./demo-folder.ts";
import { type DemoAudience, type DemoStage, type PlayedHour, playDemoHour } from "./demo-hour.ts";
import { demoRejects, lostAnswers } from "./demo-ledger.ts";
import { proveDemo } from "./demo-proof.ts";

/** How large the demo is; tests play a small one. */
export interface DemoScript {
  size: DemoSize;
  rounds: number;
  roundsMore: number;
  killAfterWrites: number;
  factor: number;
}

export const WHOLE_HOUR: DemoScript = {
  size: {
    slots: 11,
    backlog: 25,
    formsPerSlot: 12,
    callsPerSlot: 3,
    fairLeads: 45,
    fairSlot: 3,
    strangers: 1200,
  },
  rounds: 13,
  roundsMore: 6,
  killAfterWrites: 70,
  factor: 30,
};

const DEFAULT_SEED = 7;

/** `crmledger demo`: an hour at a simulated CRM, then what it proves. Exit 0 only where the proof holds. */
export const run: RunCommand = async (invocation) => {
  const { asCron, seed = DEFAULT_SEED, keep } = invocation.flags as { asCron?: string; seed?: number; keep?: string };
  if (asCron !== undefined) return await syncAsDemoChild(invocation, asCron);
  const demo = await playDemo(
    invocation,
    WHOLE_HOUR,
    seed,
    keep === undefined ? null : resolve(invocation.io.cwd, keep),
  );
  return {
    json: demo,
    text: (style) => renderDemo(demo, calledHere(invocation.io, demo), style),
    exitCode: demo.proved ? 0 : 1,
  };
};

/** Plays a demo in `keep`, or in a temporary folder that is removed whatever happens. */
export async function playDemo(
  invocation: Invocation,
  script: DemoScript,
  seed: number,
  keep: string | null,
): Promise<DemoDocument> {
  const signal = invocation.signals.graceful();
  const began = machineNowMs();
  const startMs = nineToday();
  const clock = createDemoClock({ wallMs: startMs, monoMs: 0, machineMs: began, factor: script.factor });
  const input = inventHour(script.size, startMs, createSeededRandom(seed));
  const faults = noisyFaults();
  const simulator = createCrm(clock, seed, input, faults.plan);
  const server = await simulator.serve();
  const path = keep ?? mkdtempSync(join(tmpdir(), "crmledger-demo-"));
  try {
    const folder = makeDemoFolder(path, server.url);
    const { rounds, roundsMore, killAfterWrites } = script;
    const kill = { slot: script.size.fairSlot, afterWrites: killAfterWrites };
    const { io } = invocation;
    const stage: DemoStage = {
      ...{ io, folder, simulator, clock, input, startMs, rounds, roundsMore, kill, signal },
      makeNoise: faults.begin,
    };
    const audience = audienceOf(invocation, stage);
    const played = await playDemoHour(stage, audience).finally(() => audience.end());
    const document = await documentOf(stage, played);
    return { seed, kept: keep, seconds: (machineNowMs() - began) / 1000, ...document };
  } finally {
    await server.close();
    if (keep === null) rmSync(path, { recursive: true, force: true });
  }
}

/** Nine o'clock of this day, so that the ages in a kept ledger make sense. */
function nineToday(): number {
  return new Date().setHours(9, 0, 0, 0);
}

/**
 * An ordinary bad hour: all that the preset `noisy` has, but for hanging replies: those would hang on the machine's own clock.
 * Nothing of it happens before `begin`.
 */
function noisyFaults(): { plan: FaultPlan; begin(): void } {
  const { hangAfter: _, ...noisy } = FAULT_PRESETS.noisy.faults as FaultPlan;
  const kinds = Object.entries(noisy).map(([kind, { perCall }]) => ({ kind, perCall, odds: { perCall: 0 } }));
  return {
    plan: Object.fromEntries(kinds.map(({ kind, odds }) => [kind, odds])),
    begin: () => {
      for (const { odds, perCall } of kinds) odds.perCall = perCall;
    },
  };
}

function createCrm(clock: DemoClock, seed: number, input: DemoInput, faults: FaultPlan): Simulator {
  const simulator = createSimulator({
    ...{ clock, seed, faults, tokens: [DEMO_TOKEN], withStampFields: true },
    others: { requestsPerSecond: 1, tokensPerSecond: 0.5 },
    roundTripMs: { leastMs: 60, mostMs: 300 },
  });
  simulator.seedPersons(input.knownPersons.length, (index) => {
    const { name, email, phone } = input.knownPersons[index]!;
    return { name, email, ...(phone !== null && { phone }) };
  });
  for (const name of input.knownCompanies) simulator.addOrganization({ name });
  return simulator;
}

/** npm says where `npx` started this: then the commands that are named at the end begin with it, too. */
function calledHere({ env, cwd }: Invocation["io"], { kept }: DemoDocument): Called {
  const config = join(kept ?? "", "crmledger.yaml");
  const near = relative(cwd, config);
  return {
    program: env.npm_command === "exec" ? "npx crmledger" : "crmledger",
    config: near.startsWith("..") ? config : near,
  };
}

function audienceOf({ io, globals }: Invocation, { input, clock, folder }: DemoStage): DemoAudience {
  const { stderr } = io;
  const style = createStyle({ isTTY: stderr.isTTY === true, columns: stderr.columns }, globals, io.env);
  const write = (text: string): void => {
    if (!globals.quiet) stderr.write(text);
  };
  const shown = stderr.isTTY === true && globals.progress && !globals.quiet;
  let bar: Progress | null = null;
  const records = input.slots.reduce((sum, slot) => sum + slot.records, 0);
  const facts = { factor: clock.time().factor, records, persons: input.knownPersons.length, folder: folder.path };
  write(demoIntro(facts, style));
  return {
    progress: (minute, notes, notesOfAll) => {
      bar ??= createProgress(stderr, ` ${demoTime(minute)} `, shown);
      bar.update(notes, Math.max(notes, notesOfAll), "notes in the CRM");
    },
    round: (round) => {
      bar?.stop();
      bar = null;
      write(demoRound(round, style));
    },
    end: () => {
      bar?.stop();
      write("\n");
    },
  };
}

type Played = Omit<DemoDocument, "seed" | "kept" | "seconds">;

async function documentOf(
  { simulator, input, folder, clock }: DemoStage,
  { rounds, interrupted }: PlayedHour,
): Promise<Played> {
  const { submissions, tokens, ...crm } = proveDemo(simulator, input);
  const { total, limited, faults, blocked } = simulator.requests;
  const nowMs = clock.wallMs();
  const { failed, ...lost } = await lostAnswers(folder, input, nowMs);
  const rejects = await demoRejects(folder, nowMs);
  const sum = (of: "records" | "repeats" | "rejects"): number => rounds.reduce((all, round) => all + round[of], 0);
  const waiting = rounds.at(-1)?.open ?? 0;
  const delivered = { records: sum("records"), submissions, repeats: sum("repeats"), rejected: rejects.length };
  const whole = crm.lost.length + crm.doubled.length + crm.wrong.length + waiting + failed === 0;
  return {
    proved: whole && rejects.length === sum("rejects"),
    clock: { factor: clock.time().factor, minutes: rounds.at(-1)?.minute ?? 0 },
    ...{ delivered, crm, tokens, lostAnswers: lost, waiting, failed, rounds, rejects, interrupted },
    requests: { total, refusedForOurPace: limited.burst + limited.search + limited.daily + blocked, faults },
  };
}
