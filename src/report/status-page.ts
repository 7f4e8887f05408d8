import type { Measurement } from "../domain/measurement.ts";
import { type BreakerDocument, breakerLines } from "./breaker-lines.ts";
import { type ForecastDocument, forecastText, type LookupsDocument, lookupsText } from "./forecast-words.ts";
import { count, counted, localTimeOf, span } from "./human.ts";
import { type LastDayDocument, lastDayText } from "./last-day.ts";
import { type QuietDocument, quietLine } from "./quiet-lines.ts";
import { type RetrySampleDocument, sampleLine } from "./retry-sample-words.ts";
import { safeLine } from "./safe-text.ts";
import type { Style } from "./style.ts";
import { type HoldDocument, holdText } from "./sync-summary.ts";
import { wrappedPairs } from "./wrapped-pairs.ts";

export interface RunDocument {
  run: string;
  kind: string;
  startedAt: string;
  endedAt: string | null;
  /** As the run's own summary has it; `died`: it ended without one, killed or on a full disk. */
  stopped: string | null;
  exitCode: number | null;
}

/** The document of `status --json`. */
export interface StatusDocument {
  queue: Record<string, number>;
  lagSeconds: { oldest: number | null; p50: number | null; p95: number | null };
  quota: {
    burst: { limit: number | null; usedByUs: number; usedByOthers: number };
    daily: {
      limit: number | null;
      usedByUs: number;
      usedByOthers: number;
      remaining: number | null;
      resetsAt: string | null;
    };
  };
  /** The last 24 hours; null: no run told anything. Absent where nobody asked for it. */
  lastDay?: LastDayDocument | null;
  /** When what waits will be in the CRM; null: nothing waits, or it can't be told. Absent where nobody asked for it. */
  forecast?: ForecastDocument | null;
  /** How look-ups were answered so far; null: there was none. */
  lookups?: LookupsDocument | null;
  /** How the next run would answer them, and why. */
  lookupChoice?: string[];
  holds: HoldDocument[];
  /** Retries of a cause of which one goes first. */
  samples: RetrySampleDocument[];
  /** One for each group of operations; empty before the first contact with the CRM. */
  breakers: BreakerDocument[];
  /** Sources and lanes that have quiet hours now. */
  quiet: QuietDocument[];
  /** What needs a person, the worst first. */
  alerts: {
    kind: string;
    subject: string;
    level: "warning" | "critical";
    message: string;
    hint: string;
    since: string;
  }[];
  /** Fields that the CRM's answers did not have as they were sent, over all runs. The recent ones are alerts. */
  fieldFindings: {
    entity: string;
    field: string;
    finding: string;
    count: number;
    firstAt: string;
    lastAt: string;
    lastSubmission: string | null;
  }[];
  /** Names of the CRM that changed while the config, or submissions that wait, go by the old ones. Each is an alert too. */
  changedNames: {
    change: string;
    message: string;
    fix: string;
    /** Keys of the config. */
    uses: string[];
    /** Submissions that wait and bring the name. */
    waiting: number;
    since: string;
  }[];
  /** Members of sources' records that vanished, have another type, or are new and read by no map. */
  sourceDrifts: {
    source: string;
    /** As a map writes it; `[]` for any element of a list, `*` for names that look like data. Empty: too many members. */
    path: string;
    drift: string;
    message: string;
    count: number;
    since: number;
    before: string | null;
    after: string | null;
    mapped: boolean;
    example: string | null;
    foundAt: string;
  }[];
  /** What the last `doctor --measure` saw of the account; null: there was none. */
  measured: (Pick<Measurement, "lags" | "roundTrip" | "clock" | "burst"> & { at: string; message: string }) | null;
  /** The newest sync; where there was none, the newest run. */
  lastRun: RunDocument | null;
  /** The newest one since that sent or took records in; null: none did. */
  laterRun: RunDocument | null;
  /** The last `reconcile` that ended, its scope, and what is open since, of any scope; null: none yet. */
  lastCheck: {
    endedAt: string;
    source: string | null;
    since: string | null;
    until: string | null;
    breaks: number;
    edits: number;
    kinds: Record<string, number>;
  } | null;
}

/** When what waits will be in the CRM, and how look-ups are answered. */
function outlookRows({ forecast, lookups, lookupChoice = [] }: StatusDocument, nowMs: number): [string, string][] {
  const rows: [string, string][] = [];
  if (forecast) rows.push(["forecast", forecastText(forecast, nowMs)]);
  if (lookups) rows.push(["look-ups", lookupsText(lookups)]);
  lookupChoice.forEach((line, index) => {
    rows.push([index === 0 && !lookups ? "look-ups" : "", safeLine(line)]);
  });
  return rows;
}

/** How things stand, but for what needs a person. A row without a name goes on with the one before. */
export function statusRows(status: StatusDocument, style: Style, nowMs: number): [name: string, value: string][] {
  const rows: [string, string][] = [
    ["queue", queueText(status.queue, style)],
    ["delay", lagText(status.lagSeconds)],
    ["burst", `${count(status.quota.burst.usedByUs)} of ${limitText(status.quota.burst.limit)} in use by us`],
    ["daily", dailyText(status.quota.daily)],
    ...(status.lastDay ? [["24 hours", lastDayText(status.lastDay, style)] as [string, string]] : []),
    ...outlookRows(status, nowMs),
    ["last run", lastRunText(status.lastRun)],
    ...(status.laterRun ? [["later run", lastRunText(status.laterRun)] as [string, string]] : []),
    ["last check", lastCheckText(status.lastCheck, style)],
    ...(status.measured ? [["measured", measuredText(status.measured)] as [string, string]] : []),
  ];
  for (const hold of status.holds) rows.push(["hold", style.yellow(holdText(hold))]);
  for (const sample of status.samples.filter(({ waiting }) => waiting > 0)) rows.push(["sample", sampleLine(sample)]);
  for (const quiet of status.quiet) rows.push(["quiet", quietLine(quiet)]);
  for (const line of breakerLines(status.breakers)) rows.push(["breaker", style.yellow(line)]);
  for (const { message, fix } of status.changedNames) {
    rows.push(["CRM", style.yellow(safeLine(message))]);
    rows.push(["", style.dim(safeLine(fix))]);
  }
  return rows;
}

export function renderStatus(status: StatusDocument, style: Style, nowMs: number): string {
  const rows = statusRows(status, style, nowMs);
  const needed: typeof rows = [];
  for (const { message } of status.sourceDrifts) rows.push(["records", style.yellow(safeLine(message))]);
  // These have lines of their own above.
  const told = ["hold", "credentials", "crmNames", "sourceShape"];
  for (const alert of status.alerts.filter(({ kind }) => !told.includes(kind))) {
    needed.push(["alert", (alert.level === "critical" ? style.red : style.yellow)(safeLine(alert.message))]);
    needed.push(["", style.dim(safeLine(alert.hint))]);
  }
  // A small screen shows the beginning: what needs a person comes behind how much waits and for how long.
  rows.splice(2, 0, ...needed);
  return `${wrappedPairs(rows, style)}\n`;
}

function queueText(queue: StatusDocument["queue"], style: Style): string {
  const bad = new Set(["failed", "rejected", "conflict", "uncertain"]);
  const parts = Object.entries(queue)
    .filter(([, value]) => value > 0)
    .map(([name, value]) => (bad.has(name) ? style.yellow(`${count(value)} ${name}`) : `${count(value)} ${name}`));
  return parts.length === 0 ? "empty" : parts.join(", ");
}

function lagText({ oldest, p50, p95 }: StatusDocument["lagSeconds"]): string {
  if (oldest === null) return "nothing waits";
  const rest =
    p50 === null || p95 === null
      ? ""
      : `; half of them at most ${span(p50 * 1000)}, 95 of 100 at most ${span(p95 * 1000)}`;
  return `the oldest has waited ${span(oldest * 1000)}${rest}`;
}

function dailyText(daily: StatusDocument["quota"]["daily"]): string {
  const parts = [`${count(daily.usedByUs)} tokens by us of ${limitText(daily.limit)}`];
  if (daily.limit === null) parts[0] += " (to tell it: crm.plan and crm.seats, or limits.dailyTokens)";
  if (daily.usedByOthers > 0) parts.push(`${count(daily.usedByOthers)} by others`);
  if (daily.remaining !== null) parts.push(`${count(daily.remaining)} left`);
  if (daily.resetsAt !== null) parts.push(`new ones at ${localTimeOf(daily.resetsAt)}`);
  return parts.join(", ");
}

const limitText = (limit: number | null): string => (limit === null ? "an unknown limit" : count(limit));

function lastCheckText(check: StatusDocument["lastCheck"], style: Style): string {
  if (check === null) return "none yet; crmledger reconcile compares with the CRM";
  const breaks = check.breaks === 0 ? "no break is open" : style.yellow(`${counted(check.breaks, "break")} open`);
  const edits = check.edits === 0 ? "" : `, people changed ${count(check.edits)}`;
  const bounds = [
    check.source === null ? "" : ` of ${safeLine(check.source)}`,
    check.since === null ? "" : ` from ${localTimeOf(check.since).slice(0, 10)} on`,
    check.until === null ? "" : ` before ${localTimeOf(check.until).slice(0, 10)}`,
  ].join("");
  return `reconcile${bounds} at ${localTimeOf(check.endedAt)}: ${breaks}${edits}`;
}

function measuredText({ at, message }: NonNullable<StatusDocument["measured"]>): string {
  return `on ${localTimeOf(at).slice(0, 10)}: ${message}`;
}

function lastRunText(run: StatusDocument["lastRun"]): string {
  if (run === null) return "none yet";
  if (run.stopped === "died")
    return `${run.kind} since ${localTimeOf(run.startedAt)}, died; the next sync takes its work back`;
  if (run.endedAt === null) return `${run.kind} since ${localTimeOf(run.startedAt)}, still at work`;
  return `${run.kind} at ${localTimeOf(run.startedAt)}: ${run.stopped ?? "ended"}, exit code ${run.exitCode ?? "unknown"}`;
}
