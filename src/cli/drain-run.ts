import { hostname } from "node:os";
import { CrmledgerError } from "../domain/errors.ts";
import type { RunId } from "../domain/ids.ts";
import type { DrainLimits } from "../domain/settings.ts";
import type { RunLock, RunLocks } from "../ledger/ledger.ts";
import type { RunRow } from "../ledger/rows.ts";
import type { WriteThread } from "../ledger/sqlite/write-thread.ts";
import { counted, span } from "../report/human.ts";
import type { DrainReport, RunnerDeps, RunnerEvent } from "../runner/runner.ts";
import { type Invocation, showsProgress } from "./command.ts";
import { openCrmLine, type Shop } from "./compose.ts";
import { isGone } from "./gone-run.ts";
import { readToken } from "./read-config.ts";
import { todaysContents } from "./todays-contents.ts";

/** Kernel locks of the runs that send: this one, and `join-1` to `join-15`. */
export const SYNC_LOCK = "sync";
export const JOINERS_MAX = 15;

/** A run that holds its kernel lock, with dead runs' work taken back. */
export interface DrainRun {
  runId: RunId;
  lock: RunLock;
  warnings: string[];
}

/**
 * Takes the run's lock, takes back what dead runs left, and opens the run. Rejects with `alreadyRunning` where another sync
 * is at work and `join` is false, or where as many as may join have joined.
 */
export async function beginDrainRun(shop: Shop, kind: string, join: boolean): Promise<DrainRun> {
  const { createSqliteLocks } = await import("../ledger/sqlite/locks.ts");
  const locks = createSqliteLocks(shop.ledgerPath);
  const lock = takeLock(locks, join);
  if (lock === null) throw await alreadyRunning(shop, join);
  try {
    const warnings = await takeBackDeadRuns(shop, locks, lock);
    const start = { kind, pid: process.pid, host: hostname(), lockName: lock.name, now: shop.now() };
    return { runId: await shop.ledger.openRun(start), lock, warnings };
  } catch (error) {
    lock.release();
    throw error;
  }
}

function takeLock(locks: RunLocks, join: boolean): RunLock | null {
  const first = locks.take(SYNC_LOCK);
  if (first !== null || !join) return first;
  for (let number = 1; number <= JOINERS_MAX; number += 1) {
    const lock = locks.take(`join-${number}`);
    if (lock !== null) return lock;
  }
  return null;
}

async function alreadyRunning({ ledger, clock }: Shop, join: boolean): Promise<CrmledgerError> {
  const running = (await ledger.openRuns()).find((run) => run.lockName === SYNC_LOCK);
  const who =
    running === undefined
      ? ""
      : ` (process ${running.pid} on ${running.host}, since ${span(clock.wallMs() - running.startedAtMs)})`;
  if (join) return new CrmledgerError("alreadyRunning", `${JOINERS_MAX} runs have joined the running sync already`);
  return new CrmledgerError("alreadyRunning", `Another sync is working on this ledger${who}`, {
    hint: "Nothing was done. Wait for it, or work beside it with --join.",
    details: running === undefined ? {} : { pid: running.pid, host: running.host, startedAtMs: running.startedAtMs },
  });
}

/** A run is dead when its kernel lock is free. One that we hold ourselves now was its predecessor's. */
async function takeBackDeadRuns(shop: Shop, locks: RunLocks, own: RunLock): Promise<string[]> {
  const { ledger } = shop;
  const dead: RunRow[] = [];
  const taken: RunLock[] = [];
  for (const run of await ledger.openRuns()) {
    // Runs without a lock claim nothing: they are only closed, where their process is gone.
    if (run.lockName === null ? isGone(run) : run.lockName === own.name || tryTake(locks, run.lockName, taken))
      dead.push(run);
  }
  try {
    if (dead.length === 0) return [];
    const settleMs = shop.config.drain.retry.settleMs[0] ?? 0;
    const { submissions, uncertainSteps, discarded } = await ledger.recover(
      dead.map((run) => run.id),
      shop.now(),
      settleMs,
    );
    const said =
      discarded === 0
        ? []
        : [
            `an import that died had ${counted(discarded, "record")} half-way in: none of these is taken. Import its file once more`,
          ];
    if (submissions === 0) return said;
    const uncertain =
      uncertainSteps === 0
        ? ""
        : `; ${counted(uncertainSteps, "write")} may have happened and ${uncertainSteps === 1 ? "is" : "are"} looked for first`;
    const left = counted(submissions, "submission");
    const back = submissions === 1 ? "it is" : "they are";
    return [...said, `a run that died left ${left} in hand: ${back} back in the queue${uncertain}`];
  } finally {
    for (const lock of taken) lock.release();
  }
}

function tryTake(locks: RunLocks, name: string, taken: RunLock[]): boolean {
  if (taken.some((lock) => lock.name === name)) return true;
  const lock = locks.take(name);
  if (lock !== null) taken.push(lock);
  return lock !== null;
}

/** Drains with a bar on a terminal. The way to the CRM is closed whatever happens. */
export async function drainWithProgress(
  shop: Shop,
  invocation: Invocation,
  runId: RunId,
  limits: DrainLimits,
  signal: AbortSignal,
): Promise<DrainReport> {
  const { io, talk } = invocation;
  // A token that can't be used is told by the first run, not by the first one that has work.
  readToken(shop.config);
  const { drainNothing } = await import("../runner/empty-queue.ts");
  const nothing = await drainNothing({ ...shop, settings: shop.config.drain }, limits);
  if (nothing !== null) return nothing;
  const [{ createProgress }, { drainQueue }] = await Promise.all([
    import("../report/progress.ts"),
    import("../runner/drain.ts"),
  ]);
  const progress = createProgress(io.stderr, "Sending", showsProgress(invocation));
  signal.addEventListener("abort", () => progress.stop(), { once: true });
  const observe = (event: RunnerEvent): void => {
    if (event.type === "progress") {
      const ended = event.done + event.failed;
      progress.update(ended, ended + event.remaining, `${event.tokens} tokens`);
    } else if (event.type === "hold")
      talk.detail(`hold ${event.hold.kind} (${event.hold.scope}): ${event.hold.message}`);
    else talk.detail(event.message);
  };
  const writes = await writesOf(shop, invocation);
  try {
    const ledger = writes === null ? shop.ledger : shop.withVerbs(writes.verbs);
    const line = await openCrmLine({ ...shop, ledger }, invocation, runId, observe);
    const contents: RunnerDeps["todaysContents"] = (rows) => todaysContents(shop, invocation, rows);
    const drained = drainQueue({ ...line.deps, todaysContents: contents }, limits, signal);
    return await drained.finally(() => line.close());
  } finally {
    progress.stop();
    // Whatever happened: a thread keeps its process from ending.
    await writes?.close();
  }
}

/** From so many submissions on, the thread's start is paid back. */
const THREAD_FROM = 50;
/** A thread loads what was built: it has no loader for sources. */
const IS_BUILT = import.meta.url.endsWith(".js");

/** A thread for the ledger's writes, where there is enough to do, and nobody who stops the clock or is told of each instant. */
async function writesOf({ ledger, ledgerPath }: Shop, { io }: Invocation): Promise<WriteThread | null> {
  if (!IS_BUILT || ledgerPath === ":memory:" || io.clock !== undefined || io.failpoint !== undefined) return null;
  const { pending, waiting, uncertain } = await ledger.queue();
  if (pending + waiting + uncertain < THREAD_FROM) return null;
  const { startWriteThread } = await import("../ledger/sqlite/write-thread.ts");
  return startWriteThread(ledgerPath);
}
