/**
 * A chain: the steps that one submission needs at the CRM, in the order organization, person, deal, notes. A step is one
 * idempotent write. Its `content` (the wanted values) is frozen when the chain is planned; whether that means a create,
 * an update or nothing is resolved against the CRM when its turn comes.
 */
import type { Entity } from "./catalog.ts";
import type { CrmId, StepId, SubmissionId } from "./ids.ts";

/** `organization`, `person`, `deal`, `note.1`, `note.2`, ... and, behind them, what `reconcile --repair` asked for: `repair.1`, ... */
export type StepName = "organization" | "person" | "deal" | `note.${number}` | `repair.${number}`;

/**
 * `open`: nothing was sent, or what was sent is known not to have been applied. `begun`: the intent is committed, the
 * answer is not there yet. `uncertain`: it may or may not have happened. `pending`: the vendor works on it and gave a
 * handle. `done`: in the CRM, with its id. `failed`: refused for good.
 */
export const STEP_STATES = ["open", "begun", "uncertain", "pending", "done", "failed"] as const;
export type StepState = (typeof STEP_STATES)[number];

/**
 * How a step came to its CRM record. `match`: it was there and needed no write. `adopt`: a write that the ledger had no answer
 * to was found. `merge`, `delete`: what a repair did to it.
 */
export const STEP_ACTIONS = ["create", "update", "match", "adopt", "merge", "delete"] as const;
export type StepAction = (typeof STEP_ACTIONS)[number];

/**
 * Values of a record in neutral names. Ids are the CRM's; `fields` maps field codes to wire values. What is absent is
 * not touched. The planner fills it, the adapter writes it.
 */
export interface EntityValues {
  name?: string;
  emails?: string[];
  phones?: string[];
  ownerId?: CrmId;
  labelIds?: CrmId[];
  title?: string;
  value?: number;
  currency?: string;
  pipelineId?: CrmId;
  stageId?: CrmId;
  /** Of a note: final text in the configured format, reference line included. */
  text?: string;
  fields?: Record<string, unknown>;
}

export type MatchMode = "fillEmpty" | "overwrite" | "keep";
export type DealMatch = "submission" | "key" | "openDealOfPerson";

/** What a `repair.N` step does to a record; `values` of the same content are what an overwrite sends. */
export interface StepRepair {
  do: "overwrite" | "merge" | "delete";
  /** Overwritten, deleted, or merged into `into` (then it is the one that goes). */
  target: CrmId;
  into?: CrmId;
  /** Of an overwritten deal. */
  personId?: CrmId;
  organizationId?: CrmId;
  /** Of an overwritten deal: it hangs on the chain's own person and organization, whose ids are known by then. */
  links?: "chain";
}

/** The frozen content of a step. */
export interface StepContent {
  values: EntityValues;
  /** How a record that is already there is treated. */
  onMatch: MatchMode;
  /** Of a person: keys to find it by, in the order of `persons.match`. Of an organization: its one key. */
  matchKeys?: string[];
  /** Of a deal. */
  dealMatch?: DealMatch;
  dealKey?: string;
  /** Of a deal: take the owner of the chain's person. */
  ownerFromPerson?: boolean;
  /** The submission gave no name or title, so another value stands in: it serves for a create and overwrites nothing. */
  nameIsStandIn?: boolean;
  /** Of a revision: the record that earlier versions wrote. `values` are then only those that changed since. */
  amends?: Amends;
  /** Of a note: `text` or `html`; the adapter turns it into what the CRM stores. */
  format?: "text" | "html";
  /** Of a note: the reference that its last line carries, e.g. `Ref. website/wf_8812 (1/2)`; null when switched off. */
  reference?: string | null;
  /** Of a note that several were joined into: which piece of them this is, from 1, and how long each was without spaces and line ends. */
  joined?: { piece: number; lengths: number[] };
  /** Of a `repair.N` step: it names its record, and neither the order of submissions nor people's edits keep it back. */
  repair?: StepRepair;
}

/** What a revision's step does to a record that earlier versions of the same record of the source wrote. */
export interface Amends {
  id: CrmId;
  /** The organization of the earlier versions: a link to it follows a changed organization, any other link is people's. */
  organizationId: CrmId | null;
  /** The source's own: how it treats values that no earlier version had. */
  onMatch: MatchMode;
}

/** A step of an earlier version that is at the CRM. */
export type EarlierStep = Pick<Step, "entity" | "action" | "crmId" | "content">;

/** What the planner makes of a submission. */
export interface PlannedStep {
  name: StepName;
  entity: Entity;
  content: StepContent;
  /** Stable over re-planning: SOURCE/KEY#step. */
  idempotencyKey: string;
}

export interface Step extends PlannedStep {
  id: StepId;
  submissionId: SubmissionId;
  position: number;
  state: StepState;
  action: StepAction | null;
  crmId: CrmId | null;
  /** Tries that were the step's own fault. */
  attempts: number;
  /** When the answer of the uncertain write was lost. UTC ms. */
  lostAtMs: number | null;
  /** When the uncertain write was sent, for look-ups by time. UTC ms. */
  sentAtMs: number | null;
  /** The same on the monotonic clock of its boot, which no step of the wall clock moves. Of uncertain steps only. */
  sentClock?: { monoMs: number; bootId: string } | null;
  /** Looks taken so far for the uncertain write. */
  probes: number;
  /** Vendor's handle of a pending operation. */
  handle: string | null;
  /** Why this record was chosen, for `show`. */
  explanation: string | null;
  error: StepError | null;
}

export interface StepError {
  /** Groups failures by cause, e.g. `BAD_VALUE:deal.source:webinar`. */
  code: string;
  /** Redacted; what the CRM said, or what happened. */
  message: string;
  hint?: string;
  /** What failures of one code differ in; see `causeOf`. */
  about?: FailureAbout;
}

/** Names of the map and of the CRM: nothing of a person. */
export interface FailureAbout {
  /** A field, such as `deal.Source`, or an operation, such as `deal.create`. */
  subject: string;
  /** The option, label or name that the CRM does not have. */
  value?: string;
}
