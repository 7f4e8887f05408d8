/** The ledger's contract for alerts: what is known of what may need a person, which alerts are open, who is still to be told. */

import type { AlertEvent, AlertKind, AlertLevel, Condition } from "../domain/alert.ts";
import type { DriftKind } from "./members.ts";

/** Counts and instants of one state of the ledger, UTC ms. Names of sources, causes and fields: nothing of a person. */
export interface AlertFacts {
  /** By cause, the oldest first. */
  failed: { cause: string; count: number; firstAtMs: number }[];
  rejects: { source: string; rejected: number; conflict: number }[];
  /** The oldest of each source and target that is not in the CRM yet and not kept back until a person lets it go. */
  oldest: { source: string; targetMs: number; submittedAtMs: number }[];
  /** Requests since the instant that was asked for, and those of them that must be made again: deferred or uncertain. */
  requests: { total: number; again: number };
  /** Hours in which submissions of a source came, ascending. */
  arrivals: { source: string; hours: number[] }[];
  /** Of syncs. `good` ended with 0 or 3. */
  runs: {
    /** Hours in which one began, ascending. */
    hours: number[];
    /** When the newest of them began, newest first. */
    startedAtMs: number[];
    lastGoodEndedAtMs: number | null;
  };
  /** Deals that the CRM listed in checks of everything, oldest first. */
  dealCounts: { atMs: number; deals: number }[];
  /** What changed of the shape of sources' records, by kind. */
  drifts: { source: string; drift: DriftKind; members: number; firstAtMs: number }[];
  echoes: { entity: string; field: string; finding: string; count: number; lastAtMs: number }[];
}

export interface AlertQuestion {
  nowMs: number;
  /** Requests that began before are not counted. */
  requestsSinceMs: number;
  /** Findings that are older are over. */
  findingsSinceMs: number;
  driftsSinceMs: number;
  /** Hours before are not looked at, for arrivals, runs and deals. */
  historySinceMs: number;
}

export interface AlertRow {
  kind: AlertKind;
  subject: string;
  level: AlertLevel;
  sinceMs: number;
  /** Null: it has not lasted long enough to tell anybody. */
  toldAtMs: number | null;
}

export interface AlertLook {
  /** When its facts were read. A look that is a little older than the last one that was recorded changes nothing. */
  nowMs: number;
  conditions: readonly Condition[];
  /** Kinds that this look could not judge: their alerts stay as they are. */
  unjudged: readonly AlertKind[];
  /** Who is to be told of what changed. */
  channels: readonly string[];
}

/** An event of an alert that a channel is to be told, under a lease. */
export interface AlertMessage {
  alertId: number;
  channel: string;
  event: AlertEvent;
  kind: AlertKind;
  subject: string;
  level: AlertLevel;
  message: string;
  hint: string;
  sinceMs: number;
  closedAtMs: number | null;
  /** Names the lease, with the rest of the key. */
  leaseUntilMs: number;
}

export interface AlertsLedger {
  alertFacts(question: AlertQuestion): Promise<AlertFacts>;
  /** What the newest `sync` or `ingest` that ended with a summary said; null: none did. */
  lastIntake(): Promise<unknown>;
  /** Those that are not over, oldest first. */
  alerts(): Promise<AlertRow[]>;
  /**
   * Compares a look with the open alerts, in one transaction: what is new is opened, what got worse is told once more, what is
   * gone for its time is closed, and each such event is queued for each channel. Of processes side by side one queues it.
   */
  recordAlerts(look: AlertLook): Promise<void>;
  /**
   * Leases what is due for these channels, oldest first; nobody else gets it before `untilMs`. What was queued before
   * `queuedSinceMs`, or for another channel, is given up: `givenUp` counts it by channel.
   */
  leaseAlertMessages(
    channels: readonly string[],
    nowMs: number,
    untilMs: number,
    queuedSinceMs: number,
  ): Promise<{ messages: AlertMessage[]; givenUp: { channel: string; count: number }[] }>;
  /** Ends leases: what was `sent` is done with, anything else is due again. Safe to repeat. */
  recordAlertMessages(messages: readonly AlertMessage[], sent: boolean, nowMs: number): Promise<void>;
}
