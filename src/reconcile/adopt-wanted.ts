/** What of a submission should be at the CRM, as its plan has it. Pure. */
import type { StepContent } from "../domain/chain.ts";
import type { CrmRecord } from "../domain/operation.ts";
import type { PlanSettings } from "../domain/settings.ts";
import { noteReference, stampOf } from "../domain/stamp.ts";
import type { SubmissionContent } from "../domain/submission.ts";
import { choosePerson } from "../planner/choose-person.ts";
import { planChain } from "../planner/plan-chain.ts";
import type { PlanContext, PlanResult } from "../planner/planner.ts";
import type { Wanted } from "./adopt.ts";

export interface Submitted {
  source: string;
  key: string;
  submittedAtMs: number | null;
  content: SubmissionContent;
}

/**
 * `needs`: parts of the catalog to fetch first. A name that the CRM lacks holds nothing up here: what was meant for it is
 * left out of the comparison.
 */
export function wantedOf(
  submitted: Submitted,
  settings: PlanSettings,
  context: PlanContext,
): { type: "wanted"; wanted: Wanted } | Extract<PlanResult, { type: "needs" }> {
  const { source, key, submittedAtMs, content } = submitted;
  const stamp = stampOf(source, key);
  const plan = (given: SubmissionContent, how: PlanSettings) =>
    planChain({ source, key, content: given, settings: how }, context);
  // Another program may have written them one by one; one that holds several of them serves for all.
  const notes = { ...settings.notes, join: false };
  const lenient: PlanSettings = { ...settings, notes, onBadValue: "note", unknownNames: "note" };
  const result = plan(content, lenient);
  if (result.type === "needs") return result;
  const steps = result.type === "planned" ? result.steps : [];
  const contents = (entity: string): StepContent[] =>
    steps.filter((step) => step.entity === entity).map((step) => step.content);
  const [person = null] = contents("person");
  const [deal] = contents("deal");
  const noteContents = contents("note");
  const wanted: Wanted = {
    submittedAtMs,
    stamp,
    person,
    organization: contents("organization").length > 0,
    deal: deal === undefined ? null : dealOf(deal),
    notes: noteContents.map((note, index) =>
      withoutReference(note, noteReference(stamp, index + 1, noteContents.length)),
    ),
    format: settings.notes.format,
  };
  return { type: "wanted", wanted };
}

function dealOf({ values, nameIsStandIn, dealMatch }: StepContent): Wanted["deal"] {
  return {
    title: nameIsStandIn === true ? null : (values.title ?? null),
    value: values.value ?? null,
    currency: values.currency ?? null,
    shared: dealMatch !== "submission",
  };
}

function withoutReference({ values, reference }: StepContent, expected: string): string {
  const { text = "" } = values;
  const last = reference ?? expected;
  if (!text.endsWith(last)) return text;
  return text.slice(0, -last.length).replace(/(?:\n|<br>)$/, "");
}

/** All that count as its person among the candidates, the one that a sync takes first. */
export function personsOf(
  person: StepContent | null,
  candidates: readonly CrmRecord[],
  context: PlanContext,
): CrmRecord[] {
  const found: CrmRecord[] = [];
  let rest = person === null ? [] : [...candidates];
  while (person !== null && rest.length > 0) {
    const { record } = choosePerson(person, rest, context);
    if (record === null) break;
    found.push(record);
    rest = rest.filter(({ id }) => id !== record.id);
  }
  return found;
}
