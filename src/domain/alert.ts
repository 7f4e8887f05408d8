/** What needs a person, and who is told of it. */
export const ALERT_KINDS = [
  "failed",
  "rejects",
  "delay",
  "hold",
  "credentials",
  "quota",
  "burst",
  "retryRate",
  "planCap",
  "silent",
  "noRun",
  "run",
  "breaks",
  "disk",
  "fieldEcho",
  "crmNames",
  "sourceShape",
  "spool",
] as const;
export type AlertKind = (typeof ALERT_KINDS)[number];

export const ALERT_LEVELS = ["warning", "critical"] as const;
export type AlertLevel = (typeof ALERT_LEVELS)[number];

export const ALERT_EVENTS = ["opened", "worse", "recovered"] as const;
export type AlertEvent = (typeof ALERT_EVENTS)[number];

/** Something that needs a person, as one look found it. Of one kind and subject there is one alert at a time. */
export interface Condition {
  kind: AlertKind;
  /** What it is about: a source, a hold, a cause. Names of the set-up and counts only: no personal data, no secrets. */
  subject: string;
  level: AlertLevel;
  /** Rises from 0 as it gets worse: whoever was told of a lower one is told once more. */
  rank: number;
  message: string;
  /** What to do next. */
  hint: string;
  /** Since when it is so, UTC ms; null: not known, so since it was seen first. */
  sinceMs: number | null;
  /** Nobody is told before it has been so for this long. */
  lastsMs: number;
  /** It counts as over when it has been gone for this long, at two looks; 0: at the first look without it. */
  quietMs: number;
  /** Whether its end is told. */
  recovers: boolean;
}

/** Thresholds of the config. */
export interface AlertSettings {
  /** So many failed submissions are an alert. */
  failed: number;
  /** Parts of the day's budget, ascending, 0 to 1: each that is passed makes the alert worse, the last one critical. */
  quota: number[];
  /** Part of the requests that had to be made again, 0 to 1, within `retryWindowMs`. */
  retryRate: number;
  retryWindowMs: number;
  /** Deals that the CRM's plan allows; null: not known. */
  dealCap: number | null;
}
