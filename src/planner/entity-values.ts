/** Makes the wanted values of a person, an organization or a deal from a submission, and notes what could not be taken. */
import type { FieldDef, FieldedEntity } from "../domain/catalog.ts";
import type { EntityValues } from "../domain/chain.ts";
import type { BadValue, DealContent, OrganizationContent, PersonContent } from "../domain/submission.ts";
import { isBlank, ownerIsPerson } from "./needed-parts.ts";
import { cleanText } from "./note-text.ts";
import type { PlanContext, PlanInput } from "./planner.ts";
import { findField, findLabel, findPipeline, findStage, findUser, type UnknownName } from "./resolve-names.ts";

/** What planning a submission found out on its way. */
export interface Findings {
  badValues: BadValue[];
  /** The first name that the CRM does not have. */
  unknown: UnknownName | null;
}

export interface Planning {
  input: PlanInput;
  context: PlanContext;
  findings: Findings;
}

/** A value as people would write it. */
export function textOf(value: unknown): string {
  if (typeof value === "string") return value;
  if (Array.isArray(value)) return value.map(textOf).join(", ");
  if (typeof value === "object" && value !== null)
    return JSON.stringify(value, (_, member: unknown) => (typeof member === "bigint" ? String(member) : member));
  return String(value);
}

export function addBadValue(
  planning: Planning,
  path: string,
  name: string,
  value: unknown,
  reason: string,
  isOption = false,
): void {
  const label = planning.input.settings.labels?.[path] ?? name;
  planning.findings.badValues.push({ path, label, value: textOf(value), reason, ...(isOption && { isOption }) });
}

/** A name that the CRM doesn't have: holds the source where its map says so, else it is a bad value like others. */
function addUnknown(planning: Planning, path: string, value: unknown, unknown: UnknownName): void {
  if (planning.input.settings.unknownNames === "note")
    addBadValue(planning, path, unknown.name, value, unknown.message);
  else planning.findings.unknown ??= unknown;
}

/** Trimmed text, or undefined where there is none. Sources give numbers where text is meant. */
export function textIn(value: unknown): string | undefined {
  return isBlank(value) ? undefined : cleanText(textOf(value)).trim();
}

/** Owner, labels and fields: what every entity can have. */
export function commonValues(
  planning: Planning,
  entity: FieldedEntity,
  content: PersonContent | OrganizationContent | DealContent,
): EntityValues {
  const values: EntityValues = {};
  const { catalog } = planning.context;
  const owner = textIn(content.owner);
  if (owner !== undefined && !(entity === "deal" && ownerIsPerson(owner))) {
    const found = findUser(catalog.users ?? [], owner);
    if (found.ok) values.ownerId = found.value;
    else addBadValue(planning, `${entity}.owner`, "Owner", owner, found.reason);
  }
  const labelIds = labelIdsOf(planning, entity, content.labels ?? []);
  if (labelIds.length > 0) values.labelIds = labelIds;
  const fields = fieldsOf(planning, entity, content.fields ?? {});
  if (Object.keys(fields).length > 0) values.fields = fields;
  return values;
}

function labelIdsOf(planning: Planning, entity: FieldedEntity, labels: readonly string[]): string[] {
  const ids = new Set<string>();
  for (const each of labels) {
    const label = textIn(each);
    if (label === undefined) continue;
    const found = findLabel(planning.context.catalog.labels[entity] ?? [], label);
    if (found.ok) ids.add(found.value);
    else addBadValue(planning, `${entity}.labels`, "Label", label, found.reason, true);
  }
  return [...ids];
}

function fieldsOf(planning: Planning, entity: FieldedEntity, fields: Record<string, unknown>): Record<string, unknown> {
  const encoded: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields)) {
    if (isBlank(value)) continue;
    const found = findField(planning.context.catalog, entity, name);
    if (!found.ok) {
      addUnknown(planning, `${entity}.fields.${name}`, value, found.unknown);
      continue;
    }
    const def = found.value;
    const result = encodeField(planning, def, value);
    if (!result.ok)
      addBadValue(planning, `${entity}.fields.${name}`, def.name, value, result.reason, def.options.length > 0);
    else if (result.value !== undefined) encoded[def.code] = result.value;
  }
  return encoded;
}

function encodeField(planning: Planning, def: FieldDef, value: unknown) {
  const clean = typeof value === "string" ? cleanText(value) : value;
  return planning.context.codec.encode(def, clean, planning.context.catalog);
}

/** What only deals have. */
export function dealValues(planning: Planning, deal: DealContent): EntityValues {
  const values: EntityValues = commonValues(planning, "deal", deal);
  if (typeof deal.value === "number" && Number.isFinite(deal.value)) values.value = deal.value;
  else if (!isBlank(deal.value)) addBadValue(planning, "deal.value", "Value", deal.value, "not a number");
  const currency = textIn(deal.currency)?.toUpperCase();
  if (currency !== undefined && /^[A-Z]{3}$/.test(currency)) values.currency = currency;
  else if (currency !== undefined)
    addBadValue(planning, "deal.currency", "Currency", deal.currency, "not a currency code of three letters");
  return { ...values, ...placeOf(planning, deal) };
}

function placeOf(planning: Planning, deal: DealContent): Pick<EntityValues, "pipelineId" | "stageId"> {
  const { catalog } = planning.context;
  const pipelineName = textIn(deal.pipeline);
  const stageName = textIn(deal.stage);
  const pipeline = pipelineName === undefined ? null : findPipeline(catalog, pipelineName);
  if (pipeline !== null && !pipeline.ok) {
    addUnknown(planning, "deal.pipeline", pipelineName, pipeline.unknown);
    return {};
  }
  if (stageName === undefined) return pipeline === null ? {} : { pipelineId: pipeline.value.id };
  const stage = findStage(catalog, stageName, pipeline?.value ?? null);
  if (stage.ok) return { pipelineId: stage.value.pipelineId, stageId: stage.value.id };
  addUnknown(planning, "deal.stage", stageName, stage.unknown);
  return {};
}
