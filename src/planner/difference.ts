/** What an update of a known record would change. Pure. */
import type { FieldedEntity } from "../domain/catalog.ts";
import type { EntityValues, StepContent } from "../domain/chain.ts";
import { normalizeEmail } from "../domain/identity.ts";
import type { CrmId } from "../domain/ids.ts";
import { canonicalJson } from "../domain/json.ts";
import type { CrmRecord, Links } from "../domain/operation.ts";
import type { Difference, PlanContext } from "./planner.ts";

/**
 * See `Difference`. Owner, pipeline, stage and status of a known record are never touched, an organization's name neither
 * (it is what it was found by). E-mails and phones are only ever added to; labels are added to by `overwrite`.
 */
export const difference: Difference = (content, record, context) => {
  if (content.onMatch === "keep" || record.entity === "note") return null;
  const changes: EntityValues = {
    ...nameChange(content, record, context),
    ...listChanges(content.values, record, context),
    ...labelChange(content, record),
    ...amountChange(content, record),
    ...fieldChange(content, record, record.entity, context),
  };
  return Object.keys(changes).length === 0 ? null : changes;
};

/**
 * The links that a known person or deal lacks: a person without an organization gets the chain's. An existing link is
 * never replaced, but by a revision the one that its earlier versions made. Null: none to add.
 */
export function missingLinks(
  content: StepContent,
  record: CrmRecord,
  ids: { organizationId: CrmId | null; personId?: CrmId | null },
): Links | null {
  if (content.onMatch === "keep" || record.entity === "organization" || record.entity === "note") return null;
  const links: Links = {};
  if (ids.organizationId !== null && takesOrganization(content, record, ids.organizationId))
    links.organization = { id: ids.organizationId };
  if (record.entity === "deal" && ids.personId != null && record.personId === null) links.person = { id: ids.personId };
  return Object.keys(links).length === 0 ? null : links;
}

function takesOrganization({ amends }: StepContent, { organizationId }: CrmRecord, wanted: CrmId): boolean {
  return organizationId === null || (organizationId !== wanted && organizationId === amends?.organizationId);
}

/** Won and lost are people's decisions, also where a map names the field: it serves for a create. */
const DEAL_STATUS = "status";

const isEmpty = (value: unknown): boolean =>
  value === undefined || value === null || value === "" || (Array.isArray(value) && value.length === 0);

function nameChange(content: StepContent, record: CrmRecord, context: PlanContext): EntityValues {
  if (content.nameIsStandIn === true || record.entity === "organization") return {};
  const member = record.entity === "deal" ? "title" : "name";
  const wanted = content.values[member];
  const there = record[member];
  if (wanted === undefined || wanted === there) return {};
  const replaceable = content.onMatch === "overwrite" || isEmpty(there?.trim()) || isStandIn(content, record, context);
  return replaceable ? { [member]: wanted } : {};
}

/** A person called after an e-mail address or phone number, theirs or the one that we bring, has no name yet. */
function isStandIn(content: StepContent, record: CrmRecord, context: PlanContext): boolean {
  const name = record.name?.trim();
  if (record.entity !== "person" || name === undefined) return false;
  const emails = [...record.emails, ...(content.values.emails ?? [])];
  const phones = [...record.phones, ...(content.values.phones ?? [])];
  return emails.some((email) => sameEmail(email, name)) || phones.some((phone) => samePhone(phone, name, context));
}

function sameEmail(a: string, b: string): boolean {
  return (normalizeEmail(a) ?? a.trim().toLowerCase()) === (normalizeEmail(b) ?? b.trim().toLowerCase());
}

function samePhone(a: string, b: string, context: PlanContext): boolean {
  const form = (text: string): string =>
    context.phone(text, context.country ?? undefined) ?? text.replace(/[\s()./-]/g, "").toLowerCase();
  return form(a) === form(b);
}

function listChanges(values: EntityValues, record: CrmRecord, context: PlanContext): EntityValues {
  if (record.entity !== "person") return {};
  const emails = added(record.emails, values.emails ?? [], sameEmail);
  const phones = added(record.phones, values.phones ?? [], (a, b) => samePhone(a, b, context));
  return { ...(emails === null ? {} : { emails }), ...(phones === null ? {} : { phones }) };
}

/** The whole list with what it lacks at its end; null where it lacks nothing. */
function added(
  there: readonly string[],
  wanted: readonly string[],
  same: (a: string, b: string) => boolean,
): string[] | null {
  const whole = [...there];
  for (const each of wanted) if (!whole.some((known) => same(known, each))) whole.push(each);
  return whole.length === there.length ? null : whole;
}

function labelChange(content: StepContent, record: CrmRecord): EntityValues {
  if (content.onMatch === "fillEmpty" && record.labelIds.length > 0) return {};
  const labelIds = added(record.labelIds, content.values.labelIds ?? [], (a, b) => a === b);
  return labelIds === null ? {} : { labelIds };
}

/** A deal's amount is empty at 0, too: CRMs give new deals that. Its currency changes only together with it. */
function amountChange(content: StepContent, record: CrmRecord): EntityValues {
  const { value, currency } = content.values;
  if (record.entity !== "deal" || value === undefined) return {};
  const replaceable = content.onMatch === "overwrite" || record.value === null || record.value === 0;
  const differs = value !== (record.value ?? 0) || (currency !== undefined && currency !== record.currency);
  if (!replaceable || !differs) return {};
  return currency === undefined ? { value } : { value, currency };
}

function fieldChange(
  content: StepContent,
  record: CrmRecord,
  entity: FieldedEntity,
  context: PlanContext,
): EntityValues {
  const fields: Record<string, unknown> = {};
  for (const [code, ours] of Object.entries(content.values.fields ?? {})) {
    const theirs = record.fields[code];
    if (entity === "deal" && code === DEAL_STATUS) continue;
    if (content.onMatch === "fillEmpty" && !isEmpty(theirs)) continue;
    const def = context.catalog.fields[entity]?.find((each) => each.code === code);
    const same = (): boolean =>
      def === undefined ? canonicalJson(ours) === canonicalJson(theirs) : context.codec.equal(def, ours, theirs);
    if (isEmpty(theirs) || !same()) fields[code] = ours;
  }
  return Object.keys(fields).length === 0 ? {} : { fields };
}
