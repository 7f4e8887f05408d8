/** A revision's chain: what it changes of what earlier versions wrote, and in full what they did not get to. Pure. */
import type { Amends, EarlierStep, EntityValues, PlannedStep, StepContent } from "../domain/chain.ts";
import type { CrmId } from "../domain/ids.ts";
import { canonicalJson } from "../domain/json.ts";
import type { PlanContext } from "./planner.ts";

/** An earlier step with the id that it led to. */
type Written = EarlierStep & { crmId: CrmId };

/**
 * Each step for whose entity an earlier version has a record amends that record, and keeps only the values that differ from
 * what was written last. Steps of which nothing is at the CRM stay as planned; `earlier` is oldest first.
 */
export function amendSteps(
  steps: readonly PlannedStep[],
  earlier: readonly EarlierStep[],
  context: PlanContext,
): PlannedStep[] {
  const written = earlier.filter((step): step is Written => step.crmId !== null);
  const organizationId = written.findLast((step) => step.entity === "organization")?.crmId ?? null;
  return steps.map((step) => {
    const last = written.findLast((each) => each.entity === step.entity);
    if (step.entity === "note" || last === undefined || namesAnother(step.entity, step.content, last.content))
      return step;
    const { crmId: id, entity } = last;
    const ours = written.filter((each) => each.entity === entity && each.crmId === id);
    return { ...step, content: amended(step, ours, { id, organizationId, onMatch: step.content.onMatch }, context) };
  });
}

/** Another organization, or by its own key another deal. The person stays the same, whatever it is known by now. */
function namesAnother(entity: PlannedStep["entity"], content: StepContent, last: StepContent): boolean {
  if (entity === "organization") return content.matchKeys?.[0] !== last.matchKeys?.[0];
  const byKey = entity === "deal" && content.dealMatch === "key" && last.dealKey !== undefined;
  return byKey && content.dealKey !== last.dealKey;
}

function amended(
  { entity, content }: PlannedStep,
  ours: readonly Written[],
  amends: Amends,
  context: PlanContext,
): StepContent {
  // `keep` leaves alone what people made. What we made is ours to amend.
  const made = ours.some(({ action }) => action === "create" || action === "adopt");
  const onMatch = content.onMatch === "keep" && !made ? "keep" : "overwrite";
  const values = onMatch === "keep" ? {} : changedValues(entity, content, ours, context);
  const known = ours.at(-1)?.content.matchKeys ?? [];
  const matchKeys = [...new Set([...known, ...(content.matchKeys ?? [])])];
  const { ownerFromPerson: _, ...rest } = content;
  return { ...rest, values, onMatch, amends, ...(content.matchKeys === undefined ? {} : { matchKeys }) };
}

/** Owner, pipeline and stage of a known record are people's; what is absent is not touched. */
function changedValues(
  entity: PlannedStep["entity"],
  content: StepContent,
  ours: readonly Written[],
  context: PlanContext,
): EntityValues {
  const { values } = content;
  const last = <T>(of: (values: EntityValues) => T | undefined): T | undefined =>
    ours.map((step) => of(step.content.values)).findLast((value) => value !== undefined);
  const changes: EntityValues = {};
  if (content.nameIsStandIn !== true) {
    for (const name of ["name", "title"] as const) {
      if (values[name] !== undefined && values[name] !== last((each) => each[name])) changes[name] = values[name];
    }
  }
  const { value, currency } = values;
  const amount = (each: EntityValues): string | undefined =>
    each.value === undefined ? undefined : canonicalJson([each.value, each.currency ?? null]);
  if (value !== undefined && amount(values) !== last(amount))
    Object.assign(changes, currency === undefined ? { value } : { value, currency });
  for (const list of ["emails", "phones", "labelIds"] as const) {
    const known = new Set(ours.flatMap((step) => step.content.values[list] ?? []));
    const added = (values[list] ?? []).filter((each) => !known.has(each));
    if (added.length > 0) changes[list] = added;
  }
  const fields = Object.entries(values.fields ?? {}).filter(([code, wanted]) => {
    const before = last((each) => each.fields?.[code]);
    if (before === undefined || entity === "note") return true;
    const def = context.catalog.fields[entity]?.find((each) => each.code === code);
    return def === undefined
      ? canonicalJson(wanted) !== canonicalJson(before)
      : !context.codec.equal(def, wanted, before);
  });
  if (fields.length > 0) changes.fields = Object.fromEntries(fields);
  return changes;
}
