/** The commands of the tool as processes of a world: what `sync`, `reconcile` and `reconcile --repair` do around drain and check. */
import { CrmledgerError } from "../../src/domain/errors.ts";
import type { RunId } from "../../src/domain/ids.ts";
import type { DrainLimits } from "../../src/domain/settings.ts";
import { LookupFailed } from "../../src/mirror/lookup-failed.ts";
import { drain } from "../../src/runner/drain.ts";
import type { DrainReport } from "../../src/runner/runner.ts";
import { type CheckRun, checkOn, discrepanciesOf, repairOn } from "../support/check-rig.ts";
import { NO_LIMITS, type Rig } from "../support/drain-rig.ts";
import type { SimProcess } from "./sim-process.ts";
import { breaks, count, depsOf, ledgerOf, nowOf, say, spawn, type World } from "./world.ts";

const SYNC = "sync";
const CHECK = "check";

/** Null where it died, or was refused because another one is at work. */
type Ended<T> = Promise<T | null>;

export interface SyncOptions {
  join?: boolean;
  limits?: Partial<DrainLimits>;
  /** Ends it as SIGTERM does. */
  signal?: AbortSignal;
}

/** One `sync`, from its lock to its end. */
export async function sync(world: World, options: SyncOptions = {}): Ended<DrainReport> {
  const lock = freeLock(world, options.join === true);
  if (lock === null) return null;
  count(world, lock === SYNC ? "sync" : "joined");
  return await asProcess(world, `${lock}#${serial(world)}`, lock, async (process) => {
    const ledger = ledgerOf(world, process);
    const settleMs = world.choices.settings.retry.settleMs[0]!;
    const dead = (await ledger.openRuns()).filter((run) => !isAlive(world, run.id)).map(({ id }) => id);
    if (dead.length > 0) {
      const taken = await ledger.recover(dead, nowOf(world), settleMs);
      if (taken.submissions > 0) say(world, process.name, `takes back ${taken.submissions} of dead runs`);
    }
    const runId = await ledger.openRun({ kind: SYNC, pid: 1, host: "test", lockName: lock, now: nowOf(world) });
    try {
      const signal = options.signal ?? new AbortController().signal;
      const report = await drain(depsOf(world, process, runId), { ...NO_LIMITS, ...options.limits }, signal);
      const { drained, remaining, stopped } = report;
      say(world, process.name, `ends: ${JSON.stringify(drained)}, ${remaining} remain, ${stopped}`);
      await ledger.closeRun(runId, { stopped, exitCode: 0, summary: null, nowMs: world.machine.wallMs() });
      return report;
    } catch (error) {
      if (process.dead) throw error;
      await ledger.recover([runId], nowOf(world), settleMs);
      await ledger.closeRun(runId, { stopped: "hold", exitCode: 75, summary: null, nowMs: world.machine.wallMs() });
      return held(world, process, error);
    }
  });
}

/** One `reconcile`, with `--repair` where asked for. Checks take turns: another one at work keeps this one from beginning. */
export async function reconcile(world: World, repairing: boolean, signal?: AbortSignal): Ended<CheckRun> {
  if (world.locks.has(CHECK)) return null;
  count(world, repairing ? "repair" : "check");
  return await asProcess(world, `check#${serial(world)}`, CHECK, async (process) => {
    const rig = rigOf(world, process);
    try {
      const run = await checkOn(rig, { signal });
      const { checked, matched } = run.report;
      say(world, process.name, `checked ${checked}, matched ${matched}: ${kinds(run.rows)}`);
      if (!repairing) return run;
      const { kinds: done, refused } = await repairOn(rig);
      const leftAlone = refused.map(({ why }) => `; one is left alone: ${why}`).join("");
      say(world, process.name, `repairs ${JSON.stringify({ ...done.queued, ...done.done })}${leftAlone}`);
      return run;
    } catch (error) {
      if (process.dead) throw error;
      return held(world, process, error);
    }
  });
}

/** What is open of differences, whatever check saw it. */
export async function openDifferences(world: World) {
  return await discrepanciesOf(rigOf(world, null), { states: ["new", "open"] });
}

function kinds(rows: readonly { kind: string; state: string }[]): string {
  const counts: Record<string, number> = {};
  for (const { kind, state } of rows) {
    if (state === "new" || state === "open") counts[kind] = (counts[kind] ?? 0) + 1;
  }
  return JSON.stringify(counts);
}

function serial(world: World): number {
  count(world, "process");
  return world.counts.process!;
}

function freeLock(world: World, join: boolean): string | null {
  if (!world.locks.has(SYNC)) return SYNC;
  if (!join) return null;
  for (let number = 1; number < world.choices.runsMax; number += 1) {
    if (!world.locks.has(`join-${number}`)) return `join-${number}`;
  }
  return null;
}

async function asProcess<T>(
  world: World,
  name: string,
  lock: string,
  work: (process: SimProcess) => Promise<T | null>,
): Ended<T> {
  const process = spawn(world, name);
  world.locks.set(lock, process);
  world.live.add(process);
  say(world, name, "starts");
  const alive = async (): Promise<T | null> => {
    try {
      return await work(process);
    } catch (error) {
      if (!process.dead) breaks(world, `${name} ended with ${error instanceof Error ? error.stack : String(error)}`);
      return null;
    }
  };
  // The kernel drops the lock of a process that died, at once.
  const result = await Promise.race([process.gone.then(() => null), alive()]);
  if (world.locks.get(lock) === process) world.locks.delete(lock);
  world.live.delete(process);
  return result;
}

function isAlive(world: World, run: RunId): boolean {
  const process = world.runs.get(run);
  return process !== undefined && world.live.has(process) && !process.dead;
}

/** A run that the CRM kept from its work; anything else is a bug. */
function held(world: World, process: SimProcess, error: unknown): null {
  const expected = error instanceof CrmledgerError && (error.code === "held" || error.code === "credentialsRefused");
  if (!expected && !(error instanceof LookupFailed)) throw error;
  count(world, "held");
  say(world, process.name, `ends: ${error.message}`);
  return null;
}

/** As much of a drain rig as a check asks for; the world's own time drives it. */
function rigOf(world: World, process: SimProcess | null): Rig {
  const clock = process?.clock ?? { wallMs: () => world.machine.wallMs() };
  const driven = {
    ...clock,
    run: (work: Promise<unknown> | (() => Promise<unknown>)) => (typeof work === "function" ? work() : work),
  };
  if (process) Object.defineProperty(driven, "bootId", { get: () => world.machine.bootId });
  return {
    clock: driven,
    simulator: world.simulator,
    ledger: process === null ? world.ledger : ledgerOf(world, process),
    settings: world.choices.settings,
    deps: (runId: RunId, more = {}) => ({ ...depsOf(world, process!, runId), ...more }),
  } as unknown as Rig;
}
