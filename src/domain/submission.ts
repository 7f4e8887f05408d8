/**
 * A submission: one event of a source (a form sent, a profile changed, a call ended) that must end up in the CRM.
 * `SubmissionContent` is what a map (or the source itself) makes of a raw record.
 */
export const LANES = ["operational", "background"] as const;
export type Lane = (typeof LANES)[number];

export interface PersonContent {
  name?: string;
  email?: string;
  phone?: string;
  /** An e-mail address or name of a CRM user. */
  owner?: string;
  labels?: string[];
  /** Any writable field of the CRM by its visible name. */
  fields?: Record<string, unknown>;
}

export interface OrganizationContent {
  name?: string;
  owner?: string;
  labels?: string[];
  fields?: Record<string, unknown>;
}

export interface DealContent {
  title?: string;
  /** Amount in the currency's main unit. */
  value?: number;
  /** ISO 4217 code. */
  currency?: string;
  pipeline?: string;
  stage?: string;
  /** A CRM user by e-mail or name, or the word `person` for the person's own owner. */
  owner?: string;
  labels?: string[];
  /** Names the deal where `deals.match` is `key`. */
  key?: string;
  fields?: Record<string, unknown>;
}

/** A value that could not be taken as what its field needs: it goes into the note (`onBadValue: note`) and is counted. */
export interface BadValue {
  /** Path in the submission's shape, such as `deal.value`. */
  path: string;
  /** What people call the field: the record's own name where the map is a plain path, else the field's. */
  label: string;
  /** The value as text. */
  value: string;
  reason: string;
  /** The field takes names that the CRM knows (options, labels), and this is none of them. */
  isOption?: true;
}

export interface SubmissionContent {
  person?: PersonContent;
  organization?: OrganizationContent;
  deal?: DealContent;
  notes?: string[];
  /** The sender's W3C trace context, for traces. No content: two versions that differ in it alone are the same. */
  traceparent?: string;
  /** Values that the intake could not take; the planner adds those that the CRM's fields can't. */
  badValues?: BadValue[];
}

/**
 * States of a submission. `pending`: to be done now. `waiting`: to be done at `dueAtMs`. `inProgress`: claimed by a run.
 * `uncertain`: a step's write may or may not have happened; looked for at `dueAtMs`. `done`, `failed`: ended.
 * `dropped`: set aside by a person. `history`: older than the source's `sendFrom`, never sent.
 */
export const SUBMISSION_STATES = [
  "pending",
  "waiting",
  "inProgress",
  "uncertain",
  "done",
  "failed",
  "dropped",
  "history",
] as const;
export type SubmissionState = (typeof SUBMISSION_STATES)[number];

/** `SOURCE/KEY`, as people and the CRM's stamp write it. */
export function submissionName(source: string, key: string): string {
  return `${source}/${key}`;
}
