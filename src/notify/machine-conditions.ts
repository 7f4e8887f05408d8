import { endsRun } from "../domain/hold.ts";
import type { Facts } from "./facts.ts";
import { type Finding, tenfold } from "./finding.ts";
import { intervalOf } from "./rhythm.ts";
import { counted, span } from "./words.ts";

/** Exit codes of runs that need a person at once. 77 has a hold of its own. */
const CRITICAL_CODES = new Set([1, 74, 78]);
/** As `doctor` has them: less than the first and a busy day could fill the disk; less than the second, and nothing can be written. */
const FREE_BYTES_LOW = 200_000_000;
const FREE_BYTES_NONE = 10_000_000;

export function machineConditions(facts: Facts): Finding[] {
  const ended = lastRun(facts);
  return [...ended, ...noRun(facts, ended.length > 0), ...breaks(facts), ...disk(facts), ...spools(facts)];
}

function lastRun({ lastRun }: Facts): Finding[] {
  if (lastRun === null) return [];
  const { kind, exitCode, state, startedAtMs } = lastRun;
  if (state === "died") {
    return [
      {
        kind: "run",
        subject: "died",
        level: "warning",
        rank: 0,
        message: `the last run (${kind}) died`,
        hint: "the next sync takes its work back; look whether the machine ran out of memory or was restarted",
        sinceMs: startedAtMs,
      },
    ];
  }
  if (state === "working" || exitCode === null || !CRITICAL_CODES.has(exitCode)) return [];
  return [
    {
      kind: "run",
      subject: `exit ${exitCode}`,
      level: "critical",
      rank: 0,
      message: `the last run (${kind}) ended with exit code ${exitCode}`,
      hint: "run crmledger doctor: it names what is wrong and the fix",
    },
  ];
}

/** Where a hold or the last run's end tells why, this would only say it once more. */
function noRun({ nowMs, ledger, holds, lastRun }: Facts, isTold: boolean): Finding[] {
  const { hours, startedAtMs, lastGoodEndedAtMs } = ledger.runs;
  if (isTold || lastRun?.state === "working" || holds.some(endsRun)) return [];
  const interval = intervalOf(hours, startedAtMs);
  const sinceMs = lastGoodEndedAtMs ?? startedAtMs.at(-1);
  if (interval === null || sinceMs === undefined) return [];
  if (interval.usualMs(sinceMs, nowMs) <= interval.allowedMs) return [];
  return [
    {
      kind: "noRun",
      subject: "sync",
      level: "critical",
      rank: 0,
      message: `no sync has ended well for ${span(nowMs - sinceMs)}; usually one begins every ${span(interval.intervalMs)}`,
      hint: "look at cron or the systemd timer, and at its log; then crmledger doctor",
      sinceMs,
    },
  ];
}

function breaks({ breaks: open }: Facts): Finding[] {
  return open.map(({ kind, count }) => ({
    kind: "breaks",
    subject: kind,
    level: "warning",
    rank: tenfold(count),
    message: `${counted(count, "break")} ${count === 1 ? "is" : "are"} open: ${kind}`,
    hint: "crmledger reconcile shows each and says what --repair does",
  }));
}

function disk({ freeBytes }: Facts): Finding[] {
  if (freeBytes === null || freeBytes >= FREE_BYTES_LOW) return [];
  const none = freeBytes < FREE_BYTES_NONE;
  return [
    {
      kind: "disk",
      subject: "ledger",
      level: none ? "critical" : "warning",
      rank: none ? 1 : 0,
      message: `only ${Math.round(freeBytes / 1_000_000)} MB are free on the ledger's disk`,
      hint: "make room: old archives in the spools' .archive folders, logs, or a bigger disk",
    },
  ];
}

/** The run itself goes on to the other files and ends with 3, so nothing else tells of them. */
function spools({ closedFiles, heldFiles }: Facts): Finding[] {
  const closed = closedFiles.map<Finding>(({ source, files }) => ({
    kind: "spool",
    subject: source,
    level: "warning",
    rank: tenfold(files),
    message: `${source}: ${counted(files, "file")} in its spool can't be read by the user of the runs`,
    hint: "crmledger doctor, run as that user, names the files and the fix",
  }));
  const held = heldFiles.map<Finding>(({ source, files }) => ({
    kind: "spool",
    subject: `${source} export`,
    level: "warning",
    rank: tenfold(files),
    message: `${source}: ${counted(files, "file")} in its spool ${files === 1 ? "waits" : "wait"} for your word: an export that was taken before, times that can't be read, or a workbook`,
    hint: "crmledger ingest names the files and why: mend the map, move them away, or crmledger import --as-new",
  }));
  return [...closed, ...held];
}
