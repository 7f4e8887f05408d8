import { setTimeout as wait } from "node:timers/promises";
import { CrmledgerError } from "../domain/errors.ts";
import type { DemoRound } from "../report/demo-page.ts";
import type { SyncSummary } from "../report/sync-summary.ts";
import type { Simulator } from "../simulator/simulator.ts";
import { type DemoChild, type EndedChild, startDemoChild } from "./demo-child.ts";
import type { DemoClock } from "./demo-clock.ts";
import { type DemoInput, SLOT_MS } from "./demo-data.ts";
import { type DemoFolder, spoolDemoFile } from "./demo-folder.ts";
import { type Doubt, lookIntoDemoLedger, settledDoubts } from "./demo-ledger.ts";
import type { Io } from "./io.ts";

export interface DemoStage {
  io: Io;
  folder: DemoFolder;
  simulator: Simulator;
  clock: DemoClock;
  input: DemoInput;
  startMs: number;
  /** Rounds of five minutes that the hour has, and how many more there may be until the queue is empty. */
  rounds: number;
  roundsMore: number;
  /** The first round that has a run killed, and after how many of its writes. A run that ends before leaves it to the next. */
  kill: { slot: number; afterWrites: number };
  /** Lets the CRM's faults happen. The first round goes without, so that one sees what an undisturbed one is. */
  makeNoise(): void;
  signal: AbortSignal;
}

export interface PlayedHour {
  rounds: DemoRound[];
  /** Stamp of a submission of which a write was on its way at the kill. */
  interrupted: string | null;
}

/** What the audience sees while it goes on. */
export interface DemoAudience {
  round(round: DemoRound): void;
  /** Often. */
  progress(minute: number, notes: number, notesOfAll: number): void;
  /** However it ended. */
  end(): void;
}

const GLANCE_MS = 200;
/** Done, held, or done with records that need attention: what a sync that works well may end with. */
const FINE = new Set([0, 3, 75]);

/** Plays round after round as cron would, until the hour is over and nothing waits any more. */
export async function playDemoHour(stage: DemoStage, audience: DemoAudience): Promise<PlayedHour> {
  const { input, clock, startMs } = stage;
  const rounds: DemoRound[] = [];
  let doubts: Doubt[] = [];
  let interrupted: string | null = null;
  for (let slot = 0; slot < stage.rounds + stage.roundsMore; slot += 1) {
    if (slot >= stage.rounds && rounds.at(-1)?.open === 0) break;
    if (stage.signal.aborted) throw stopped();
    if (slot === 1) stage.makeNoise();
    clock.leapTo(startMs + slot * SLOT_MS);
    const troubleBefore = { ...stage.simulator.requests.faults };
    fillSpools(stage, slot);
    const toBeKilled = slot >= stage.kill.slot && rounds.every(({ killed }) => killed === null);
    const ended = await oneRun(stage, slot, toBeKilled, audience);
    if (stage.signal.aborted) throw stopped();
    if (!ended.killed && !FINE.has(ended.code ?? 1)) throw failed(ended, slot * 5);
    const seen = await lookIntoDemoLedger(stage.folder, input, clock.wallMs(), ended.killed);
    const { found, sentAgain, left } = await settledDoubts(stage.folder, doubts, clock.wallMs());
    doubts = [...left, ...seen.doubts];
    interrupted ??= seen.doubts[0]?.stamp ?? null;
    const { records = 0, repeats = 0, rejects = 0 } = input.slots[slot] ?? {};
    const round: DemoRound = {
      ...{ minute: slot * 5, records, repeats, rejects, done: seen.done, open: seen.open },
      trouble: difference(stage.simulator.requests.faults, troubleBefore),
      held: heldText(ended),
      killed: ended.killed ? { inDoubt: seen.doubts.length } : null,
      settled: found + sentAgain > 0 ? { found, sentAgain, left: left.length } : null,
    };
    rounds.push(round);
    audience.round(round);
  }
  return { rounds, interrupted };
}

/** A hold in words for newcomers; null where the run came to its end. */
function heldText({ code, out }: EndedChild): string | null {
  if (code !== 75) return null;
  const { hold } = JSON.parse(out) as Partial<SyncSummary>;
  return hold?.kind === "burst"
    ? "stopped early: the CRM kept refusing with 429"
    : `stopped early for a hold: ${hold?.kind}`;
}

function fillSpools({ input, folder, clock }: DemoStage, slot: number): void {
  for (const file of input.slots[slot]?.files ?? []) spoolDemoFile(folder, file, clock.wallMs());
}

async function oneRun(
  stage: DemoStage,
  slot: number,
  toBeKilled: boolean,
  audience: DemoAudience,
): Promise<EndedChild> {
  const child = startDemoChild(stage.io, stage.folder, stage.clock.time());
  const leave = (): void => child.kill();
  stage.signal.addEventListener("abort", leave, { once: true });
  const glance = setInterval(() => audience.progress(slot * 5, notesIn(stage), notesBy(stage, slot)), GLANCE_MS);
  try {
    if (toBeKilled) await killAmidWrites(stage, child);
    return await child.ended;
  } finally {
    clearInterval(glance);
    stage.signal.removeEventListener("abort", leave);
    child.kill();
  }
}

/** Waits for so many writes of this run at the CRM, then kills it while the answer to the last one is still on its way. */
async function killAmidWrites({ simulator, kill }: DemoStage, child: DemoChild): Promise<void> {
  const before = simulator.log.length;
  while (child.alive() && simulator.log.length < before + kill.afterWrites) await wait(1);
  child.kill();
}

const notesIn = ({ simulator }: DemoStage): number => simulator.records.notes.length;

/** Notes are last in each chain, so they tell how far the work is. */
function notesBy({ input }: DemoStage, slot: number): number {
  const part = Math.min(1, (slot + 1) / input.slots.length);
  return Math.round(input.submissions.reduce((sum, { notes }) => sum + notes, 0) * part);
}

function difference(now: Record<string, number>, before: Record<string, number>): Record<string, number> {
  const changed = Object.entries(now).map(([kind, count]) => [kind, count - (before[kind] ?? 0)] as const);
  return Object.fromEntries(changed.filter(([, count]) => count > 0));
}

function stopped(): CrmledgerError {
  return new CrmledgerError("unexpected", "The demo was stopped before its end", {
    hint: "Nothing of yours was touched.",
  });
}

function failed({ code, out, err }: EndedChild, minute: number): CrmledgerError {
  const told = errorIn(out) ?? (err.trim().split("\n")[0] || `it ended with ${code}`);
  return new CrmledgerError("unexpected", `A sync of the demo broke off after ${minute} minutes: ${told}`, {
    hint: "This should not happen: please report it. Nothing of yours was touched.",
  });
}

function errorIn(out: string): string | null {
  try {
    return (JSON.parse(out) as Partial<SyncSummary>).error?.message ?? null;
  } catch {
    return null;
  }
}
