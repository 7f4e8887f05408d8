import type { AlertSettings } from "../domain/alert.ts";
import type { BucketState, BucketUse } from "../domain/quota.ts";
import type { AlertFacts } from "../ledger/alerts.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { HoldRow, Now, RunRow } from "../ledger/rows.ts";

const DAY_MS = 86_400_000;
/** After that it is how the source is now, whether or not a record comes that shows it. */
export const DRIFTS_TOLD_MS = 14 * DAY_MS;
/** Ten weeks: each hour of the week was seen often enough to know it. */
const HISTORY_MS = 70 * DAY_MS;
/** Older readings say nothing about now. */
const BURST_READ_MS = 3_600_000;

/** What only the composer can find out. */
export interface Surroundings {
  now: Now;
  /** Empty: not known, then the burst of no credential is looked at. */
  credential: string;
  settings: AlertSettings;
  /** Room on the ledger's disk in bytes; null: not known. */
  freeBytes: number | null;
  /** Names of the CRM that changed and that something of ours still uses. Absent: nobody can tell. */
  changedNames?(): Promise<ChangedName[]>;
  /** Absent: nobody looked. */
  closedFiles?: ClosedFiles[];
  /** Files in a source's spool that are not taken without somebody's word. Absent: nobody looked. */
  heldFiles?(): Promise<ClosedFiles[]>;
  /** How much of a time was quiet for a source, which does not make it late; absent: nothing is. */
  quietMs?(source: string, fromMs: number, toMs: number): number;
  /** How a run that has not ended stands: its process is there or not. */
  stateOf(run: RunRow): "working" | "died";
}

/** A name of the CRM that changed, by what of ours uses it: what it was and is called is the CRM's to say. */
export interface ChangedName {
  /** Of one change, and of it only. */
  subject: string;
  /** Such as `deal field`, `pipeline`. */
  what: string;
  change: string;
  /** Keys of the config. */
  uses: string[];
  /** Submissions that wait and bring it. */
  waiting: number;
  sinceMs: number;
}

/** Files in a source's spool that no run takes, such as those that its user may not read: at least one. */
export interface ClosedFiles {
  source: string;
  files: number;
}

/** Everything that conditions are made of. Instants are UTC ms. */
export interface Facts {
  nowMs: number;
  settings: AlertSettings;
  ledger: AlertFacts;
  holds: HoldRow[];
  /** Used part of the day's budget, 0 to 1; null: not known. */
  dayUsed: number | null;
  /** Part of the burst that is left to us, 0 to 1; null: not known. */
  burstLeft: number | null;
  /** Breaks that are open, by kind, without those that the queue itself tells. */
  breaks: { kind: string; count: number }[];
  lastRun: { kind: string; exitCode: number | null; state: "ended" | "working" | "died"; startedAtMs: number } | null;
  freeBytes: number | null;
  changedNames: ChangedName[];
  closedFiles: ClosedFiles[];
  heldFiles: ClosedFiles[];
  /** As in `Surroundings`. */
  quietMs?: Surroundings["quietMs"];
}

/** Breaks of which the queue itself says how they stand now. */
const QUEUE_KINDS = new Set(["failed", "rejected", "conflict", "overdue"]);

export async function loadFacts(ledger: Ledger, around: Surroundings): Promise<Facts> {
  const { now, settings, freeBytes } = around;
  const nowMs = now.wallMs;
  const question = {
    nowMs,
    requestsSinceMs: nowMs - settings.retryWindowMs,
    findingsSinceMs: nowMs - DAY_MS,
    driftsSinceMs: nowMs - DRIFTS_TOLD_MS,
    historySinceMs: nowMs - HISTORY_MS,
  };
  const account = await ledger.account();
  const buckets = account === null ? null : await ledger.buckets(account.id, around.credential, now);
  const [facts, holds, open, lastRun] = await Promise.all([
    ledger.alertFacts(question),
    ledger.holds(),
    ledger.countDiscrepancies({ states: ["new", "open"], class: "break" }),
    // The newest sync tells how things stand; a doctor's or an import's run in between does not hide it.
    ledger.lastRun("sync").then((run) => run ?? ledger.lastRun()),
  ]);
  const breaks = new Map<string, number>();
  for (const { kind, count } of open) if (!QUEUE_KINDS.has(kind)) breaks.set(kind, (breaks.get(kind) ?? 0) + count);
  return {
    nowMs,
    settings,
    ledger: facts,
    holds,
    dayUsed: buckets === null ? null : dayUsed(buckets.states, buckets.use, nowMs),
    burstLeft: buckets === null ? null : burstLeft(buckets.states, nowMs),
    breaks: [...breaks].map(([kind, count]) => ({ kind, count })),
    lastRun: lastRun === null ? null : runFacts(lastRun, around),
    freeBytes,
    changedNames: (await around.changedNames?.()) ?? [],
    closedFiles: around.closedFiles ?? [],
    heldFiles: (await around.heldFiles?.()) ?? [],
    quietMs: around.quietMs,
  };
}

function runFacts(run: RunRow, { stateOf }: Surroundings): Facts["lastRun"] {
  const { kind, exitCode, startedAtMs } = run;
  return { kind, exitCode, startedAtMs, state: run.endedAtMs === null ? stateOf(run) : "ended" };
}

function dayUsed(states: readonly BucketState[], use: readonly BucketUse[], nowMs: number): number | null {
  const state = states.find(({ kind }) => kind === "day");
  if (state === undefined || state.limit === null || state.limit <= 0) return null;
  // A new day has begun since the CRM was asked last.
  if (state.resetsAtMs !== null && state.resetsAtMs <= nowMs) return null;
  const isFresh = nowMs - state.readAtMs < DAY_MS;
  const ours = use.find(({ bucket }) => bucket === state.bucket)?.used ?? 0;
  const others = isFresh ? state.usedByOthers : 0;
  const told = isFresh && state.remaining !== null ? state.limit - state.remaining : 0;
  return Math.min(1, Math.max(0, told, ours + others) / state.limit);
}

function burstLeft(states: readonly BucketState[], nowMs: number): number | null {
  const windows = states.filter(({ kind }) => kind === "window");
  const state = windows.find(({ bucket }) => bucket === "burst") ?? windows[0];
  if (state === undefined || state.limit === null || state.limit <= 0) return null;
  if (nowMs - state.readAtMs > BURST_READ_MS) return null;
  return Math.max(0, 1 - state.usedByOthers / state.limit);
}
