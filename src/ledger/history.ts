/** The ledger's contract for history: how things stood at the end of runs, and what rises across them. */
import type { DelayCounts, PastHold, Sample } from "../domain/sample.ts";
import type { Lane } from "../domain/submission.ts";
import type { Now } from "./rows.ts";

/** A run that has ended. */
export interface EndedRun {
  kind: string;
  exitCode: number;
  durationMs: number;
  /** Look-ups that the mirror answered, and those that were searches. */
  lookups: { mirror: number; search: number };
  /** What searches in the place of the mirror's answers would have cost. Absent: nothing. */
  searchTokensSaved?: number;
  /** Whose burst is looked at; empty: nobody's. */
  credential: string;
  now: Now;
}

/** What each of them counts is in docs/metrics.md. `labels` hold names of sources, routes and states: nothing of a person. */
export type CounterName =
  | "submissions"
  | "ingested"
  | "runs"
  | "lookups"
  | "searchTokensSaved"
  | "requests"
  | "tokens"
  | "retries"
  | "steps";

export interface Counter {
  name: CounterName;
  labels: Record<string, string>;
  value: number;
}

export interface MetricFacts {
  /** Steps that wait until it is time to look whether they happened, and since when the oldest is uncertain. UTC ms. */
  uncertainSteps: number;
  oldestLostAtMs: number | null;
  /** The newest sync that ended with 0 or 3. */
  lastGoodRunEndedAtMs: number | null;
}

export interface HistoryLedger {
  /**
   * Adds how things stand at the end of a run, and thins what is older: one a minute for a day, one a quarter of an hour for
   * 7 days, one an hour for 30, one a day for 400. One transaction. Of two at the same millisecond the later one stays.
   */
  recordHistory(run: EndedRun): Promise<void>;
  /** From an instant on, oldest first; the last one before it comes first, as what to count from. */
  history(sinceMs: number): Promise<Sample[]>;
  /** They never fall, whatever was thinned or forgotten. */
  counters(): Promise<Counter[]>;
  /** Delays of all deliveries so far, and their sum. */
  delays(): Promise<Record<Lane, { counts: DelayCounts; seconds: number }>>;
  metricFacts(): Promise<MetricFacts>;
  /** By lane what is to be sent until an instant: what is kept back for longer, or until a person lets it go, is not. */
  workAhead(untilMs: number): Promise<Record<Lane, number>>;
  /** Holds that were open at some time since, oldest first, at most so many of the newest. */
  pastHolds(sinceMs: number, limit: number): Promise<PastHold[]>;
}
