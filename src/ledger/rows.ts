/** Shapes that the ledger's verbs take and give. Instants are UTC ms unless the name says mono. */
import type { Entity } from "../domain/catalog.ts";
import type { PlannedStep, Step, StepAction, StepError, StepState } from "../domain/chain.ts";
import type { Hold, HoldKind, HoldScope } from "../domain/hold.ts";
import type { IdentityKey } from "../domain/identity.ts";
import type { AccountId, ClaimId, CrmId, RequestId, RunId, StepId, SubmissionId } from "../domain/ids.ts";
import type { CrmRecord, OperationGroup } from "../domain/operation.ts";
import type { BucketState, BucketUse, Charge } from "../domain/quota.ts";
import type { Lane, SubmissionContent, SubmissionState } from "../domain/submission.ts";
import type { SentValues } from "./checks.ts";
import type { Duplicate } from "./duplicate.ts";
import type { FieldFinding } from "./findings.ts";
import type { ReplacedVersion } from "./replaced.ts";

/** The instant of a verb, in both clocks. */
export interface Now {
  wallMs: number;
  monoMs: number;
  bootId: string;
}

// ---- intake ----
export interface Origin {
  /** Path or `-`, as the user knows it; never used to open anything. */ file: string;
  /** Line (CSV, JSONL: counted from 1) or element (JSON array: from 1); null for a whole file. */
  line: number | null;
}

export interface IncomingSubmission {
  source: string;
  key: string;
  /** SHA-256 of the raw record. A known one in this source is a duplicate, whatever the map says now. */
  rawHash: string;
  /** SHA-256 of the mapped content, without the ingest time. */
  contentHash: string;
  /** The record as it came, as JSON text. */
  raw: string;
  content: SubmissionContent;
  /** The content's JSON, where that is there already. */ contentText?: string;
  lane: Lane;
  /** Null: not given; the ledger then uses the time of ingest. */
  submittedAtMs: number | null;
  /** Milliseconds from submittedAt within which it should be in the CRM. */ targetMs: number;
  identityKeys: IdentityKey[];
  origin: Origin;
  /** Older than the source's `sendFrom`: kept as history, never sent. */
  history: boolean;
  /** Same person and content in the source under another key, submitted within so long: a duplicate. */ sameWithinMs?: number;
  /** A known key with other content amends what the first wrote, instead of being a conflict. */ revisions?: "update";
}

export interface IncomingReject {
  source: string;
  rawHash: string;
  raw: string;
  reason: string;
  origin: Origin;
}

/** Where reading of a growing file stands. `identity` names the file over renames. */
export interface FileProgress {
  source: string;
  identity: string;
  path: string;
  /** Bytes taken so far, a line boundary. */ offset: number;
  /** Lines taken so far. */ line: number;
  size: number;
  modifiedAtMs: number;
  /** When size and time were first seen as they are now. */
  unchangedSinceMs: number;
  /** SHA-256 of the first bytes, so that a reused inode is noticed. */
  head: string;
  /** CSV header and dialect, or anything the reader must have back. JSON text. */
  context: string | null;
  archivedAtMs: number | null;
}

export interface IngestBatch {
  runId: RunId;
  submissions: IncomingSubmission[];
  rejects: IncomingReject[];
  /** Committed in the same transaction as the records before it. */
  progress: FileProgress | null;
  /** Rejects that this file mends: closed by the new records. */
  closesRejects: { rejectId: string; byIndex: number }[];
}

export type IngestVerdict =
  /** `revision`: a submission of its own that amends a known one. */
  { type: "new" | "history"; revision?: true; heldBack?: true } | Duplicate | { type: "conflict"; rejectId: string };

export interface IngestResult {
  /** In the order of `submissions`. */ verdicts: IngestVerdict[];
  /** Rejects that were new (a known raw hash of a reject is not kept twice). */
  rejected: number;
}

export interface KnownSubmission {
  source: string;
  key: string;
  rawHash: string;
  contentHash: string;
  raw: string;
}

// ---- queue ----
export interface SubmissionRow {
  id: SubmissionId;
  source: string;
  key: string;
  state: SubmissionState;
  lane: Lane;
  submittedAtMs: number;
  receivedAtMs: number;
  targetMs: number;
  dueAtMs: number;
  attempts: number;
  /** Null once the payload was erased or thinned. */
  content: SubmissionContent | null;
  identityKeys: IdentityKey[];
  /** False before the first plan and after a requeue: the runner plans the open steps anew. */
  planned: boolean;
  /** Of a revision: the first version. */ revises?: SubmissionId | null;
  steps: Step[];
  error: StepError | null;
  failedAtMs: number | null;
  doneAtMs: number | null;
  origin: Origin;
}

/** Due time of a submission that waits until a person lets it go: the end of the year 9999. */
export const HELD_BACK_UNTIL_MS = 253_402_300_799_000;

export interface ClaimRequest {
  runId: RunId;
  now: Now;
  /** Submissions at the most, over all groups. */ limit: number;
  /** Leases run out at this instant unless renewed by a turn. Wall ms. */
  leaseUntilMs: number;
  source: string | null;
  lane: Lane | null;
  /** Only these, and what must go before them. */ ids?: readonly SubmissionId[];
  /** Work that a hold keeps back: sources and lanes not to be claimed. */
  heldSources: readonly string[];
  heldLanes: readonly Lane[];
  /** Nothing of these is begun or gone on with, but a write in doubt is settled. */
  quiet?: Pick<ClaimRequest, "heldSources" | "heldLanes">;
}

/** Submissions of one person in one lane, in order, under one lease. */
export interface Claim {
  claimId: ClaimId;
  lane: Lane;
  submissions: SubmissionRow[];
}

// ---- the turn of the wheel ----
export interface StepChange {
  claimId: ClaimId;
  stepId: StepId;
  /** Expected state; the change fails as fenced where it is another. */ from: StepState;
  to: StepState;
  action?: StepAction | null;
  crmId?: CrmId | null;
  attempts?: number;
  lostAtMs?: number | null;
  probes?: number;
  handle?: string | null;
  explanation?: string | null;
  error?: StepError | null;
}

export interface SubmissionChange {
  claimId: ClaimId;
  submissionId: SubmissionId;
  to: SubmissionState;
  /** For `waiting` and `uncertain`. */
  dueAtMs?: number;
  attempts?: number;
  error?: StepError | null;
  /** Why it waits, for `show`. */
  wait?: { kind: string; untilMs: number | null; detail: string };
  /** The keys of its uncertain creates (person, organization, deal by key) stay taken beyond the claim. With `uncertain`. */
  keepKeys?: boolean;
}

/**
 * A plan puts steps in by name. Steps that are `done`, `begun`, `uncertain` or `pending` keep their content; open and
 * failed ones take the new content and become open; open ones that the plan no longer has are dropped (their attempts stay).
 */
export interface ChainPlan {
  claimId: ClaimId;
  submissionId: SubmissionId;
  steps: PlannedStep[];
}

/** A request that is about to leave. Reads have no steps. */
export interface RequestIntent {
  /** The caller's own number, to find the grant. */
  ref: number;
  lane: Lane;
  group: OperationGroup;
  method: string;
  route: string;
  write: boolean;
  charges: readonly Charge[];
  timeoutMs: number;
  /** Steps whose write this is; `sent`: what an update changes. Each goes from `open` to `begun`. */
  steps: { claimId: ClaimId; stepId: StepId; action: StepAction; sent?: SentValues }[];
  /** Submissions on whose behalf it reads, for `show`. */
  onBehalfOf: SubmissionId[];
}

export interface FinishedRequest {
  requestId: RequestId;
  /** Null: no reply. */ status: number | null;
  outcome: "applied" | "refused" | "deferred" | "uncertain" | "pending" | "mixed";
  /** Redacted; null where applied. */
  error: string | null;
  latencyMs: number;
  endedMonoMs: number;
  endedAtMs: number;
  rateLimited: boolean;
}

export interface Turn {
  runId: RunId;
  accountId: AccountId;
  credential: string;
  now: Now;
  leaseUntilMs: number;
  finished: FinishedRequest[];
  /** Newer readings of buckets; an older `readAtMs` than the row's is ignored. */ buckets: BucketState[];
  /** By source: the part of the day's own budget that it may use, 0 to 1. */ shares?: Readonly<Record<string, number>>;
  mirror: { record: CrmRecord; keys: IdentityKey[] }[];
  /** Ids that the CRM no longer has. */ gone: { entity: Entity; id: CrmId }[];
  findings?: FieldFinding[];
  plans: ChainPlan[];
  steps: StepChange[];
  submissions: SubmissionChange[];
  begin: RequestIntent[];
  /** Claims that have nothing left: their keys are given back. */
  release: ClaimId[];
}

export interface Refusal {
  ref: number;
  bucket: string;
  /** When to ask again, monotonic ms; null: not by waiting (the day's budget). */ retryAtMonoMs: number | null;
  /** Its part of the day's budget has no room. */ source?: string;
}

export interface TurnResult {
  granted: { ref: number; requestId: RequestId }[];
  refused: Refusal[];
  /** Claims whose lease was lost: nothing of them was written or begun in this turn. */
  fenced: ClaimId[];
  /** Steps of the plans of this turn, with ids, in order. */
  planned: { submissionId: SubmissionId; steps: Step[] }[];
  buckets: BucketState[];
  use: BucketUse[];
}

// ---- runs, holds, breakers ----
export interface RunStart {
  kind: string;
  pid: number;
  host: string;
  /** Name of the kernel lock that this run holds, null for commands that don't drain. */
  lockName: string | null;
  now: Now;
}

export interface RunRow {
  id: RunId;
  kind: string;
  pid: number;
  host: string;
  lockName: string | null;
  startedAtMs: number;
  endedAtMs: number | null;
  stopped: string | null;
  exitCode: number | null;
  /** The JSON summary that the run printed. */ summary: unknown;
}

export interface Recovered {
  /** Submissions given back to the queue, and steps that became uncertain. */
  submissions: number;
  uncertainSteps: number;
}

export interface HoldRow extends Hold {
  id: number;
  openedAtMs: number;
  closedAtMs: number | null;
}

export type HoldFilter = { kind?: HoldKind; scope?: HoldScope };

/** A breaker's state, saved over runs. `recent` is oldest first, true for a failure. */
export interface BreakerRow {
  group: OperationGroup;
  state: "closed" | "open" | "halfOpen";
  openedAtMs: number | null;
  recent: boolean[];
}

// ---- mirror ----
export type MirrorEntity = "person" | "organization" | "deal";

export interface MirrorHit {
  id: CrmId;
  /** Null where the CRM did not say. */
  createdAtMs: number | null;
  /** Keys of this record, e.g. `email:ada@example.com`. */
  keys: IdentityKey[];
}

export interface MirrorState {
  entity: Entity;
  /** CRM time up to which changes are known; null: never walked. */
  watermarkMs: number | null;
  /** When the last full walk ended; null: never, so a miss proves nothing. */
  walkedAtMs: number | null;
  refreshedAtMs: number | null;
  /** Records known, for the price of the next walk. */
  records: number;
  /** Tokens spent on searches since the last full walk: ski rental. */
  searchTokens: number;
  /** Number of the walk: rows seen in it carry it. */
  walk: number;
}

export interface MirrorBatch {
  accountId: AccountId;
  entity: Entity;
  records: CrmRecord[];
  /** Additional match keys by record id: phones in E.164, match fields. */
  keys: Record<CrmId, IdentityKey[]>;
  gone: CrmId[];
  state: MirrorState | null;
  nowMs: number;
}

// ---- what people ask ----
/** Submissions by state, and what never became one. */
export type QueueCounts = Record<SubmissionState | "rejected" | "conflict", number>;

export interface Attempt {
  at: number;
  method: string;
  path: string;
  status: number | null;
  tokens: number;
  latencyMs: number | null;
  outcome: string | null;
  error: string | null;
}

export interface Story {
  submission: SubmissionRow & { raw: string | null; runIds: RunId[] };
  steps: (Step & { history: Attempt[] })[];
  /** Requests on its behalf that belong to no step: look-ups. */
  lookups: Attempt[];
  waits: { atMs: number; kind: string; untilMs: number | null; detail: string }[];
  replaced: ReplacedVersion[];
}

export interface FailedRow {
  id: SubmissionId;
  source: string;
  key: string;
  email: string | null;
  step: string | null;
  error: StepError;
  failedAtMs: number;
  /** The submission that it waits for. */ sampleId?: SubmissionId | null;
}

export interface FailedFilter {
  ids?: SubmissionId[];
  cause?: string;
  source?: string;
  sinceMs?: number;
  limit?: number;
}

export interface RejectRow {
  id: string;
  kind: "reject" | "conflict";
  source: string;
  key: string | null;
  origin: Origin;
  reason: string;
  raw: string;
  createdAtMs: number;
}

export type RequestTotals = Record<"total" | "rateLimited" | "tokens", number>;
