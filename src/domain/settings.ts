/**
 * Settings as the rooms take them: units in the names, defaults filled in. The room `config` makes them from file,
 * environment and flags; nobody else reads those.
 */
import type { DealMatch, MatchMode } from "./chain.ts";
import type { SubmissionId } from "./ids.ts";
import type { Lane } from "./submission.ts";

export interface PersonSettings {
  /** `email`, `phone`, or `person.fields.NAME` without its backticks. In this order. */
  match: string[];
  onMatch: MatchMode;
  /** ISO 3166-1 alpha-2, for CRM phone numbers written nationally; null: none. */
  country: string | null;
}

export interface DealSettings {
  match: DealMatch;
}

export interface NoteSettings {
  reference: boolean;
  format: "text" | "html";
  /** All notes of a submission become one. Absent: they stay as they come. */
  join?: boolean;
}

/** What the planner needs to know of a submission's source. */
export interface PlanSettings {
  persons: PersonSettings;
  deals: DealSettings;
  notes: NoteSettings;
  onBadValue: "note" | "reject";
  /**
   * What becomes of a pipeline, stage or field that the CRM doesn't have. `hold`: a map names it, so the source waits until
   * somebody mends one of them. `note`: the record itself names it, and one record must not hold up a whole source.
   */
  unknownNames?: "hold" | "note";
  /** The record's own names of what plain paths map, by target path (`person.fields.Budget` to `budget_eur`): labels of bad values. */
  labels?: Record<string, string>;
}

/** A map as written: target path (`person.email`) to dotted path or `= expression`. `notes` and the like may be lists. */
export type SourceMap = Record<string, string | string[]>;

export type SourceFormat = "json" | "jsonl" | "csv" | "form";

export interface SourceSettings {
  name: string;
  /** Absolute path of the spool folder; null for a source that is fed by `import` only. */
  spool: string | null;
  after: "archive" | "delete" | "keep";
  lane: Lane;
  targetMs: number;
  /** Older submissions are history; null: none are. UTC ms. */
  sendFromMs: number | null;
  /** Null: records already have the submission's shape. */
  map: SourceMap | null;
  restToNote: string | null;
  format: SourceFormat | null;
  records: string | null;
  where: string | null;
  timezone: string;
  /** Country for phone numbers of this source; null: none. */
  country: string | null;
  encoding: string | null;
  delimiter: string | null;
  revisions: "report" | "update";
  sameWithinMs: number | null;
  plan: PlanSettings;
}

export interface LimitSettings {
  /** Requests per window of this credential; null: learn from the headers, starting at the vendor's default. */
  burst: number | null;
  /** Tokens a day of the company; null: learn from the headers, else `planDailyTokens`. */
  dailyTokens: number | null;
  /** From plan and seats, where the config names them; null: unknown, no stop of our own. */
  planDailyTokens: number | null;
  /** Part of burst and budget that we may use, 0 to 1. */
  share: number;
  /** Part of our own day's budget that only the operational lane may spend, 0 to 1. */
  operationalReserve: number;
  /** HTTP requests in flight; null: rate x round trip, 4 to 64. */
  concurrency: number | null;
  backfill: number;
}

export interface RetrySettings {
  maxAttempts: number;
  baseDelayMs: number;
  maxDelayMs: number;
  /** Ages of an uncertain write at which it is looked for, ascending. */
  settleMs: number[];
}

/** What a lane has of its own; the ages at which a write in doubt is looked for are everybody's. */
export type LaneRetry = Omit<RetrySettings, "settleMs">;

/** Minutes of the local day; an end that is not after the begin is on the next day. 1 is Monday: days on which it begins. */
export interface QuietWindow {
  days: number[];
  fromMinute: number;
  toMinute: number;
}

/** When nothing new is begun. */
export interface QuietHours {
  /** IANA name. */
  timezone: string;
  windows: QuietWindow[];
}

export interface QuietSettings {
  sources: Record<string, QuietHours>;
  lanes: Partial<Record<Lane, QuietHours>>;
}

export interface BreakerSettings {
  failureRate: number;
  window: number;
  cooldownMs: number;
}

/** Everything that a drain needs. */
export interface DrainSettings {
  limits: LimitSettings;
  retry: RetrySettings;
  /** Of lanes that have their own. */
  laneRetry?: Partial<Record<Lane, LaneRetry>>;
  quiet?: QuietSettings;
  /** Part of our own day's budget that a source may use at the most, 0 to 1; of the others there is no such part. */
  dailyShares?: Record<string, number>;
  breaker: BreakerSettings;
  /** Age at which the mirror is refreshed before an unknown person is believed to be new. */
  freshnessMs: number;
  /** By source name; `default` for sources that the config does not name any more. */
  plans: Record<string, PlanSettings>;
}

/** What one call of `sync` may do. */
export interface DrainLimits {
  submissionsMax: number | null;
  durationMaxMs: number | null;
  waitMaxMs: number;
  tokensMax: number | null;
  source: string | null;
  lane: Lane | null;
  /** These alone, and what must go before them. */
  ids?: readonly SubmissionId[];
}
