/** Values of a planned write by the names that people see. */
import type { Entity, FieldDef } from "../domain/catalog.ts";
import type { PlannedStep, StepName } from "../domain/chain.ts";
import type { SubmissionContent } from "../domain/submission.ts";
import type { PlanContext } from "../planner/planner.ts";

export function stepFields(step: PlannedStep, context: PlanContext): Record<string, unknown> {
  const { values, ownerFromPerson, reference } = step.content;
  const { catalog, codec } = context;
  const shown: Record<string, unknown> = {};
  if (values.name !== undefined) shown.name = values.name;
  if (values.title !== undefined) shown.title = values.title;
  if (values.emails) shown.email = values.emails.join(", ");
  if (values.phones) shown.phone = values.phones.join(", ");
  if (values.value !== undefined) shown.value = values.value;
  if (values.currency !== undefined) shown.currency = values.currency;
  const named = (id: string | undefined, list: readonly { id: string; name: string }[] | undefined) =>
    id === undefined ? undefined : (list?.find((each) => each.id === id)?.name ?? id);
  shown.pipeline = named(values.pipelineId, catalog.pipelines);
  shown.stage = named(values.stageId, catalog.stages);
  shown.owner = ownerFromPerson ? "the person's" : named(values.ownerId, catalog.users);
  if (step.entity !== "note") {
    const labels = catalog.labels[step.entity] ?? [];
    if (values.labelIds)
      shown.labels = values.labelIds.map((id) => labels.find((label) => label.id === id)?.label ?? id);
    for (const [code, value] of Object.entries(values.fields ?? {})) {
      const def: FieldDef | undefined = catalog.fields[step.entity]?.find((field) => field.code === code);
      shown[def?.name ?? code] = def ? codec.display(def, value, catalog) : value;
    }
  }
  if (values.text !== undefined) shown.text = values.text;
  if (reference && values.text === undefined) shown.reference = reference;
  return withoutUndefined(shown);
}

/** The same from a submission that could not be planned yet, as it was given. */
export function contentFields(
  content: SubmissionContent,
): { name: StepName; entity: Entity; amends?: undefined; fields: Record<string, unknown> }[] {
  const { organization, person, deal } = content;
  const notes = notesWithBadValues(content);
  const flat = (part: object): Record<string, unknown> => {
    const { fields, ...rest } = part as { fields?: Record<string, unknown> };
    return withoutUndefined({ ...rest, ...fields });
  };
  return [
    ...(organization?.name
      ? [{ name: "organization" as const, entity: "organization" as const, fields: flat(organization) }]
      : []),
    { name: "person" as const, entity: "person" as const, fields: flat(person ?? {}) },
    ...(deal ? [{ name: "deal" as const, entity: "deal" as const, fields: flat(deal) }] : []),
    ...notes.map((text, index) => ({ name: `note.${index + 1}` as const, entity: "note" as const, fields: { text } })),
  ];
}

/** What a field can't take becomes lines of the first note, as the planner does it. */
function notesWithBadValues({ notes = [], badValues = [] }: SubmissionContent): string[] {
  if (badValues.length === 0) return notes;
  const lines = badValues.map(({ label, value }) => `${label}: ${value}`).join("\n");
  const [first, ...others] = notes;
  return [first === undefined ? lines : `${first}\n${lines}`, ...others];
}

function withoutUndefined(object: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
}
