/** The submission's own shape, as contract and JSON samples give it, read leniently. */
import { normalizeEmail, type PhoneNormalizer } from "../domain/identity.ts";
import {
  type DealContent,
  LANES,
  type Lane,
  type OrganizationContent,
  type PersonContent,
  type SubmissionContent,
} from "../domain/submission.ts";
import type { TimeReader } from "./time.ts";
import {
  badValue,
  cleanText,
  type Findings,
  isAbsent,
  readFields,
  readNumber,
  readObject,
  readText,
  readTexts,
} from "./values.ts";

/** Members of the shape; a map's targets are these paths, and `fields` takes any name below it. */
export const SHAPE: Readonly<Record<string, readonly string[]>> = {
  "": ["id", "submittedAt", "lane", "person", "organization", "deal", "notes", "traceparent"],
  person: ["name", "email", "phone", "owner", "labels", "fields"],
  organization: ["name", "owner", "labels", "fields"],
  deal: ["title", "value", "currency", "pipeline", "stage", "owner", "labels", "key", "fields"],
};

export interface ShapeContext {
  phone: PhoneNormalizer;
  /** Of the source, for numbers written nationally. */
  country: string | null;
  time: TimeReader;
}

export interface ReadSubmission {
  /** The source's own event id. */
  id: string | null;
  submittedAtMs: number | null;
  lane: Lane | null;
  content: SubmissionContent;
}

/** Reads a submission. Whatever can't be taken goes to `findings`; nothing is thrown. */
export function readSubmission(value: unknown, context: ShapeContext, findings: Findings): ReadSubmission {
  const body = readObject(findings, "submission", value) ?? {};
  noteUnknown(findings, "", body);
  const content: SubmissionContent = {};
  const person = readPerson(body.person, context, findings);
  const organization = readOrganization(body.organization, findings);
  const deal = readDeal(body.deal, findings);
  const notes = readTexts(body.notes);
  if (person !== undefined) content.person = person;
  if (organization !== undefined) content.organization = organization;
  if (deal !== undefined) content.deal = deal;
  if (notes.length > 0) content.notes = notes;
  const traceparent = readText(findings, "traceparent", body.traceparent);
  if (traceparent !== undefined) content.traceparent = traceparent;
  const id = readText(findings, "id", body.id) ?? null;
  const submittedAtMs = readInstant(body.submittedAt, context.time, findings);
  return { id, submittedAtMs, lane: readLane(body.lane, findings), content };
}

function readPerson(value: unknown, context: ShapeContext, findings: Findings): PersonContent | undefined {
  const body = readObject(findings, "person", value);
  if (body === undefined) return undefined;
  noteUnknown(findings, "person", body);
  return orAbsent({
    name: readName(findings, "person.name", body.name),
    email: readEmail(body.email, findings),
    phone: readPhone(body.phone, context, findings),
    owner: readText(findings, "person.owner", body.owner),
    labels: readLabels(body.labels),
    fields: readFields(findings, "person.fields", body.fields),
  });
}

function readOrganization(value: unknown, findings: Findings): OrganizationContent | undefined {
  const body = readObject(findings, "organization", typeof value === "string" ? { name: value } : value);
  if (body === undefined) return undefined;
  noteUnknown(findings, "organization", body);
  return orAbsent({
    name: readName(findings, "organization.name", body.name),
    owner: readText(findings, "organization.owner", body.owner),
    labels: readLabels(body.labels),
    fields: readFields(findings, "organization.fields", body.fields),
  });
}

/** A deal that is there but empty is a wish for a deal: it gets a title of its own later. */
function readDeal(value: unknown, findings: Findings): DealContent | undefined {
  const body = readObject(findings, "deal", value);
  if (body === undefined) return undefined;
  noteUnknown(findings, "deal", body);
  const deal: DealContent = {
    title: readName(findings, "deal.title", body.title),
    value: readNumber(findings, "deal.value", body.value),
    currency: readCurrency(body.currency, findings),
    pipeline: readText(findings, "deal.pipeline", body.pipeline),
    stage: readText(findings, "deal.stage", body.stage),
    owner: readText(findings, "deal.owner", body.owner),
    labels: readLabels(body.labels),
    key: readText(findings, "deal.key", body.key),
    fields: readFields(findings, "deal.fields", body.fields),
  };
  return orAbsent(deal) ?? {};
}

/** Without the members that are undefined; undefined where none is left. Its names are those of a submission. */
function orAbsent<T extends object>(value: T): T | undefined {
  const present: Partial<T> = {};
  let isEmpty = true;
  for (const name of Object.keys(value) as (keyof T)[]) {
    if (value[name] === undefined) continue;
    present[name] = value[name];
    isEmpty = false;
  }
  return isEmpty ? undefined : (present as T);
}

function noteUnknown(findings: Findings, section: string, body: Record<string, unknown>): void {
  const known = SHAPE[section] as readonly string[];
  for (const name of Object.keys(body)) {
    if (known.includes(name) || isAbsent(body[name])) continue;
    findings.unknown.push(section === "" ? cleanText(name) : `${section}.${cleanText(name)}`);
  }
}

/** Names stand on one line at the CRM. */
function readName(findings: Findings, path: string, value: unknown): string | undefined {
  const text = readText(findings, path, value);
  return text === undefined ? undefined : onOneLine(text);
}

export function onOneLine(text: string): string {
  return /\s\s|[^\S ]/.test(text) ? text.replace(/\s+/g, " ") : text;
}

function readEmail(value: unknown, findings: Findings): string | undefined {
  const text = readText(findings, "person.email", value);
  if (text === undefined) return undefined;
  return normalizeEmail(text) ?? badValue(findings, "person.email", text, "this is no e-mail address");
}

/** E.164 where that is possible, else the text as it came: kept at the CRM, not matched. */
function readPhone(value: unknown, context: ShapeContext, findings: Findings): string | undefined {
  const text = readText(findings, "person.phone", value);
  if (text === undefined) return undefined;
  return context.phone(text, context.country ?? undefined) ?? text;
}

export function readCurrency(value: unknown, findings: Findings): string | undefined {
  const text = readText(findings, "deal.currency", value);
  if (text === undefined) return undefined;
  if (/^[a-z]{3}$/i.test(text)) return text.toUpperCase();
  return badValue(findings, "deal.currency", text, "a three-letter currency code is needed, such as EUR");
}

function readLabels(value: unknown): string[] | undefined {
  const labels = readTexts(value);
  return labels.length === 0 ? undefined : labels;
}

function readInstant(value: unknown, time: TimeReader, findings: Findings): number | null {
  if (isAbsent(value)) return null;
  const instant = time(value);
  if (instant === null) {
    badValue(
      findings,
      "submittedAt",
      value,
      "a time is needed, such as 2026-11-20T10:15:00Z; the time of ingest is used",
    );
  }
  return instant;
}

function readLane(value: unknown, findings: Findings): Lane | null {
  const text = readText(findings, "lane", value);
  if (text === undefined) return null;
  const lane = LANES.find((known) => known === text.toLowerCase());
  if (lane === undefined) badValue(findings, "lane", text, `one of ${LANES.join(", ")} is needed`);
  return lane ?? null;
}
