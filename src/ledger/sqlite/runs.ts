/** Runs and their counter. */
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import type { RunId } from "../../domain/ids.ts";
import { HELD_BACK_UNTIL_MS, type RequestTotals, type RunRow, type RunStart } from "../rows.ts";
import { boundAccount } from "./account.ts";
import { discard } from "./admission.ts";
import { OPEN_HOLD } from "./holds.ts";
import { refuseMoved } from "./moved.ts";
import type { Store } from "./store.ts";

/** Spending counts for a day; the rest is in the requests. */
const SPEND_KEPT_MS = 7 * 24 * 3_600_000;

const COLUMNS = `id, kind, pid, host, lock_name AS lockName, started_at_ms AS startedAtMs, ended_at_ms AS endedAtMs,
  stopped, exit_code AS exitCode, summary`;

/** No trigger: one on a table that others refer to makes each insert look at them. */
const BEGUN = `INSERT INTO rhythm (what, name, hour, n) VALUES ('run', ?, ?, 1) ON CONFLICT DO UPDATE SET n = n + 1`;

interface RawRun extends Omit<RunRow, "summary"> {
  summary: string | null;
}

const runRow = (row: RawRun): RunRow => ({
  ...row,
  summary: row.summary === null ? null : (JSON.parse(row.summary) as unknown),
});

/**
 * Opens a run. A counter beside the ledger that is ahead of it means that an older copy was put back: what the runs since
 * then wrote would be written again, so the ledger is held, once, until a person has judged it.
 */
export function openRun(store: Store, start: RunStart): RunId {
  const beside = runCounterBeside(store.path) ?? 0;
  const id = store.write(() => {
    // It may have been moved since it was opened.
    refuseMoved(store, false);
    if (beside > runCounter(store)) holdStale(store, beside, start.now.wallMs);
    for (const table of ["spend", "source_spend"])
      store.run(`DELETE FROM ${table} WHERE slot_at_ms < ?`, start.now.wallMs - SPEND_KEPT_MS);
    store.run("UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE name = 'run_counter'");
    wakeFromFuture(store, start.now.wallMs);
    const run = store.run(
      "INSERT INTO runs (kind, pid, host, lock_name, boot_id, started_at_ms) VALUES (?, ?, ?, ?, ?, ?)",
      start.kind,
      start.pid,
      start.host,
      start.lockName,
      start.now.bootId,
      start.now.wallMs,
    );
    store.run(BEGUN, start.kind, Math.floor(start.now.wallMs / 3_600_000));
    return run.id as RunId;
  });
  raiseCounterBeside(store);
  return id;
}

/** Nothing of a submission waits for longer; a hold that lasts keeps it back by itself. */
const WAIT_MAX_MS = 8 * 24 * 3_600_000;
const TOO_FAR = `
  UPDATE submissions SET due_at_ms = @nowMs WHERE lane = @lane AND source = @source AND state = @state
    AND state IN ('waiting', 'uncertain') AND due_at_ms > @farMs AND due_at_ms < ${HELD_BACK_UNTIL_MS}`;

/** What was put off by a wall clock that was ahead, and is right now, would wait until that time. */
function wakeFromFuture(store: Store, wallMs: number): void {
  const nowMs = Math.round(wallMs);
  const putOff = store.all<{ source: string; lane: string; state: string }>(
    "SELECT DISTINCT source, lane, state FROM queue_counts WHERE state IN ('waiting', 'uncertain') AND n > 0",
  );
  for (const one of putOff) store.run(TOO_FAR, { ...one, nowMs, farMs: nowMs + WAIT_MAX_MS });
}

function holdStale(store: Store, beside: number, nowMs: number): void {
  const missing = beside - runCounter(store);
  const message =
    `this ledger is older than the last one used here (${missing === 1 ? "1 run is" : `${missing} runs are`} missing): ` +
    "it looks restored from a backup, and what those runs wrote would be written twice. Put the newest copy back, or let " +
    "`crmledger reconcile --repair` adopt what the CRM has; if nothing was sent since this copy was made, `crmledger resume`";
  const account = boundAccount(store)?.id ?? null;
  store.run(OPEN_HOLD, account, "staleLedger", "account", null, 0, message, Math.round(nowMs));
  store.run("UPDATE meta SET value = ? WHERE name = 'run_counter'", String(beside));
}

export function runCounter(store: Store): number {
  return Number(store.one<{ value: string }>("SELECT value FROM meta WHERE name = 'run_counter'")?.value ?? 0);
}

/** The counter in the file beside the ledger; null where there is none. Larger than the ledger's: an old ledger. */
export function runCounterBeside(path: string): number | null {
  if (path === ":memory:") return null;
  try {
    const text = readFileSync(`${path}.runs`, "utf8").trim();
    return /^\d{1,15}$/.test(text) ? Number(text) : null;
  } catch (error) {
    if ((error as { code?: unknown }).code === "ENOENT") return null;
    throw error;
  }
}

/**
 * After the run's own commit: the file must never be ahead of a ledger that is not a restored backup. Under the write
 * lock: of two runs that open at once, one would rename the other's unfinished file, or put the lower number last.
 */
function raiseCounterBeside(store: Store): void {
  if (store.path === ":memory:") return;
  store.write(() => {
    const counter = runCounter(store);
    if ((runCounterBeside(store.path) ?? -1) < counter) writeCounterBeside(store, store.path, counter);
  });
}

/** The counter of a ledger that carries on at `path`, whatever an earlier one left there. */
export function writeCounterBeside({ failpoint }: Pick<Store, "failpoint">, path: string, counter: number): void {
  const unfinished = `${path}.runs.new`;
  const file = openSync(unfinished, "w", 0o600);
  try {
    writeSync(file, `${counter}\n`);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  failpoint("ledger.counter.written");
  renameSync(unfinished, `${path}.runs`);
}

export function closeRun(
  store: Store,
  run: RunId,
  end: { stopped: string; exitCode: number; summary: unknown; nowMs: number },
): void {
  const summary = end.summary === undefined ? null : JSON.stringify(end.summary);
  discard(store, run);
  store.write(() =>
    store.run(
      "UPDATE runs SET ended_at_ms = ?, stopped = ?, exit_code = ?, summary = ? WHERE id = ?",
      end.nowMs,
      end.stopped,
      end.exitCode,
      summary,
      run,
    ),
  );
}

export function openRuns(store: Store): RunRow[] {
  return store.all<RawRun>(`SELECT ${COLUMNS} FROM runs WHERE ended_at_ms IS NULL ORDER BY id DESC`).map(runRow);
}

/** The newest run (of a kind), ended or not. */
export function lastRun(store: Store, kind?: string): RunRow | null {
  const row =
    kind === undefined
      ? store.one<RawRun>(`SELECT ${COLUMNS} FROM runs ORDER BY id DESC LIMIT 1`)
      : store.one<RawRun>(`SELECT ${COLUMNS} FROM runs WHERE kind = ? ORDER BY id DESC LIMIT 1`, kind);
  return row === undefined ? null : runRow(row);
}

const LAST_SUMMARY = "SELECT id, summary FROM runs WHERE kind = ? AND summary <> 'null' ORDER BY id DESC LIMIT 1";

export function lastIntake(store: Store): unknown {
  const last = ["sync", "ingest"].flatMap((kind) => store.all<{ id: RunId; summary: string }>(LAST_SUMMARY, kind));
  const [newest] = last.sort((a, b) => b.id - a.id);
  return newest === undefined ? null : (JSON.parse(newest.summary) as unknown);
}

export function requestTotals(store: Store, run: RunId): RequestTotals {
  const sql = "SELECT requests AS total, rate_limited AS rateLimited, tokens FROM runs WHERE id = ?";
  return store.one<RequestTotals>(sql, run) ?? { total: 0, rateLimited: 0, tokens: 0 };
}
