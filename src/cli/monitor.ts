import { endsRun, type HoldScope } from "../domain/hold.ts";
import { counted, span } from "../report/human.ts";
import { safeLine } from "../report/safe-text.ts";
import type { StatusDocument } from "../report/status-page.ts";
import type { Reply } from "./command.ts";
import { errorDocument } from "./error-document.ts";

type Alert = StatusDocument["alerts"][number];

/** Past this many times the longest target, waiting is no longer a warning. */
const CRITICAL_FACTOR = 3;
/** Exit codes of runs that need a person at once. */
const CRITICAL_CODES = new Set([1, 74, 77, 78]);
/** Breaks of which the queue itself says how they stand now. */
const QUEUE_KINDS = ["failed", "rejected", "conflict", "overdue"];
const LEVELS = { ok: 0, warning: 1, critical: 2, unknown: 3 } as const;

/** What of a status needs a person. `targetMs`: the longest target of the sources. */
export function judge(status: Omit<StatusDocument, "alerts">, targetMs: number): Alert[] {
  const alerts: Alert[] = [];
  const { failed = 0, rejected = 0, conflict = 0 } = status.queue;
  if (failed > 0)
    alerts.push({ level: "warning", message: `${counted(failed, "submission")} failed; see: crmledger failed` });
  if (rejected + conflict > 0) {
    const message = `${counted(rejected + conflict, "record")} rejected or in conflict; see: crmledger rejects`;
    alerts.push({ level: "warning", message });
  }
  for (const hold of status.holds) {
    const byHand = hold.kind === "paused" || hold.kind === "dailyQuota" || hold.kind === "burst";
    const level = endsRun({ scope: hold.scope as HoldScope }) && !byHand ? "critical" : "warning";
    alerts.push({ level, message: `hold ${hold.kind} (${hold.scope}): ${hold.message}` });
  }
  const oldestMs = (status.lagSeconds.oldest ?? 0) * 1000;
  if (targetMs > 0 && oldestMs > targetMs) {
    const level = oldestMs > targetMs * CRITICAL_FACTOR ? "critical" : "warning";
    alerts.push({ level, message: `the oldest submission waits since ${span(oldestMs)}` });
  }
  const { breaks: all = 0, kinds = {} } = status.lastCheck ?? {};
  const breaks = all - QUEUE_KINDS.reduce((sum, kind) => sum + (kinds[kind] ?? 0), 0);
  if (breaks > 0) {
    const isAre = breaks === 1 ? "is" : "are";
    alerts.push({ level: "warning", message: `${counted(breaks, "break")} ${isAre} open; see: crmledger reconcile` });
  }
  const code = status.lastRun?.exitCode ?? null;
  if (code !== null && CRITICAL_CODES.has(code)) {
    alerts.push({ level: "critical", message: `the last run (${status.lastRun?.kind}) ended with exit code ${code}` });
  }
  if (status.lastRun?.stopped === "died") {
    alerts.push({
      level: "warning",
      message: `the last run (${status.lastRun.kind}) died; the next sync takes its work back`,
    });
  }
  return alerts;
}

/** `status --check`: one line and the monitors' exit codes. What can't be found out is unknown, never ok. */
export async function monitorReply(look: () => Promise<StatusDocument>): Promise<Reply> {
  try {
    const status = await look();
    const worst = status.alerts.reduce((level, alert) => Math.max(level, LEVELS[alert.level]), LEVELS.ok as number);
    const name = (["OK", "WARNING", "CRITICAL"] as const)[worst]!;
    const waiting = (status.queue.pending ?? 0) + (status.queue.waiting ?? 0) + (status.queue.uncertain ?? 0);
    const what = status.alerts.map((alert) => alert.message).join("; ") || `${counted(waiting, "submission")} waiting`;
    return { json: { ...status, check: name }, text: () => `${name} - ${safeLine(what)}\n`, exitCode: worst };
  } catch (error) {
    const document = errorDocument(error);
    return {
      json: { error: document, check: "UNKNOWN" },
      text: () => `UNKNOWN - ${safeLine(document.message)}\n`,
      exitCode: LEVELS.unknown,
    };
  }
}
