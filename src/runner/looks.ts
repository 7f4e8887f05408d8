/** The looks for a write in doubt: at which ages they are taken, and what a look that finds nothing leads to. */
import type { Step, StepError } from "../domain/chain.ts";
import { conclude } from "./conclude.ts";
import type { DriveContext } from "./context.ts";
import { retryOf } from "./lane-retry.ts";
import type { Work } from "./work.ts";

/** A write that may or may not have happened. */
export interface Lost {
  work: Work;
  step: Step;
}

/**
 * How long ago the answer was lost. The wall clock may have been set since; within a boot the monotonic one knows, and after another
 * boot it has run for as long at the least.
 */
function ageMs(context: DriveContext, step: Step): number {
  const { clock, timeoutMs } = context.deps;
  const lostAtMs = step.lostAtMs ?? 0;
  if (step.sentClock?.bootId !== clock.bootId) return Math.min(clock.wallMs() - lostAtMs, clock.monoMs());
  const waitedMs = Math.min(Math.max(0, lostAtMs - (step.sentAtMs ?? lostAtMs)), timeoutMs);
  return clock.monoMs() - step.sentClock.monoMs - waitedMs;
}

export function isLastLook(context: DriveContext, step: Step): boolean {
  return ageMs(context, step) >= (context.deps.settings.retry.settleMs.at(-1) ?? 0);
}

/**
 * Not there: looked for again at the next age, and its work is concluded until then; after the last one it may be sent
 * again, as one more try. Gives the error to end it with where its tries are used up.
 */
export function miss(context: DriveContext, { work, step }: Lost): StepError | null {
  context.deps.failpoint("probe.after");
  const { clock, settings } = context.deps;
  const at = { claimId: work.claimId, stepId: step.id };
  const probes = step.probes + 1;
  if (!isLastLook(context, step)) {
    const age = ageMs(context, step);
    const next = settings.retry.settleMs.find((settle) => settle > age) ?? age;
    context.wheel.record({ steps: [{ ...at, from: "uncertain", to: "uncertain", probes }] });
    step.probes = probes;
    conclude(context, work, { type: "uncertain", dueAtMs: clock.wallMs() + Math.max(0, next - age) });
    return null;
  }
  // What was lost to an outage that still lasts was not the submission's own try.
  const outage = context.wheel.board.gates.outage(`${step.entity}s`);
  const attempts = step.attempts + (outage ? 0 : 1);
  Object.assign(step, { state: "open", attempts, probes, lostAtMs: null, crmId: null });
  context.wheel.record({
    steps: [{ ...at, from: "uncertain", to: "open", probes, attempts, lostAtMs: null, crmId: null, error: null }],
  });
  if (attempts < retryOf(settings, work.row.lane).maxAttempts) return null;
  return {
    code: "UNCERTAIN_EXHAUSTED",
    message: `the answer to ${step.name} was lost ${attempts} times, and each time it was not at the CRM afterwards`,
    hint: "Look at the CRM's status page; `crmledger retry-failed` tries again.",
  };
}
