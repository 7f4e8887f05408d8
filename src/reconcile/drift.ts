/** What we wrote last to a record against what it holds now. Pure. */
import type { CrmAdapter } from "../crm/adapter.ts";
import type { Catalog, FieldDef, FieldedEntity } from "../domain/catalog.ts";
import type { EntityValues } from "../domain/chain.ts";
import type { CrmRecord } from "../domain/operation.ts";
import { stampOf } from "../domain/stamp.ts";
import type { Drift, OwnWrite } from "../ledger/checks.ts";
import { isVersionsNote } from "../planner/version-note.ts";

export interface DriftContext {
  adapter: Pick<CrmAdapter, "codec" | "contains" | "sameNote">;
  catalog: Catalog;
}

/** Owner, labels, pipeline, stage and status are the sales people's from the moment a record is there. */
const COMPARED = ["name", "title", "value", "currency"] as const;
const NOT_COMPARED_FIELDS: ReadonlySet<string> = new Set([
  "status",
  "stage_id",
  "pipeline_id",
  "owner_id",
  "label_ids",
]);

/**
 * Values of ours that the record does not hold any more, each as the last of our writes (given in their order) left it.
 * Compared as the CRM normalises them, so a difference of form is none.
 */
export function driftOf(record: CrmRecord, writes: readonly OwnWrite[], context: DriftContext): Drift[] {
  if (record.entity === "note") return noteDrift(record, writes, context);
  const entity = record.entity;
  const ours = lastValues(writes);
  const drifts: Drift[] = [];
  const differs = (values: EntityValues): boolean =>
    !context.adapter.contains(record, { entity, values, links: {} }, context.catalog);
  for (const name of COMPARED) {
    const value = ours[name];
    if (value !== undefined && differs({ [name]: value })) {
      drifts.push({ field: name, expected: value, actual: record[name] });
    }
  }
  for (const name of ["emails", "phones"] as const) {
    const lost = (ours[name] ?? []).filter((entry) => differs({ [name]: [entry] }));
    if (lost.length > 0) drifts.push({ field: name, expected: lost, actual: record[name] });
  }
  return [...drifts, ...fieldDrifts(record, entity, ours.fields ?? {}, context)];
}

function fieldDrifts(
  record: CrmRecord,
  entity: FieldedEntity,
  fields: Record<string, unknown>,
  { adapter, catalog }: DriftContext,
): Drift[] {
  const drifts: Drift[] = [];
  for (const [code, value] of Object.entries(fields)) {
    const def = catalog.fields[entity]?.find((each) => each.code === code);
    // A field that was taken out of the CRM is not a value that somebody changed.
    if (def === undefined || NOT_COMPARED_FIELDS.has(code)) continue;
    if (adapter.contains(record, { entity, values: { fields: { [code]: value } }, links: {} }, catalog)) continue;
    const show = (wire: unknown): unknown => shown(def, wire, adapter, catalog);
    drifts.push({ field: def.name, expected: show(value), actual: show(record.fields[code]) });
  }
  return drifts;
}

function shown(def: FieldDef, wire: unknown, adapter: DriftContext["adapter"], catalog: Catalog): unknown {
  if (wire === undefined || wire === null || wire === "") return null;
  return adapter.codec.display(def, wire, catalog);
}

/** The values that our writes left, later ones over earlier ones; of lists only what we brought. */
export function lastValues(writes: readonly OwnWrite[]): EntityValues {
  const last: EntityValues = {};
  for (const { action, content, sent } of writes) {
    const values = sentValues(action, content.values, sent?.values ?? null);
    if (values === null) continue;
    for (const name of COMPARED) {
      if (values[name] === undefined || (name === "name" && content.nameIsStandIn)) continue;
      if (name === "title" && content.nameIsStandIn) continue;
      Object.assign(last, { [name]: values[name] });
    }
    for (const name of ["emails", "phones"] as const) {
      // The whole list went out; only what the submission brought is ours to look for.
      const brought = values[name] === undefined ? [] : (content.values[name] ?? []);
      if (brought.length > 0) last[name] = [...new Set([...(last[name] ?? []), ...brought])];
    }
    if (values.fields) last.fields = { ...last.fields, ...values.fields };
  }
  return last;
}

/** What of a step's content really left. */
function sentValues(action: OwnWrite["action"], content: EntityValues, sent: EntityValues | null): EntityValues | null {
  if (action === "create" || action === "adopt") return sent ?? content;
  return action === "update" ? sent : null;
}

function noteDrift(record: CrmRecord, writes: readonly OwnWrite[], { adapter }: DriftContext): Drift[] {
  const last = writes.findLast(({ content }) => content.values.text !== undefined);
  if (last === undefined) return [];
  const text = last.content.values.text ?? "";
  if (adapter.sameNote(record.text ?? "", text, last.content.format ?? "text")) return [];
  const stamp = stampOf(last.source, last.key);
  if (last.action === "adopt" && isVersionsNote(record, last.content, stamp, adapter.sameNote)) return [];
  return [{ field: "text", expected: text, actual: record.text }];
}
