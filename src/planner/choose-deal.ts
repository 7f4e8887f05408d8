import type { StepContent } from "../domain/chain.ts";
import type { CrmRecord } from "../domain/operation.ts";
import { oldestFirst } from "../domain/record-keys.ts";
import type { Choice } from "./planner.ts";

/**
 * The deal that a deal step means. `submission`: always one of its own. `openDealOfPerson`: among the person's deals the
 * open ones, in the pipeline that the submission names where there is one, the oldest of several. `key`: among deals
 * found for the key whatever their status, the oldest.
 */
export function chooseDeal(content: StepContent, candidates: readonly CrmRecord[]): Choice {
  const there = candidates.filter((deal) => !deal.deleted && !deal.archived).sort(oldestFirst);
  if (content.dealMatch === "key") {
    const [known] = there;
    if (known === undefined) return { record: null, explanation: "No deal carries this key yet." };
    return { record: known, explanation: `Deal ${known.id} carries the same key.` };
  }
  if (content.dealMatch !== "openDealOfPerson")
    return { record: null, explanation: "Each submission gets a deal of its own." };
  const open = there.filter((deal) => deal.status === null || deal.status === "open");
  const { pipelineId } = content.values;
  const chosen = open.find((deal) => deal.pipelineId === pipelineId) ?? open[0];
  if (chosen === undefined) return { record: null, explanation: "The person has no open deal." };
  const why =
    open.length === 1 ? "" : `; of ${open.length} open deals it is the oldest, in the same pipeline where there is one`;
  return { record: chosen, explanation: `Deal ${chosen.id} of the person is open${why}.` };
}
