/** A run in this process that can die: from an instant on nothing of it reaches the ledger or the wire any more. */

import type { PackedRequest } from "../../src/crm/adapter.ts";
import type { RunId } from "../../src/domain/ids.ts";
import type { CreateOperation } from "../../src/domain/operation.ts";
import type { Ledger } from "../../src/ledger/ledger.ts";
import { drain } from "../../src/runner/drain.ts";
import type { DrainReport } from "../../src/runner/runner.ts";
import { NO_LIMITS, type Rig } from "./drain-rig.ts";

export class Died extends Error {
  constructor(at: string) {
    super(`died at ${at}`);
    this.name = "Died";
  }
}

/** Says at each instant whether the process dies there. */
export type Fate = (instant: string) => boolean;

/** Dies at the `nth` firing of one instant, counted over all runs; `fired` tells whether it came to that. */
export function fateAt(instant: string, nth: number): Fate & { fired: () => boolean } {
  let left = nth;
  const fate = (name: string): boolean => {
    if (left === 0 || name !== instant) return false;
    left -= 1;
    return left === 0;
  };
  return Object.assign(fate, { fired: () => left === 0 });
}

export const IMMORTAL: Fate = () => false;

/**
 * Instants around each ledger verb, beside the runner's own: `turn<` before the verb did anything, `turn>` when it is
 * committed and nobody has heard of it.
 */
export interface MortalRun {
  /** Null: it died. */
  report: DrainReport | null;
}

/** Creates that left, by the idempotency key of their step. */
export type Posts = Map<string, number>;

/** What every sync does: takes dead runs' work back, opens its run, drains, closes it. */
export async function mortalRun(rig: Rig, fate: Fate, posts: Posts): Promise<MortalRun> {
  const run = await rig.clock.run(() => liveOnce(rig, fate, posts, () => true));
  // What was sent before the end arrives at the CRM all the same.
  if (run.report === null) await rig.clock.advance(1_000);
  return run;
}

/** The same where others may be at work at the same time: `isDead` tells of each open run. The caller moves the clock. */
export async function liveOnce(
  rig: Rig,
  fate: Fate,
  posts: Posts,
  isDead: (run: RunId) => boolean,
  onOpen: (run: RunId) => void = () => {},
): Promise<MortalRun> {
  const { clock, ledger } = rig;
  const now = () => ({ wallMs: clock.wallMs(), monoMs: clock.monoMs(), bootId: clock.bootId });
  const life = { over: false };
  const instant = (name: string): void => {
    if (!life.over && fate(name)) life.over = true;
    if (life.over) throw new Died(name);
  };
  const mortal = mortalLedger(ledger, instant);
  try {
    const dead = (await mortal.openRuns()).map((run) => run.id).filter(isDead);
    if (dead.length > 0) await mortal.recover(dead, now(), rig.settings.retry.settleMs[0] ?? 0);
    const runId = await ledger.openRun({ kind: "sync", pid: 1, host: "test", lockName: "sync", now: now() });
    onOpen(runId);
    const deps = rig.deps(runId);
    const send = async (request: PackedRequest) => {
      if (life.over) throw new Died("send");
      for (const { key } of createsOf(request)) posts.set(key, (posts.get(key) ?? 0) + 1);
      return await deps.send(request);
    };
    const more = { ...deps, ledger: mortal, send, failpoint: instant };
    const report = await drain(more, NO_LIMITS, new AbortController().signal);
    await mortal.closeRun(runId, { stopped: report.stopped, exitCode: 0, summary: null, nowMs: clock.wallMs() });
    return { report };
  } catch (error) {
    if (!life.over) throw error;
    return { report: null };
  }
}

/** Several processes, each started again whenever it ended or died, until nothing is left. The number of deaths. */
export async function runTogether(rig: Rig, fates: readonly Fate[], runsMax = 60): Promise<number> {
  let deaths = 0;
  const live = new Set<RunId>();
  const one = async (fate: Fate): Promise<void> => {
    for (let run = 0; run < runsMax; run += 1) {
      let mine: RunId | null = null;
      const { report } = await liveOnce(
        rig,
        fate,
        new Map(),
        (id) => !live.has(id),
        (id) => {
          mine = id;
          live.add(id);
        },
      );
      if (mine !== null) live.delete(mine);
      if (report === null) deaths += 1;
      const { pending, waiting, uncertain, inProgress } = await rig.ledger.queue();
      if (pending + waiting + uncertain + inProgress === 0) return;
      await rig.clock.sleep(report === null ? 1_000 : 40_000);
    }
    throw new Error(`after ${runsMax} runs there is work left: ${JSON.stringify(await rig.ledger.queue())}`);
  };
  await rig.clock.run(Promise.all(fates.map(one)));
  return deaths;
}

function createsOf(request: PackedRequest): CreateOperation[] {
  return request.operations.filter((operation) => operation.type === "create");
}

/** Every verb asks before and after whether the process dies there. */
export function mortalLedger(ledger: Ledger, instant: (name: string) => void): Ledger {
  return new Proxy(ledger, {
    get(target, name) {
      const verb: unknown = Reflect.get(target, name);
      if (typeof verb !== "function") return verb;
      return async (...args: unknown[]): Promise<unknown> => {
        instant(`${String(name)}<`);
        const result: unknown = await Reflect.apply(verb, target, args);
        instant(`${String(name)}>`);
        return result;
      };
    },
  });
}

/** Runs until nothing is left, with time between the runs. The number of runs that died. */
export async function runToTheEnd(rig: Rig, fate: Fate, posts: Posts, runsMax = 30): Promise<number> {
  let deaths = 0;
  for (let run = 0; run < runsMax; run += 1) {
    const { report } = await mortalRun(rig, fate, posts);
    if (report === null) deaths += 1;
    else if (report.remaining === 0) return deaths;
    await rig.clock.advance(40_000);
  }
  const queue = await rig.ledger.queue();
  throw new Error(`after ${runsMax} runs there is work left: ${JSON.stringify(queue)}`);
}
