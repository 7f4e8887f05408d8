/** One create or one update for several submissions of the same person, as if they had come one after the other. Pure. */

import type { EntityValues, StepContent } from "../domain/chain.ts";
import { emptyRecord } from "../domain/empty-record.ts";
import type { CrmRecord } from "../domain/operation.ts";
import { difference } from "./difference.ts";
import type { PlanContext } from "./planner.ts";

/**
 * The content of a shared create: the first one's values, then what each later one would have changed (`fillEmpty`: the
 * first wins; `overwrite`: the later; `keep`: nothing), e-mails and phones joined. Owner and labels are filled by the
 * first that has them. `contents` are in the order of the submissions and not empty.
 */
export function mergePersonContents(contents: readonly StepContent[], context: PlanContext): StepContent {
  const [first, ...later] = contents;
  if (first === undefined) throw new RangeError("mergePersonContents needs at least one content");
  // A stand-in counts as no name, so that the first real one takes its place.
  let record = applied(emptyRecord("person", ""), {
    ...first.values,
    ...(first.nameIsStandIn ? { name: undefined } : {}),
  });
  let values = first.values;
  for (const content of later) {
    const changes = difference(content, record, context) ?? {};
    record = applied(record, changes);
    values = { ...values, ...changes, ...joinedFields(values, changes) };
    if (values.ownerId === undefined && content.onMatch !== "keep" && content.values.ownerId !== undefined)
      values = { ...values, ownerId: content.values.ownerId };
  }
  const standIn = contents.every((content) => content.nameIsStandIn === true);
  const matchKeys = [...new Set(contents.flatMap((content) => content.matchKeys ?? []))];
  const { nameIsStandIn: _, ...rest } = first;
  return { ...rest, values, matchKeys, ...(standIn ? { nameIsStandIn: true } : {}) };
}

/** What one update for all of them would change on a known record; null: nothing. */
export function sharedDifference(
  contents: readonly StepContent[],
  record: CrmRecord,
  context: PlanContext,
): EntityValues | null {
  let now = record;
  let all: EntityValues = {};
  for (const content of contents) {
    const changes = difference(content, now, context);
    if (changes === null) continue;
    now = applied(now, changes);
    all = { ...all, ...changes, ...joinedFields(all, changes) };
  }
  return Object.keys(all).length === 0 ? null : all;
}

function joinedFields(a: EntityValues, b: EntityValues): EntityValues {
  return a.fields === undefined && b.fields === undefined ? {} : { fields: { ...a.fields, ...b.fields } };
}

function applied(record: CrmRecord, values: EntityValues): CrmRecord {
  return {
    ...record,
    name: values.name ?? record.name,
    title: values.title ?? record.title,
    emails: values.emails ?? record.emails,
    phones: values.phones ?? record.phones,
    labelIds: values.labelIds ?? record.labelIds,
    value: values.value ?? record.value,
    currency: values.currency ?? record.currency,
    fields: { ...record.fields, ...values.fields },
  };
}
