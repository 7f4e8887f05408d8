import { HOLD_KINDS } from "../domain/hold.ts";
import { DELAY_BOUNDS_S, type DelayCounts } from "../domain/sample.ts";
import { LANES, type Lane } from "../domain/submission.ts";
import { createMetricWriter, type MetricSample, type MetricWriter } from "./prometheus-text.ts";
import type { StatusDocument } from "./status-page.ts";

/** What metrics are made of. Instants are UTC ms. */
export interface MetricsDocument {
  status: StatusDocument;
  nowMs: number;
  counters: readonly { name: string; labels: Readonly<Record<string, string>>; value: number }[];
  delays: Readonly<Record<Lane, { counts: DelayCounts; seconds: number }>>;
  uncertainSteps: number;
  oldestLostAtMs: number | null;
  lastGoodRunEndedAtMs: number | null;
  ledgerBytes: number;
  /** Files in spools; null: the folder can't be read. */
  spools: readonly { source: string; files: number | null }[];
  version: string;
  node: string;
}

/**
 * For the node exporter's textfile collector. Counters come from the ledger, so that they rise across runs and never fall.
 * Labels hold names of sources, routes, states and kinds: nothing of a person. docs/metrics.md has the list.
 */
export function renderPrometheus(document: MetricsDocument): string {
  const writer = createMetricWriter();
  queueMetrics(writer, document);
  runMetrics(writer, document);
  crmMetrics(writer, document);
  trouble(writer, document);
  machine(writer, document);
  return writer.text();
}

type Labels = Readonly<Record<string, string>>;

function samplesOf({ counters }: MetricsDocument, name: string): MetricSample[] {
  return counters.filter((one) => one.name === name).map(({ labels, value }) => ({ labels, value }));
}

/** All that are known beforehand are there from the first time on: a rate needs a value to begin with. */
function withZeros(samples: readonly MetricSample[], known: readonly Labels[]): MetricSample[] {
  const missing = known.filter((labels) =>
    samples.every((one) => Object.entries(labels).some(([name, value]) => one.labels?.[name] !== value)),
  );
  return [...samples, ...missing.map((labels) => ({ labels, value: 0 }))];
}

const one = (value: number | null): MetricSample[] => [{ value }];
const seconds = (ms: number | null): number | null => (ms === null ? null : ms / 1000);
const instantOf = (text: string | null | undefined): number | null => (text ? Date.parse(text) / 1000 : null);

function queueMetrics(writer: MetricWriter, document: MetricsDocument): void {
  const { status, nowMs, delays } = document;
  const byState = Object.entries(status.queue).map(([state, value]) => ({ labels: { state }, value }));
  writer.gauge("submissions", "Submissions by state, and rejects and conflicts.", byState);
  const oldest = status.lagSeconds.oldest ?? 0;
  writer.gauge("oldest_pending_age_seconds", "Age of the oldest submission that is not in the CRM yet.", one(oldest));
  writer.gauge("dead_letters", "Submissions that failed and wait for a person.", one(status.queue.failed ?? 0));
  writer.gauge(
    "uncertain_steps",
    "Writes of which it is not known whether they happened.",
    one(document.uncertainSteps),
  );
  const lost = document.oldestLostAtMs;
  const uncertainFor = lost === null ? 0 : Math.max(0, nowMs - lost) / 1000;
  writer.gauge("oldest_uncertain_age_seconds", "How long the oldest of them is uncertain.", one(uncertainFor));
  writer.counter("ingested_total", "Records that were read, by verdict.", samplesOf(document, "ingested"));
  writer.counter("submissions_ended_total", "Times that a submission ended so.", samplesOf(document, "submissions"));
  writer.histogram(
    "delivery_delay_seconds",
    "From submittedAt until everything of it was in the CRM.",
    LANES.map((lane) => {
      const { counts, seconds: sum } = delays[lane];
      const classes = DELAY_BOUNDS_S.slice(0, -1).map((upTo) => [upTo, counts[upTo] ?? 0] as const);
      return { labels: { lane }, classes, sum, count: Object.values(counts).reduce((total, n) => total + n, 0) };
    }),
  );
}

function runMetrics(writer: MetricWriter, document: MetricsDocument): void {
  const { lastRun } = document.status;
  const endedAt = instantOf(lastRun?.endedAt);
  const startedAt = instantOf(lastRun?.startedAt);
  const took = endedAt === null || startedAt === null ? null : endedAt - startedAt;
  writer.counter("runs_total", "Runs that ended, by exit code.", samplesOf(document, "runs"));
  const good = seconds(document.lastGoodRunEndedAtMs);
  writer.gauge("run_last_success_timestamp_seconds", "End of the last sync that ended with 0 or 3.", one(good));
  writer.gauge("run_last_end_timestamp_seconds", "End of the last sync.", one(endedAt));
  writer.gauge("run_last_exit_code", "Exit code of the last sync.", one(lastRun?.exitCode ?? null));
  writer.gauge("run_duration_seconds", "How long the last sync took.", one(took));
}

const RETRIES = [{ reason: "rateLimited" }, { reason: "deferred" }, { reason: "uncertain" }];

function crmMetrics(writer: MetricWriter, document: MetricsDocument): void {
  const { burst, daily } = document.status.quota;
  const retries = withZeros(samplesOf(document, "retries"), RETRIES);
  const limited = retries.filter(({ labels }) => labels?.reason === "rateLimited").map(({ value }) => ({ value }));
  const lookups = withZeros(samplesOf(document, "lookups"), [{ by: "mirror" }, { by: "search" }]);
  const hits = lookups.filter(({ labels }) => labels?.by === "mirror").map(({ value }) => ({ value }));
  writer.counter("crm_requests_total", "Requests to the CRM that ended.", samplesOf(document, "requests"));
  writer.counter("crm_tokens_total", "Tokens that they cost, by the vendor's table.", samplesOf(document, "tokens"));
  writer.counter("crm_rate_limited_total", "Requests that the CRM refused with 429.", limited);
  writer.counter("crm_retries_total", "Requests whose work had to be asked for again or looked for.", retries);
  writer.counter("steps_total", "Tries of steps that ended.", samplesOf(document, "steps"));
  writer.counter("lookups_total", "Persons and organizations that were looked for.", lookups);
  writer.counter("person_cache_hits_total", "Those that the mirror answered without a search.", hits);
  writer.gauge("crm_burst_limit_requests", "Requests that a window may hold.", one(burst.limit));
  writer.gauge("crm_burst_used_requests", "Requests in the window when this was written.", usedBy(burst));
  writer.gauge("crm_daily_limit_tokens", "The company's tokens of the day.", one(daily.limit));
  writer.gauge("crm_daily_used_tokens", "Tokens spent today.", usedBy(daily));
  writer.gauge("crm_budget_remaining_ratio", "Part of the day's tokens that is left, 0 to 1.", one(leftOf(daily)));
}

function leftOf({ limit, remaining, usedByUs, usedByOthers }: StatusDocument["quota"]["daily"]): number | null {
  if (limit === null || limit <= 0) return null;
  const left = (remaining ?? limit - usedByUs - usedByOthers) / limit;
  return Math.min(1, Math.max(0, left));
}

function usedBy(use: { usedByUs: number; usedByOthers: number }): MetricSample[] {
  return [
    { labels: { by: "us" }, value: use.usedByUs },
    { labels: { by: "others" }, value: use.usedByOthers },
  ];
}

function trouble(writer: MetricWriter, { status }: MetricsDocument): void {
  const { holds, alerts, breakers, lastCheck } = status;
  const ofKind = (kind: string): number => holds.filter((hold) => hold.kind === kind).length;
  writer.gauge(
    "holds",
    "Open holds.",
    HOLD_KINDS.map((kind) => ({ labels: { kind }, value: ofKind(kind) })),
  );
  const open = breakers.map(({ group, state }) => ({ labels: { group }, value: state === "closed" ? 0 : 1 }));
  writer.gauge("breaker_open", "1: operations of this group are not sent, but for a probe.", open);
  const levels = ["warning", "critical"] as const;
  const atLevel = (level: string): number => alerts.filter((alert) => alert.level === level).length;
  writer.gauge(
    "alerts",
    "What needs a person.",
    levels.map((level) => ({ labels: { level }, value: atLevel(level) })),
  );
  const kinds = Object.entries(lastCheck?.kinds ?? {}).map(([kind, value]) => ({ labels: { kind }, value }));
  writer.gauge("reconcile_differences", "Differences that are new or open, by kind.", kinds);
  writer.gauge("reconcile_breaks", "Breaks that are new or open.", one(lastCheck?.breaks ?? null));
  const endedAt = instantOf(lastCheck?.endedAt);
  writer.gauge("reconcile_last_success_timestamp_seconds", "End of the last reconcile that saw all.", one(endedAt));
}

function machine(writer: MetricWriter, document: MetricsDocument): void {
  const { ledgerBytes, spools, version, node, nowMs } = document;
  writer.gauge("ledger_bytes", "Size of the ledger.", one(ledgerBytes));
  const files = spools.map(({ source, files: value }) => ({ labels: { source }, value }));
  writer.gauge("spool_files", "Files that lie in a source's spool.", files);
  writer.gauge("build_info", "Always 1.", [{ labels: { version, node }, value: 1 }]);
  writer.gauge("status_timestamp_seconds", "When this was written.", one(nowMs / 1000));
}
