/** What the end of a retry's sample means for those that wait for it. */
import type { SubmissionId } from "../domain/ids.ts";
import { submissionName } from "../domain/submission.ts";
import type { Replacement } from "../ledger/replaced.ts";
import type { SampleOutcome } from "../ledger/samples.ts";
import { instant } from "./instant.ts";
import type { RunnerDeps } from "./runner.ts";

/** Of one transaction, and of one look at the maps. */
const ROWS = 200;

type SampleDeps = Pick<RunnerDeps, "ledger" | "clock" | "todaysContents">;

/** Whether a sample has ended and nobody acted on it yet. */
export async function hasEndedSample(ledger: RunnerDeps["ledger"]): Promise<boolean> {
  const samples = await ledger.samples();
  return samples.some(({ state }) => !["pending", "waiting", "inProgress", "uncertain"].includes(state));
}

/**
 * Puts back what waits for samples that went through, with today's contents, and lets go of what waits for others. Gives a
 * sentence for each sample that ended. Idempotent, and safe beside other processes that do the same.
 */
export async function settleSamples({ ledger, clock, todaysContents }: SampleDeps): Promise<string[]> {
  const told: string[] = [];
  if (!(await hasEndedSample(ledger))) return told;
  for (;;) {
    const rows = await ledger.sampled(ROWS);
    const contents: ReadonlyMap<SubmissionId, Replacement> = (await todaysContents?.(rows)) ?? new Map();
    const ready = new Map(rows.map(({ id }) => [id, contents.get(id) ?? null]));
    told.push(...(await ledger.settleSamples(instant(clock), ready)).map(wordsOf));
    if (rows.length === 0) return told;
  }
}

function wordsOf({ cause, source, key, end, code, rest }: SampleOutcome): string {
  const sample = `${cause}: the sample ${submissionName(source, key)}`;
  const what = { failed: "failed again", otherCause: `failed for another cause (${code})`, setAside: "was set aside" };
  // All of them went their own way before it ended.
  if (rest === 0) return `${sample} ${end === "done" ? "went through" : what[end]}; nothing waited for it any more`;
  const others = rest === 1 ? "the other one" : `the other ${rest}`;
  if (end === "done") return `${sample} went through; ${others} went back to the queue`;
  return `${sample} ${what[end]}; ${others} ${rest === 1 ? "stays" : "stay"} failed, no try spent`;
}
