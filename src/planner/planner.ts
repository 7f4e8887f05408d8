/**
 * The planner's contract. Pure and deterministic: a submission, the account's catalog and the source's settings make a
 * chain of steps with frozen content; a step's content and the record at the CRM make a create, an update or nothing.
 */
import type { Catalog, CatalogPart, FieldCodec } from "../domain/catalog.ts";
import type { EarlierStep, EntityValues, FailureAbout, PlannedStep, StepContent } from "../domain/chain.ts";
import type { PhoneNormalizer } from "../domain/identity.ts";
import type { CrmRecord } from "../domain/operation.ts";
import type { PlanSettings } from "../domain/settings.ts";
import type { BadValue, SubmissionContent } from "../domain/submission.ts";

export interface PlanContext {
  catalog: Catalog;
  codec: FieldCodec;
  phone: PhoneNormalizer;
  /** Longest note in characters. */
  noteLengthMax: number;
  /** For CRM phone numbers written nationally (`persons.country`); absent: none. */
  country?: string | null;
}

export interface PlanInput {
  source: string;
  key: string;
  content: SubmissionContent;
  settings: PlanSettings;
  /** Of a revision: the steps of the earlier versions that are at the CRM, oldest first. */
  earlier?: readonly EarlierStep[];
}

export type PlanResult =
  | { type: "planned"; steps: PlannedStep[]; badValues: BadValue[] }
  /** Parts of the catalog that this submission needs and that were not fetched yet. */
  | { type: "needs"; parts: CatalogPart[] }
  /** A name that the CRM doesn't have: pipeline, stage or field. Holds the source, fails nobody. */
  | { type: "unknownName"; what: "pipeline" | "stage" | "field"; name: string; message: string; hint: string }
  /** `onBadValue: reject`, or nothing in it that a chain could be made of. */
  | { type: "unplannable"; code: string; message: string; hint: string; about?: FailureAbout };

export type PlanChain = (input: PlanInput, context: PlanContext) => PlanResult;

/** The record chosen for a step, or null for a new one, and why in one sentence for `show`. */
export interface Choice {
  record: CrmRecord | null;
  explanation: string;
}

/**
 * Chooses among confirmed candidates for a person: by the order of the match keys, a phone match only where submission or
 * record has no e-mail, the oldest (created first, then lowest id) of several.
 */
export type ChoosePerson = (content: StepContent, candidates: readonly CrmRecord[], context: PlanContext) => Choice;

/** What an update would change; null: nothing, so none is sent. Arrays in the result are whole, others kept. */
export type Difference = (content: StepContent, record: CrmRecord, context: PlanContext) => EntityValues | null;
