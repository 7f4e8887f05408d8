/**
 * What the CRM's answer to a write holds against what was sent. Costs no request; where an answer does not show a member,
 * nothing is said of it. A difference of form is none.
 */
import type { CrmAdapter } from "../crm/adapter.ts";
import type { Catalog, Entity } from "../domain/catalog.ts";
import type { EntityValues } from "../domain/chain.ts";
import type { CrmRecord, WriteOperation } from "../domain/operation.ts";
import type { EchoFinding } from "../ledger/findings.ts";

export interface EchoContext {
  adapter: Pick<CrmAdapter, "codec" | "contains" | "sameNote">;
  catalog: Catalog;
}

type Found = { field: string; finding: EchoFinding };
type Sent = Pick<WriteOperation, "entity" | "values" | "format">;

const TEXTS = ["name", "title", "value", "currency"] as const;
const IDS = { ownerId: "owner", pipelineId: "pipeline", stageId: "stage" } as const;

/** The fields of one write that did not arrive as they were sent. */
export function echoFindings(sent: Sent, record: CrmRecord, context: EchoContext): Found[] {
  if (isThin(record)) return [];
  if (sent.entity === "note") return noteFinding(sent, record, context);
  const { values, entity } = sent;
  const differs = (part: EntityValues): boolean =>
    !context.adapter.contains(record, { entity, values: part, links: {} }, context.catalog);
  const found: Found[] = [];
  for (const name of TEXTS) {
    if (values[name] !== undefined && differs({ [name]: values[name] }))
      found.push({ field: name, finding: findingOf(values[name], record[name]) });
  }
  for (const [name, field] of Object.entries(IDS) as [keyof typeof IDS, string][]) {
    if (record[name] !== null && values[name] !== undefined && differs({ [name]: values[name] }))
      found.push({ field, finding: "coerced" });
  }
  const listsLabels = record.listsLabels === true || record.labelIds.length > 0;
  if (listsLabels && values.labelIds && differs({ labelIds: values.labelIds }))
    found.push({ field: "labels", finding: "dropped" });
  return [
    ...found,
    ...contactFindings(values, record, differs),
    ...fieldFindings(values, record, entity, context, differs),
  ];
}

/** No CRM has records without a name: such an answer is not the record. */
function isThin({ entity, name, title, text }: CrmRecord): boolean {
  return (entity === "note" ? text : entity === "deal" ? title : name) === null;
}

function contactFindings(values: EntityValues, record: CrmRecord, differs: (part: EntityValues) => boolean): Found[] {
  return (["emails", "phones"] as const).flatMap((name) => {
    const lost = (values[name] ?? []).filter((entry) => differs({ [name]: [entry] }));
    const [first] = lost;
    if (first === undefined || (record[name].length === 0 && record.fields[name] === undefined)) return [];
    const cut = record[name].some((entry) => findingOf(first, entry) === "truncated");
    const fewer = record[name].length < (values[name] ?? []).length;
    return [{ field: name, finding: cut ? "truncated" : fewer ? "dropped" : "coerced" }];
  });
}

function fieldFindings(
  values: EntityValues,
  record: CrmRecord,
  entity: Exclude<Entity, "note">,
  { adapter, catalog }: EchoContext,
  differs: (part: EntityValues) => boolean,
): Found[] {
  const defs = catalog.fields[entity] ?? [];
  const showsCustom = defs.some((def) => def.custom && Object.hasOwn(record.fields, def.code));
  return Object.entries(values.fields ?? {}).flatMap(([code, value]) => {
    const def = defs.find((each) => each.code === code);
    const shown = Object.hasOwn(record.fields, code) || (def?.custom === true && showsCustom);
    if (def === undefined || isEmpty(value) || !shown || !differs({ fields: { [code]: value } })) return [];
    const theirs = record.fields[code];
    if (isEmpty(theirs)) return [{ field: def.name, finding: "dropped" }];
    const [ours, seen] = [value, theirs].map((wire) => adapter.codec.display(def, wire, catalog));
    return [{ field: def.name, finding: findingOf(ours, seen) }];
  });
}

function noteFinding({ values, format }: Sent, { text }: CrmRecord, { adapter }: EchoContext): Found[] {
  if (values.text === undefined || adapter.sameNote(text ?? "", values.text, format ?? "text")) return [];
  return [{ field: "text", finding: findingOf(bareText(values.text), bareText(text ?? "")) }];
}

const isEmpty = (value: unknown): boolean =>
  value === undefined || value === null || value === "" || (Array.isArray(value) && value.length === 0);

const bareText = (html: string): string => html.replace(/<[^>]*>/g, "");

function findingOf(ours: unknown, theirs: unknown): EchoFinding {
  if (isEmpty(theirs)) return "dropped";
  if (typeof ours !== "string" || typeof theirs !== "string") return "coerced";
  const [sent, seen] = [ours, theirs].map((text) => text.normalize("NFC").replace(/\s+/g, ""));
  return seen!.length < sent!.length && sent!.startsWith(seen!) ? "truncated" : "coerced";
}
