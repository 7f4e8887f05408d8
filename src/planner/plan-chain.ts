/** Plans a submission's chain: organization, person, deal, notes, in this order, and only those that its content needs. */
import type { Entity } from "../domain/catalog.ts";
import type { EntityValues, PlannedStep, StepContent, StepName } from "../domain/chain.ts";
import {
  emailKey,
  fieldKey,
  foldName,
  type IdentityKey,
  normalizeEmail,
  organizationKey,
  phoneKey,
} from "../domain/identity.ts";
import { matchText } from "../domain/record-keys.ts";
import { stampOf } from "../domain/stamp.ts";
import {
  type DealContent,
  type OrganizationContent,
  type PersonContent,
  submissionName,
} from "../domain/submission.ts";
import { amendSteps } from "./amend-steps.ts";
import { badValueStop } from "./bad-value.ts";
import { notePieces } from "./delivered-notes.ts";
import { addBadValue, commonValues, dealValues, type Planning, textIn } from "./entity-values.ts";
import { isBlank, neededParts, ownerIsPerson } from "./needed-parts.ts";
import { planNotes } from "./plan-notes.ts";
import type { PlanChain, PlanContext, PlanInput, PlanResult } from "./planner.ts";
import { findField } from "./resolve-names.ts";

const MATCH_FIELD = "person.fields.";

/** See `PlanChain`. Asks for missing parts of the catalog first; then the same input always gives the same result. */
export const planChain: PlanChain = (input, context) => {
  const parts = neededParts(input.content, context.catalog);
  if (parts.length > 0) return { type: "needs", parts };
  const planning: Planning = {
    input,
    context,
    findings: { badValues: [...(input.content.badValues ?? [])], unknown: null },
  };
  const organization = organizationStep(planning);
  const person = personStep(planning);
  const deal = dealStep(planning, person.values);
  const stop = obstacle(planning, person);
  if (stop !== null) return stop;
  const steps = [
    ...(organization === null ? [] : [toStep(input, "organization", "organization", organization)]),
    toStep(input, "person", "person", person),
    ...(deal === null ? [] : [toStep(input, "deal", "deal", deal)]),
    ...noteSteps(planning),
  ];
  return {
    type: "planned",
    steps: amendSteps(steps, input.earlier ?? [], context),
    badValues: planning.findings.badValues,
  };
};

function toStep(input: PlanInput, name: StepName, entity: Entity, content: StepContent): PlannedStep {
  return { name, entity, content, idempotencyKey: `${submissionName(input.source, input.key)}#${name}` };
}

/** Why no chain can be made, in the order in which a person would mend it; null when it can. */
function obstacle(planning: Planning, person: StepContent): PlanResult | null {
  const { findings, input } = planning;
  if (findings.unknown !== null) return findings.unknown;
  if (person.values.name === undefined) {
    return {
      type: "unplannable",
      code: "NO_IDENTITY",
      message: "The submission has no e-mail address, no phone number and no match field.",
      hint: "Mend it with `crmledger failed edit`, or map one of them.",
    };
  }
  if (input.settings.onBadValue === "reject" && findings.badValues.length > 0) {
    return badValueStop(findings.badValues);
  }
  return null;
}

function organizationStep(planning: Planning): StepContent | null {
  const organization: OrganizationContent = planning.input.content.organization ?? {};
  const name = textIn(organization.name);
  if (name !== undefined && foldName(name) !== "") {
    return {
      values: { name, ...commonValues(planning, "organization", organization) },
      onMatch: planning.input.settings.persons.onMatch,
      matchKeys: [organizationKey(name)],
    };
  }
  for (const [field, value] of Object.entries(organization.fields ?? {})) {
    if (isBlank(value)) continue;
    addBadValue(planning, `organization.fields.${field}`, field, value, "the organization has no name");
  }
  return null;
}

/** Without anything to know the person by, `name` stays undefined and the chain can't be made. */
function personStep(planning: Planning): StepContent {
  const person: PersonContent = planning.input.content.person ?? {};
  const { persons } = planning.input.settings;
  const values: EntityValues = commonValues(planning, "person", person);
  const email = textIn(person.email);
  const phone = textIn(person.phone);
  const phoneE164 = phone === undefined ? null : planning.context.phone(phone);
  if (email !== undefined) values.emails = [email];
  if (phone !== undefined) values.phones = [phoneE164 ?? phone];
  const fieldTexts = persons.match.map((match) => matchFieldText(planning.context, values, match));
  const givenName = textIn(person.name);
  const standIn = email ?? values.phones?.[0] ?? fieldTexts.find((text) => text !== null) ?? undefined;
  if (standIn !== undefined) values.name = givenName ?? standIn;
  const keys = persons.match.map((match, index): IdentityKey | null => {
    const fieldText = fieldTexts[index] ?? null;
    if (match === "email") return toKey(email === undefined ? null : normalizeEmail(email), emailKey);
    if (match === "phone") return toKey(phoneE164, phoneKey);
    return toKey(fieldText, (text) => fieldKey(matchFieldName(match), text));
  });
  return {
    values,
    onMatch: persons.onMatch,
    matchKeys: [...new Set(keys.filter((key) => key !== null))],
    ...(givenName === undefined ? { nameIsStandIn: true } : {}),
  };
}

const toKey = (text: string | null, key: (text: string) => IdentityKey): IdentityKey | null =>
  text === null ? null : key(text);

/** The visible name in a `match` entry such as `person.fields.Customer no.`. */
export function matchFieldName(match: string): string {
  return match.startsWith(MATCH_FIELD) ? match.slice(MATCH_FIELD.length) : match;
}

/** The wanted value of a match field as the CRM will show it, so that our key equals the key of the record read back. */
function matchFieldText(context: PlanContext, values: EntityValues, match: string): string | null {
  if (!match.startsWith(MATCH_FIELD) || context.catalog.fields.person === undefined) return null;
  const found = findField(context.catalog, "person", matchFieldName(match));
  return found.ok ? matchText(values.fields?.[found.value.code]) : null;
}

function dealStep(planning: Planning, person: EntityValues): StepContent | null {
  const { content, settings, source } = planning.input;
  const deal: DealContent = content.deal ?? {};
  const wanted = Object.values(deal).some((value) => (Array.isArray(value) ? value.length > 0 : !isEmptyPart(value)));
  if (!wanted && !planning.findings.badValues.some((bad) => bad.path.startsWith("deal."))) return null;
  const title = textIn(deal.title);
  const key = textIn(deal.key);
  return {
    values: { title: title ?? `${person.name ?? source} \u2013 ${source}`, ...dealValues(planning, deal) },
    onMatch: settings.persons.onMatch,
    // Without a key there is nothing that could name another deal.
    dealMatch: settings.deals.match === "key" && key === undefined ? "submission" : settings.deals.match,
    ...(key === undefined ? {} : { dealKey: key }),
    ...(ownerIsPerson(deal.owner) ? { ownerFromPerson: true } : {}),
    ...(title === undefined ? { nameIsStandIn: true } : {}),
  };
}

function isEmptyPart(value: unknown): boolean {
  if (typeof value === "object" && value !== null) return Object.values(value).every(isBlank);
  return isBlank(value);
}

function noteSteps(planning: Planning): PlannedStep[] {
  const { input, context, findings } = planning;
  const contents = planNotes({
    notes: (input.content.notes ?? []).flatMap((note) => textIn(note) ?? []),
    badValues: findings.badValues,
    stamp: stampOf(input.source, input.key),
    settings: input.settings.notes,
    lengthMax: context.noteLengthMax,
    delivered: notePieces(input.earlier ?? []),
  });
  return contents.map((content, index) => toStep(input, `note.${index + 1}`, "note", content));
}
