import { causeValue } from "../domain/cause.ts";
import type { FailureAbout } from "../domain/chain.ts";
import type { BadValue } from "../domain/submission.ts";
import type { PlanResult } from "./planner.ts";

/** Why a chain is not made for values that the CRM can't take (at least one); the first of them names the cause. */
export function badValueStop(badValues: readonly BadValue[]): Extract<PlanResult, { type: "unplannable" }> {
  const [first] = badValues;
  const about = aboutOf(first!);
  const named = badValues.map((bad) => `${bad.label} (${bad.path}): ${bad.reason}`).join("; ");
  const lacks = badValues.length === 1 && about.value !== undefined;
  return {
    type: "unplannable",
    code: "BAD_VALUE",
    message: lacks ? `${fieldName(first!)} has no option "${about.value}".` : `The CRM can't take: ${named}.`,
    hint: first!.isOption
      ? `Add the option to ${fieldName(first!)} in the CRM, or map the value to one that is there: this one ${first!.reason}. With \`onBadValue: note\` such values go into the note instead.`
      : "Correct the value or the map; with `onBadValue: note` such values go into the note instead.",
    about,
  };
}

function aboutOf({ path, value, isOption }: BadValue): FailureAbout {
  const option = isOption ? causeValue(value) : undefined;
  return { subject: path.replace(".fields.", "."), ...(option !== undefined && { value: option }) };
}

/** `deal.fields.Source` as `deal field "Source"`. */
function fieldName({ path }: BadValue): string {
  const [entity, ...rest] = path.replace(".fields.", ".").split(".");
  return `${entity} field "${rest.join(".")}"`;
}
