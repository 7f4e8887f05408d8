import { counted } from "./human.ts";
import { safeLine } from "./safe-text.ts";

/** A submission that goes first of a cause, and for which failed ones wait. */
export interface RetrySampleDocument {
  /** `SOURCE/KEY`. */
  id: string;
  cause: string;
  state: string;
  waiting: number;
}

/** `37 failed submissions wait for website/wf_8812 (pending), the sample of BAD_VALUE:deal.source:webinar`. */
export function sampleLine({ id, cause, state, waiting }: RetrySampleDocument): string {
  const wait = waiting === 1 ? "waits" : "wait";
  return `${counted(waiting, "failed submission")} ${wait} for ${safeLine(id)} (${state}), the sample of ${safeLine(cause)}`;
}
