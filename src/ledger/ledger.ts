/**
 * The ledger contract: coarse verbs, one transaction each, no callback transaction (a transaction must never span an
 * await). Every engine passes the same suite (test/contract/ledger-suite.ts). All verbs reject with a `CrmledgerError`
 * (`ledgerLocked`, `diskFull`, `ledgerDamaged`) when the engine can't do its work; then nothing of the verb happened.
 */

import type { Catalog, Entity } from "../domain/catalog.ts";
import type { EntityValues, Step, StepContent } from "../domain/chain.ts";
import type { Hold } from "../domain/hold.ts";
import type { IdentityKey } from "../domain/identity.ts";
import type { AccountId, ClaimId, CrmId, RunId, StepId, SubmissionId } from "../domain/ids.ts";
import type { BucketState, BucketUse } from "../domain/quota.ts";
import type { SubmissionState } from "../domain/submission.ts";
import type { AccountsLedger, CountedBatch } from "./accounts.ts";
import type { AlertsLedger } from "./alerts.ts";
import type { AdmitOptions, Admitted, ArrivingRecords, KnownAgain, TakenBack } from "./arriving.ts";
import type { BreakersLedger } from "./breakers.ts";
import type { CareLedger } from "./care.ts";
import type { CheckLedger } from "./checks.ts";
import type { FindingsLedger } from "./findings.ts";
import type { HistoryLedger } from "./history.ts";
import type { MeasurementsLedger } from "./measurements.ts";
import type { MembersLedger } from "./members.ts";
import type { NamesLedger } from "./names.ts";
import type { Replacement } from "./replaced.ts";
import type {
  Claim,
  ClaimRequest,
  FailedFilter,
  FailedRow,
  FileProgress,
  HoldFilter,
  HoldRow,
  IncomingSubmission,
  IngestResult,
  IngestVerdict,
  KnownSubmission,
  MirrorBatch,
  MirrorEntity,
  MirrorHit,
  MirrorState,
  Now,
  QueueCounts,
  Recovered,
  RejectRow,
  RequestTotals,
  RunRow,
  RunStart,
  Story,
  SubmissionRow,
  Turn,
  TurnResult,
} from "./rows.ts";
import type { SamplesLedger } from "./samples.ts";
import type { TakeoverLedger } from "./takeover.ts";
import type { TracesLedger } from "./traces.ts";

/** A submission that no chain was planned for yet. */
export interface UnplannedRow {
  id: SubmissionId;
  submittedAtMs: number;
  contentHash: string;
  /** The record as it came, as JSON text. */
  raw: string;
}

/** `sent`: a step of the submission is or may be at the CRM. `busy`: a run works on it. `gone`: no open conflict. */
export type AcceptVerdict = "taken" | "sent" | "busy" | "gone";

/** One version of a record: the first, or a revision of it. */
export interface VersionRow {
  id: SubmissionId;
  key: string;
  state: SubmissionState;
  /** Those that are at the CRM. */
  steps: Step[];
}

/** A write of ours to a CRM record. Instants are UTC ms. */
export interface RecordWrite {
  submittedAtMs: number;
  /** When the answer to it came; null where none was recorded. */
  endedAtMs: number | null;
  /** When it left last, for their order; null where nothing was sent. */
  begunAtMs?: number | null;
  /** Grows with each request, whatever becomes of the clock; null where nothing was sent. */
  requestNo?: number | null;
  content: StepContent;
  /** What really left, where that is not all of the content's own: an update's part of it, or what several came to together. */
  sent?: EntityValues | null;
}

/**
 * Since when there are runs that may have sent and were found dead (the first one's start), as a part of what the ledger
 * remembers of its account; 0: the CRM was asked about them.
 */
export const DIED_AT_WORK = "diedAtWork";

export interface Ledger
  extends CheckLedger,
    AccountsLedger,
    TakeoverLedger,
    CareLedger,
    AlertsLedger,
    FindingsLedger,
    HistoryLedger,
    BreakersLedger,
    MeasurementsLedger,
    MembersLedger,
    NamesLedger,
    SamplesLedger,
    TracesLedger {
  // ---- runs ----
  openRun(start: RunStart): Promise<RunId>;
  closeRun(run: RunId, end: { stopped: string; exitCode: number; summary: unknown; nowMs: number }): Promise<void>;
  /** Runs that have not ended, newest first. The caller finds out which of them are dead by their kernel locks. */
  openRuns(): Promise<RunRow[]>;
  lastRun(kind?: string): Promise<RunRow | null>;
  /**
   * Takes back the work of a dead run: its claims end, its submissions go back to the queue, and each step with an intent
   * and no outcome becomes uncertain with `lostAt = min(now, sent + timeout)`; its submission is due at lostAt + settleMs.
   * Safe to repeat. A run that may have sent is remembered as the catalog's part `DIED_AT_WORK`.
   */
  recover(runs: readonly RunId[], now: Now, settleMs: number): Promise<TakenBack>;
  /** The same for claims whose lease ran out (a paused process, a host that is gone). */
  recoverExpired(now: Now, settleMs: number): Promise<Recovered>;

  // ---- account ----
  /**
   * Binds the ledger to the account that it first speaks to; later calls give the same id. Rejects with `accountMismatch`
   * for another account of the vendor. Idempotent.
   */
  bindAccount(account: { vendor: string; externalId: string; name: string }, nowMs: number): Promise<AccountId>;
  /** The bound account; null before the first contact. */
  account(): Promise<{ id: AccountId; vendor: string; externalId: string; name: string } | null>;
  loadCatalog(account: AccountId): Promise<{ part: string; catalog: Partial<Catalog>; fetchedAtMs: number }[]>;
  /** Replaces the part, and remembers which names changed since it was saved before: see `crmChanges`. */
  saveCatalog(account: AccountId, part: string, catalog: Partial<Catalog>, nowMs: number): Promise<void>;

  // ---- intake ----
  /** Takes records, rejects and the file's progress in one transaction. Same input, same rows. */
  ingest(batch: CountedBatch, now: Now): Promise<IngestResult>;
  /**
   * Records of a large import, which become submissions by `admit`: many at once cost far fewer pages than piece by piece. What is
   * not admitted when the run ends or dies is taken back.
   */
  arrive(records: readonly ArrivingRecords[], now: Now): Promise<void>;
  /**
   * Does one piece, of about so many records, of what makes submissions of the run's arrived records of a source. Like `arrive` it
   * rejects with `ledgerLocked` where others took the run for dead, and took back what had arrived.
   */
  admit(run: RunId, source: string, records: number, options: AdmitOptions, now: Now): Promise<Admitted>;
  /** Counts records as duplicates that are known by their raw text. False, and nothing is counted, where one of them is not. */
  countAgain(records: KnownAgain): Promise<boolean>;
  /**
   * The known submissions of this source and these keys, to compare under today's map before a conflict is declared.
   * `latest`: the newest version that came under each key, instead of the first.
   */
  findSubmissions(source: string, keys: readonly string[], version?: "named" | "latest"): Promise<KnownSubmission[]>;
  /**
   * For each record the verdict that needs no look at its content, else null: its raw record is known, or another source has
   * its id for the same person. For `--dry-run`.
   */
  findKnown(records: readonly IncomingSubmission[]): Promise<(IngestVerdict | null)[]>;
  /** For each record the key of the one that it repeats by its `sameWithinMs`, null where it repeats none: for `--dry-run`. */
  findRepeated(records: readonly IncomingSubmission[], now: Now): Promise<(string | null)[]>;
  /**
   * For each record what this source has of its person under other keys, the nearest in time (ten at the most for each
   * identity key): whether it is the same record is for today's map to say.
   */
  findOfPerson(
    source: string,
    records: readonly { key: string; submittedAtMs: number; identityKeys: readonly IdentityKey[] }[],
  ): Promise<KnownSubmission[][]>;
  /** Between the pieces of a long import: keeps the log short, so that no commit has to, its own or another process's. */
  makeRoom(): Promise<void>;
  /** False: nothing was ever taken in, so nothing can be known or match. */
  hasSubmissions(): Promise<boolean>;
  /** Those of the hashes that a source has sent before: records that are duplicates, whatever the map says now. */
  knownRaw(source: string, rawHashes: readonly string[]): Promise<Set<string>>;
  /** How many of these records match a known person and time, of any source, under another key: the re-export guard. */
  countReexported(records: { key: string; submittedAtMs: number; identityKeys: IdentityKey[] }[]): Promise<number>;
  /**
   * Keeps back what this run took in of a source and what was submitted before an instant, for `limits.backfill`: it waits
   * until `letGo`, and keeps nobody else of its person waiting. The number of submissions moved; safe to repeat.
   */
  holdBack(run: RunId, source: string, submittedBeforeMs: number, now: Now, detail: string): Promise<number>;
  /** Puts back into the queue what `holdBack` kept back, of one source or (null) of all. */
  letGo(source: string | null, now: Now): Promise<number>;
  fileProgress(source: string): Promise<FileProgress[]>;
  forgetFile(source: string, identity: string): Promise<void>;

  // ---- queue ----
  /**
   * Claims due work in the contract's order (operational before background but never less than a twentieth for the latter;
   * in a lane what is within its target newest first, what is past it oldest first and never less than a quarter). All
   * pending submissions of a person in one lane come together, oldest first. A submission is claimable when all its
   * identity keys are free and no earlier one of the same person in the lane still waits. Cost does not grow with the
   * ledger.
   */
  claim(request: ClaimRequest): Promise<Claim[]>;
  /**
   * Leases further keys for a claim (the CRM person's id, an organization's name, a deal's key). All or none; null when
   * granted, else the claim that has one of them.
   */
  leaseKeys(claim: ClaimId, keys: readonly IdentityKey[], now: Now): Promise<{ heldBy: ClaimId } | null>;
  releaseKeys(claim: ClaimId, keys: readonly IdentityKey[]): Promise<void>;
  /** One turn of the wheel: see `Turn`. All in one transaction, before any byte of `begin` leaves. */
  turn(turn: Turn): Promise<TurnResult>;
  /** Earliest due time of what waits, null where nothing does. `ids`: of these alone. `except`: not of what a claim would not touch. */
  nextDueAtMs(filter: {
    source: string | null;
    lane: string | null;
    ids?: readonly SubmissionId[];
    except?: Pick<ClaimRequest, "heldSources" | "heldLanes" | "quiet">;
  }): Promise<number | null>;
  queue(filter?: { source?: string | null; lane?: string | null }): Promise<QueueCounts>;
  /** Pending submissions in claim order without claiming them: for `--dry-run` and for look-ups ahead. */
  peek(limit: number, nowMs: number, filter: { source: string | null; lane: string | null }): Promise<SubmissionRow[]>;

  // ---- holds ----
  /** Opens a hold, or moves the open one of the same kind and scope. */
  openHold(account: AccountId | null, hold: Hold, nowMs: number): Promise<HoldRow>;
  closeHolds(filter: HoldFilter & { ids?: number[] }, nowMs: number): Promise<number>;
  holds(): Promise<HoldRow[]>;

  // ---- quota ----
  buckets(account: AccountId, credential: string, now: Now): Promise<{ states: BucketState[]; use: BucketUse[] }>;

  // ---- mirror ----
  /** Records that carry any of the keys, by key. */
  mirrorFind(
    account: AccountId,
    entity: MirrorEntity,
    keys: readonly IdentityKey[],
  ): Promise<Map<IdentityKey, MirrorHit[]>>;
  /** Writes a page and the state in one transaction; safe to repeat. */
  mirrorSave(batch: MirrorBatch): Promise<void>;
  mirrorState(account: AccountId, entity: Entity): Promise<MirrorState>;
  /** After a full walk: drops records of the entity that the walk (by its number) did not see. */
  mirrorSweep(account: AccountId, entity: Entity, walk: number): Promise<number>;

  // ---- what people ask and decide ----
  story(id: SubmissionId): Promise<Story | null>;
  /** All versions of the record that a submission is one of, itself among them, oldest first. */
  versions(id: SubmissionId): Promise<VersionRow[]>;
  /** By `SOURCE/KEY`, by key alone, or by e-mail or phone identity key. Newest first. */
  findByName(
    text: string,
    identityKeys: readonly IdentityKey[],
  ): Promise<{ id: SubmissionId; source: string; key: string }[]>;
  failed(filter: FailedFilter): Promise<FailedRow[]>;
  /**
   * Puts failed ones back: state pending, tries at zero, `planned` false so that open and failed steps are planned anew;
   * written and uncertain steps stay as they are. A replacement takes the place of content, identity keys and, where it
   * brings one, raw record (a mended one, or today's map over the kept one); what was replaced is kept. `by`: the user of
   * this machine who did it, for `show`.
   */
  requeue(
    ids: readonly SubmissionId[],
    replacements: ReadonlyMap<SubmissionId, Replacement>,
    now: Now,
    by?: string | null,
  ): Promise<number>;
  drop(id: SubmissionId, why: string, now: Now, by?: string | null): Promise<boolean>;
  /** Pending and waiting ones of a source that were never planned, oldest first, behind `after`. */
  unplanned(
    source: string,
    after: Pick<UnplannedRow, "id" | "submittedAtMs"> | null,
    limit: number,
  ): Promise<UnplannedRow[]>;
  /** Puts new contents in the place of those that are still pending or waiting and unplanned; how many. */
  replaceUnplanned(
    replacements: ReadonlyMap<SubmissionId, Replacement & { contentHash: string }>,
    now: Now,
  ): Promise<number>;
  rejects(limit: number): Promise<{ total: number; rows: RejectRow[] }>;
  /** An open reject or conflict; null: never was one, or it is closed. */
  findReject(id: string): Promise<RejectRow | null>;
  /** Closes an open reject or conflict without a submission. False where it is not open. */
  closeReject(id: string, why: string, now: Now): Promise<boolean>;
  /**
   * Puts a conflict's record, mapped today, in the place of its submission's content, and closes the conflict. A failed
   * one goes back to the queue; any other state stays. Nothing is changed where a step is or may be at the CRM.
   */
  acceptConflict(
    rejectId: string,
    mapped: Pick<Replacement, "content" | "identityKeys">,
    now: Now,
  ): Promise<AcceptVerdict>;
  /**
   * What other submissions wrote to a record, by the latest `submittedAt` first: for the rule that an older submission never
   * overwrites a newer one's values.
   */
  writesTo(entity: Entity, crmId: CrmId, except: SubmissionId, limit: number): Promise<RecordWrite[]>;
  lag(nowMs: number): Promise<{ oldestSeconds: number | null; p50Seconds: number | null; p95Seconds: number | null }>;
  requestTotals(run: RunId): Promise<RequestTotals>;
  /** Whether any submission was delivered since, of those whose records are still kept. */
  deliveredSince(ms: number): Promise<boolean>;
  /** Whether another write of the kind of this step's went through since its try before the last. */
  othersWritten(step: StepId): Promise<boolean>;

  // ---- care ----
  /** Quick integrity check; the problems found. */
  check(): Promise<string[]>;
  facts(): Promise<{
    version: number;
    path: string;
    bytes: number;
    synchronous: string;
    journalMode: string;
    runCounter: number;
    /** The same counter in the small file beside the ledger: larger than `runCounter` where an old ledger was restored. */
    runCounterBeside?: number | null;
    createdAtMs: number;
  }>;
  close(): Promise<void>;
}

/** A lock that the kernel drops with the process. */
export interface RunLocks {
  /** Takes the named lock, or null where another process has it. */
  take(name: string): RunLock | null;
}

export interface RunLock {
  readonly name: string;
  release(): void;
}
