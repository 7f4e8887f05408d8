/**
 * The runner's contract. The runner is the only owner of sends and of retries: sync, retry-failed, repairs, doctor's
 * reads and the mirror's look-ups all go through its wheel, and through the wheel's one ledger transaction per turn.
 */
import type { CrmAdapter, CrmSession, SendPacked } from "../crm/adapter.ts";
import type { Catalog, CatalogPart } from "../domain/catalog.ts";
import type { Clock, Random } from "../domain/clock.ts";
import type { Hold } from "../domain/hold.ts";
import type { PhoneNormalizer } from "../domain/identity.ts";
import type { AccountId, RunId, SubmissionId } from "../domain/ids.ts";
import type { Operation, Outcome } from "../domain/operation.ts";
import type { DrainSettings } from "../domain/settings.ts";
import type { Lane } from "../domain/submission.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { Replacement } from "../ledger/replaced.ts";
import type { RequestTotals } from "../ledger/rows.ts";
import type { SampledRow } from "../ledger/samples.ts";
import type { MirrorDeps, Read } from "../mirror/mirror.ts";
import type { Failpoint } from "./failpoints.ts";

export type RunnerEvent =
  | {
      type: "progress";
      done: number;
      failed: number;
      waiting: number;
      uncertain: number;
      remaining: number;
      tokens: number;
    }
  | { type: "hold"; hold: Hold }
  | { type: "warning"; message: string };

export interface RunnerDeps {
  ledger: Ledger;
  adapter: CrmAdapter;
  send: SendPacked;
  clock: Clock;
  random: Random;
  phone: PhoneNormalizer;
  /** No trailing slash. */
  baseUrl: string;
  timeoutMs: number;
  /** Names the credential in the ledger without revealing it: a salted hash of the token. */
  credential: string;
  runId: RunId;
  settings: DrainSettings;
  /** Takes the token, and whatever looks like it, out of a text. */
  redact: (text: string) => string;
  observe: (event: RunnerEvent) => void;
  failpoint: Failpoint;
  /** What today's maps make of kept records, for those that go back behind a sample. Absent: they keep their content. */
  todaysContents?: (rows: readonly SampledRow[]) => Promise<ReadonlyMap<SubmissionId, Replacement>>;
}

export interface DrainReport {
  drained: { done: number; waiting: number; uncertain: number; failed: number };
  /** Pending, waiting or uncertain, of the whole ledger. */
  remaining: number;
  warnings: string[];
  requests: { total: number; rateLimited: number; retried: number; tokens: number };
  lookups: { mirror: number; search: number };
  stopped: "drained" | "limit" | "maxDuration" | "maxTokens" | "hold" | "signal";
  /** The hold that ended the run, or the lesser one that alone keeps work back. */
  hold: Hold | null;
  /** Sources that went on hold or stay on hold (exit 3). */
  heldSources: string[];
  /** The CRM lacks something that it needs (stamp fields): exit 78 with this text. */
  setupMissing: { message: string; hint: string } | null;
}

export interface PlannedWrite {
  source: string;
  key: string;
  step: string;
  action: "create" | "update" | "createOrUpdate" | "merge" | "delete" | "none";
  /** `person`, `deal`, ... with the CRM id where it is known. */
  target: string;
  /** Visible field name to value. */
  fields: Record<string, unknown>;
}

export interface DrainPlan {
  submissions: number;
  byLane: Record<Lane, number>;
  requests: number;
  tokensMin: number;
  tokensMax: number;
  seconds: number;
  /** How look-ups would be answered, and why. */
  why: string[];
  byStep: Record<string, { create: number; update: number; unknown: number; tokensMin: number; tokensMax: number }>;
  writes: PlannedWrite[];
}

export interface DeskOptions {
  /** Whose part of the quota it takes. Default: `operational`. */
  lane?: Lane;
  /** Ends it: what is in flight is finished and recorded, and everything after it rejects. */
  signal?: AbortSignal;
}

/**
 * A connection for reads and set-up outside of a drain: doctor, init, reconcile. Its verbs reject with `held` (or
 * `credentialsRefused`) where a hold or the signal stops it; `hold` tells which.
 */
export interface Desk {
  accountId: AccountId;
  /** Fetches the parts (or takes them from the ledger where younger than `maxAgeMs`) and gives the whole catalog. */
  catalog(parts: readonly CatalogPart[], maxAgeMs: number): Promise<Catalog>;
  perform(operation: Operation): Promise<Outcome>;
  /** Sends a read and gives its outcome; one without an answer is sent again a few times by the caller (`readApplied`). */
  read: Read;
  /** With what is known of the catalog so far. */
  crmSession(): CrmSession;
  /** An instant of ours on the CRM's clock, as far as a reply has told it. */
  crmTimeMs: (ourMs: number) => number;
  /** For a mirror that reads through this desk. The fields of persons must have been asked for. */
  mirrorDeps(): MirrorDeps;
  /** Requests and tokens of this desk's run so far. */
  totals(): Promise<RequestTotals>;
  /** The hold that stopped it, or the lesser one that kept something back; null: none. */
  hold(): Hold | null;
  /** The CRM's clock less ours in ms, from the last reply; null before one. */
  clockSkewMs(): number | null;
  close(): Promise<void>;
}
