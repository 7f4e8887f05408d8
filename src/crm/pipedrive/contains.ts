/** Whether what we wrote is in a record that was read later. */
import type { Catalog, FieldDef, FieldedEntity } from "../../domain/catalog.ts";
import type { EntityValues } from "../../domain/chain.ts";
import { canonicalJson } from "../../domain/json.ts";
import type { CrmRecord, Links, Ref, UpdateOperation } from "../../domain/operation.ts";
import { pipedriveCodec } from "./fields/codec.ts";
import { sameNote } from "./note-text.ts";

/** Compares as the CRM normalises: outer spaces, case of e-mail addresses, punctuation of phone numbers. */
export function contains(
  record: CrmRecord,
  update: Pick<UpdateOperation, "entity" | "values" | "links">,
  catalog: Catalog,
): boolean {
  const { values, links, entity } = update;
  return (
    (values.text === undefined || sameNote(record.text ?? "", values.text, "text")) &&
    textsIn(record, values) &&
    idsIn(record, values) &&
    linksIn(record, links) &&
    includesAll(record.emails, values.emails, (text) => text.trim().toLowerCase()) &&
    includesAll(record.phones, values.phones, (text) => text.replace(/[^\d+]/g, "")) &&
    (entity === "note" || fieldsIn(record, values, catalog.fields[entity] ?? [], entity))
  );
}

function textsIn(record: CrmRecord, values: EntityValues): boolean {
  const pairs = [
    [values.name, record.name],
    [values.title, record.title],
    [values.currency, record.currency],
  ] as const;
  return (
    pairs.every(([ours, theirs]) => ours === undefined || fold(ours) === fold(theirs ?? "")) &&
    (values.value === undefined || values.value === record.value)
  );
}

const fold = (text: string): string => text.normalize("NFC").replace(/\s+/g, " ").trim();

function idsIn(record: CrmRecord, values: EntityValues): boolean {
  return (
    (values.ownerId === undefined || values.ownerId === record.ownerId) &&
    (values.pipelineId === undefined || values.pipelineId === record.pipelineId) &&
    (values.stageId === undefined || values.stageId === record.stageId) &&
    includesAll(record.labelIds, values.labelIds, (id) => id)
  );
}

function linksIn(record: CrmRecord, links: Links): boolean {
  const holds = (ref: Ref | undefined, theirs: string | null) =>
    ref === undefined || !("id" in ref) || ref.id === theirs;
  return (
    holds(links.organization, record.organizationId) &&
    holds(links.person, record.personId) &&
    holds(links.deal, record.dealId)
  );
}

function includesAll(
  theirs: readonly string[],
  ours: readonly string[] | undefined,
  key: (text: string) => string,
): boolean {
  const there = new Set(theirs.map(key));
  return (ours ?? []).every((entry) => there.has(key(entry)));
}

function fieldsIn(record: CrmRecord, values: EntityValues, defs: readonly FieldDef[], entity: FieldedEntity): boolean {
  return Object.entries(values.fields ?? {}).every(([code, ours]) => {
    const def = defs.find((candidate) => candidate.code === code && candidate.entity === entity);
    const theirs = record.fields[code];
    return def === undefined ? canonicalJson(ours) === canonicalJson(theirs) : pipedriveCodec.equal(def, ours, theirs);
  });
}
