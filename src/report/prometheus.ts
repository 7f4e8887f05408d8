import type { StatusDocument } from "./status-page.ts";

/**
 * A status as Prometheus' text format 0.0.4 (https://prometheus.io/docs/instrumenting/exposition_formats/, read
 * 2026-11-23), for the node exporter's textfile collector. Gauges only; what is not known is left out.
 */
export function renderPrometheus(status: StatusDocument, nowMs: number): string {
  const lines: string[] = [];
  const gauge = (name: string, help: string, samples: readonly (readonly [string, number | null])[]): void => {
    const known = samples.filter(([, value]) => value !== null);
    if (known.length === 0) return;
    lines.push(`# HELP crmledger_${name} ${help}`, `# TYPE crmledger_${name} gauge`);
    for (const [labels, value] of known) lines.push(`crmledger_${name}${labels} ${value}`);
  };
  const { queue, lagSeconds, quota, holds, alerts, lastRun, lastCheck } = status;
  const byState = Object.entries(queue).map(([state, count]) => [label("state", state), count] as const);
  gauge("queue_records", "Submissions by state, and rejects and conflicts.", byState);
  gauge("oldest_waiting_seconds", "Age of the oldest submission that waits.", [["", lagSeconds.oldest ?? 0]]);
  gauge("burst_limit_requests", "Requests that a window may hold.", [["", quota.burst.limit]]);
  gauge("burst_used_requests", "Requests in the window now.", usedBy(quota.burst));
  gauge("daily_limit_tokens", "The company's tokens of the day.", [["", quota.daily.limit]]);
  gauge("daily_used_tokens", "Tokens spent today.", usedBy(quota.daily));
  gauge("daily_remaining_tokens", "Tokens left, as the CRM says.", [["", quota.daily.remaining]]);
  const kinds = [...new Set(holds.map((hold) => hold.kind))];
  const byKind = kinds.map((kind) => [label("kind", kind), holds.filter((hold) => hold.kind === kind).length] as const);
  gauge("holds", "Open holds.", byKind.length > 0 ? byKind : [["", 0]]);
  const levels = ["warning", "critical"] as const;
  const atLevel = (level: string) => alerts.filter((alert) => alert.level === level).length;
  gauge(
    "alerts",
    "What needs a person.",
    levels.map((level) => [label("level", level), atLevel(level)] as const),
  );
  gauge("last_run_exit_code", "Exit code of the last sync.", [["", lastRun?.exitCode ?? null]]);
  const endedAt = lastRun?.endedAt ?? null;
  gauge("last_run_end_seconds", "When the last sync ended.", [
    ["", endedAt === null ? null : Date.parse(endedAt) / 1000],
  ]);
  gauge("open_breaks", "Breaks that reconcile found and that are open.", [["", lastCheck?.breaks ?? null]]);
  gauge("last_check_end_seconds", "When the last reconcile ended.", [
    ["", lastCheck === null ? null : Date.parse(lastCheck.endedAt) / 1000],
  ]);
  gauge("status_seconds", "When this was written.", [["", nowMs / 1000]]);
  return `${lines.join("\n")}\n`;
}

function usedBy(use: { usedByUs: number; usedByOthers: number }) {
  return [
    [label("by", "us"), use.usedByUs],
    [label("by", "others"), use.usedByOthers],
  ] as const;
}

function label(name: string, value: string): string {
  return `{${name}="${value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")}"}`;
}
