/**
 * The ledger's contract for `reconcile`: what a check saw at the CRM, what differs, and what is done about it. Verbs are
 * coarse and bounded like all of the ledger's: lists come by pages behind a cursor, and no verb holds the write lock for long.
 */
import type { Entity } from "../domain/catalog.ts";
import type { EntityValues, StepAction, StepContent, StepName, StepRepair, StepState } from "../domain/chain.ts";
import type { IdentityKey } from "../domain/identity.ts";
import type { AccountId, CrmId, RunId, StepId, SubmissionId } from "../domain/ids.ts";
import type { SubmissionState } from "../domain/submission.ts";

/** Which submissions a check judges or a report counts. Instants are of `submittedAt`, UTC ms; `untilMs` is exclusive. Null: no bound. */
export interface CheckScope {
  source: string | null;
  sinceMs: number | null;
  untilMs: number | null;
}

export type CheckId = number;

export interface CheckRow {
  id: CheckId;
  runId: RunId;
  startedAtMs: number;
  endedAtMs: number | null;
  scope: CheckScope;
  /** How far it got, so that a check that was stopped by a hold goes on. JSON of `reconcile`'s own. */
  progress: unknown;
  /** JSON that `finishCheck` was given; null before. */
  summary: unknown;
}

/** `gone`: a look by id did not show it. `hidden`: the CRM says that this token's user may not see it. */
export const SIGHTING_STATES = ["present", "archived", "deleted", "gone", "hidden"] as const;
export type SightingState = (typeof SIGHTING_STATES)[number];

/** One value that we wrote and that is another one now. Values are for people: option labels, not ids. */
export interface Drift {
  field: string;
  expected: unknown;
  actual: unknown;
}

/** A record of the CRM as this check saw it. Only records that concern us are kept: those of our steps, and stamped ones. */
export interface Sighting {
  entity: Entity;
  crmId: CrmId;
  state: SightingState;
  stamp: string | null;
  /** Of a note: the part that its reference names, from 1. */
  part: number | null;
  /** The submission that the stamp names; null: no stamp, or none that this ledger knows. */
  stampedFor: SubmissionId | null;
  createdAtMs: number | null;
  /** Whether a program made it (as against a person in the CRM's pages); null where the CRM does not tell. */
  byApi: boolean | null;
  personId: CrmId | null;
  organizationId: CrmId | null;
  dealId: CrmId | null;
  drift: Drift[];
  /** Whether it is the record of a step of `stampedFor`; left out where nobody has looked. */
  own?: boolean;
}

/** Values and links that really left, where the step's content does not say so. */
export interface SentValues {
  values: EntityValues;
  /** Ids that the update linked. */
  organizationId?: CrmId;
  personId?: CrmId;
}

/**
 * A done step on a record. `sent` is null for a match (then nothing was sent) and for a create of the step's own content; one that
 * was made for several submissions at once has what all of them came to.
 */
export interface OwnWrite {
  stepId: StepId;
  submissionId: SubmissionId;
  source: string;
  key: string;
  name: StepName;
  action: StepAction;
  submittedAtMs: number;
  /** When the answer to its last write came; null where none was recorded. */
  writtenAtMs: number | null;
  content: StepContent;
  sent: SentValues | null;
}

/** A step in the scope of a check, with what a person needs to find its submission. */
export interface StepFact {
  stepId: StepId;
  submissionId: SubmissionId;
  source: string;
  key: string;
  email: string | null;
  submissionState: SubmissionState;
  submittedAtMs: number;
  name: StepName;
  entity: Entity;
  state: StepState;
  action: StepAction | null;
  crmId: CrmId | null;
}

/** A done step whose record this check did not find present: deleted, gone or hidden. */
export interface LostRecord extends StepFact {
  sighting: Pick<Sighting, "state"> & { wasDeleted: boolean };
  /**
   * Ids on which what hung on it was seen to hang now, other than itself: of a person and an organization the deals and notes
   * (and persons) of its chains, of a deal the notes. For records that were merged.
   */
  movedTo: CrmId[];
  /** How many of the chain's deals and notes were seen that hang on this record still, or on none. */
  stayed: number;
  /**
   * Records that carry this submission's stamp, or the step's match keys, and were seen present in this check; and (`hung`) those
   * with another stamp on which hangs what hung on this one. Oldest first.
   */
  heirs: { crmId: CrmId; createdAtMs: number | null; by: "stamp" | "key" | "hung" }[];
}

/** A stamped record that was seen, and is not the record of its submission's step. */
export interface ExtraRecord {
  sighting: Sighting;
  /** The step that it would be the record of; null: the ledger knows no such submission, or its chain has no such step (yet). */
  step: StepFact | null;
  /** The submission that the stamp names, where the ledger knows it. */
  submission: Pick<StepFact, "submissionId" | "source" | "key" | "email" | "submissionState" | "submittedAtMs"> | null;
  /** Whether the step's own record was seen present (or archived) in this check. */
  ownIsThere: boolean;
  /** Creates of this step that the CRM may have executed, with their times: more than one, or it can't be our own double. */
  tries: { sentAtMs: number; answeredAtMs: number | null }[];
}

/** A record with values that are not what we wrote last. */
export interface DriftedRecord {
  sighting: Sighting;
  /** The newest of our steps on it. */
  step: StepFact;
}

/** A deal that hangs on another person or organization than its chain's. */
export interface MislinkedDeal {
  step: StepFact;
  sighting: Sighting;
  /** The chain's; null where it has none. */
  personId: CrmId | null;
  organizationId: CrmId | null;
}

/** A submission that is not done. */
export interface Unfinished {
  submissionId: SubmissionId;
  source: string;
  key: string;
  email: string | null;
  state: SubmissionState;
  submittedAtMs: number;
  dueAtMs: number;
  targetMs: number;
  failedAtMs: number | null;
  /** When a repair put it back after it had been delivered; null: it was not delivered yet, or none did. */
  repairedAtMs: number | null;
  /** Names of steps that were written (created, updated or adopted, not merely matched). */
  written: StepName[];
  /** The records that those steps have. */
  records: { entity: Entity; crmId: CrmId }[];
  /** Names of steps that are not done. */
  open: StepName[];
  /** Cause and message of a failed one. */
  error: { code: string; message: string; hint?: string } | null;
}

/** A reject or conflict that waits for a person. */
export interface OpenReject {
  id: string;
  kind: "reject" | "conflict";
  source: string;
  key: string | null;
  file: string;
  line: number | null;
  reason: string;
  createdAtMs: number;
}

/** Mirrored records that share one identity, of which at least one is a record of ours in the scope. Oldest first. */
export interface IdentityGroup {
  key: IdentityKey;
  records: { crmId: CrmId; createdAtMs: number | null }[];
  /** The newest step of ours on one of them. */
  step: StepFact;
}

/** One page of a list; `next` is the cursor of the page behind it, null at the end. */
export interface Page<T> {
  rows: T[];
  next: string | null;
}

export const DISCREPANCY_STATES = ["new", "open", "accepted", "repaired", "gone"] as const;
export type DiscrepancyState = (typeof DISCREPANCY_STATES)[number];
export type DiscrepancyClass = "break" | "edit";

/** What a check found. `fingerprint` names the difference over checks: the same one found again is the same row. */
export interface FoundDiscrepancy {
  fingerprint: string;
  class: DiscrepancyClass;
  /** Of the contract's table, such as `deal-missing`. */
  kind: string;
  source: string | null;
  key: string | null;
  submissionId: SubmissionId | null;
  email: string | null;
  entity: Entity | null;
  crmId: CrmId | null;
  expected: unknown;
  actual: unknown;
  /** One sentence for people. */
  message: string;
  /** Since when it is so, as far as known; UTC ms. */
  sinceMs: number;
  /** What `--repair` may do about it; null: nothing. */
  repair: string | null;
  safe: boolean;
  /** What the repair needs to know, JSON of `reconcile`'s own; null where there is none. */
  order: unknown;
}

export interface DiscrepancyRow extends FoundDiscrepancy {
  id: string;
  state: DiscrepancyState;
  firstSeenAtMs: number;
  lastSeenAtMs: number;
  /** Of `accept`. */
  why: string | null;
  /** How often a repair was queued for it. */
  repairs: number;
}

export interface DiscrepancyFilter {
  ids?: readonly string[];
  kinds?: readonly string[];
  states?: readonly DiscrepancyState[];
  class?: DiscrepancyClass;
  submissionId?: SubmissionId;
  /** Only those that this check saw or closed. */
  check?: CheckId;
}

/** A repair as the ledger carries it out: into the ordinary queue, or, where nothing must be sent, at once. */
export type RepairOrder =
  /** Its file was ingested a moment ago: only counted. */
  | { type: "ingested" }
  /** A failed one goes back to the queue with its plan; one that waits is due now. */
  | { type: "resume"; submissionId: SubmissionId }
  /** Every done step on `from` is on `to` from now on. Nothing is sent. */
  | { type: "follow"; entity: Entity; from: CrmId; to: CrmId }
  /**
   * The record is taken as the record of a step: `done`, action `adopt`. A known submission that is not done (and no
   * history) goes to the queue, where the rest of its chain is planned and written. For an unknown one a done submission
   * without payload is made, which a later ingest of its record fills in (then the rest of its chain is written).
   */
  | {
      type: "adopt";
      source: string;
      key: string;
      submittedAtMs: number;
      records: { name: StepName; entity: Entity; crmId: CrmId }[];
      /** Where and why it was found, for `show`. */
      explanation: string;
    }
  /** The step is open again, its record forgotten; its submission goes to the queue. */
  | { type: "recreate"; stepId: StepId; crmId: CrmId }
  /** A new step `repair.N` of the submission, which then goes to the queue. */
  | { type: "write"; submissionId: SubmissionId; entity: Entity; content: StepContent & { repair: StepRepair } };

/** `busy`: a run works on the submission. `changed`: it is not any more what the discrepancy says. */
export type RepairVerdict = "queued" | "done" | "busy" | "changed";

export interface CheckLedger {
  /** Begins a check, or goes on with one of the same scope that was stopped less than `resumeWithinMs` ago. */
  openCheck(
    account: AccountId,
    run: RunId,
    scope: CheckScope,
    nowMs: number,
    resumeWithinMs: number,
  ): Promise<CheckRow>;
  /** The last check that ended; null: none. */
  lastCheck(): Promise<CheckRow | null>;
  /** What is in the scope: submissions (without history and dropped ones), and distinct records of done steps. */
  scopeSize(scope: CheckScope): Promise<{ submissions: number; records: Record<Entity, number> }>;
  /** The submissions of `scopeSize` alone, which costs a fraction. */
  submissionsIn(scope: CheckScope): Promise<number>;
  /** Keeps what a page showed, and how far the check got, in one transaction. Safe to repeat; later sightings win. */
  saveSightings(check: CheckId, sightings: readonly Sighting[], progress: unknown, nowMs: number): Promise<void>;
  /** Done steps on these records, by record, in the order in which they were written. */
  ownWrites(entity: Entity, ids: readonly CrmId[]): Promise<Map<CrmId, OwnWrite[]>>;
  /** The submissions that stamps name, also hashed ones; unknown stamps are absent. */
  stampedSubmissions(stamps: readonly string[]): Promise<Map<string, SubmissionId>>;
  /** Those of these submissions that are to be sent, and of whose record of this entity the ledger never sent anything. */
  neverSent(entity: Entity, ids: readonly SubmissionId[]): Promise<SubmissionId[]>;
  /** Records of done steps in the check's scope that the check has not seen yet. */
  unsighted(check: CheckId, entity: Entity, after: string | null, limit: number): Promise<Page<CrmId>>;
  lostRecords(check: CheckId, after: string | null, limit: number): Promise<Page<LostRecord>>;
  extraRecords(check: CheckId, after: string | null, limit: number): Promise<Page<ExtraRecord>>;
  driftedRecords(check: CheckId, after: string | null, limit: number): Promise<Page<DriftedRecord>>;
  mislinkedDeals(check: CheckId, after: string | null, limit: number): Promise<Page<MislinkedDeal>>;
  unfinished(scope: CheckScope, after: string | null, limit: number): Promise<Page<Unfinished>>;
  /** By source and time of ingest, oldest first. */
  openRejects(scope: CheckScope, after: string | null, limit: number): Promise<Page<OpenReject>>;
  identityGroups(
    check: CheckId,
    entity: "person" | "organization",
    after: string | null,
    limit: number,
  ): Promise<Page<IdentityGroup>>;
  /** Writes down what the check found. A known one that was `gone` or `repaired` is `new` again; `accepted` stays. */
  saveDiscrepancies(check: CheckId, found: readonly FoundDiscrepancy[], nowMs: number): Promise<void>;
  /**
   * Ends the check: open ones in its scope that it did not find are `repaired` where a repair was queued, else `gone`.
   * Accepted ones that it did not find are `gone` too.
   */
  finishCheck(check: CheckId, summary: unknown, nowMs: number): Promise<void>;
  discrepancies(filter: DiscrepancyFilter, after: string | null, limit: number): Promise<Page<DiscrepancyRow>>;
  countDiscrepancies(
    filter: DiscrepancyFilter,
  ): Promise<{ class: DiscrepancyClass; kind: string; state: DiscrepancyState; count: number }[]>;
  /** Closes `new` and `open` ones without repair; how many. */
  acceptDiscrepancies(filter: DiscrepancyFilter, why: string, nowMs: number): Promise<number>;
  /** Carries out one repair each in one transaction, and counts it at its discrepancy. In the order of `repairs`. */
  queueRepairs(
    account: AccountId,
    repairs: readonly { discrepancyId: string; order: RepairOrder }[],
    nowMs: number,
  ): Promise<RepairVerdict[]>;
}
