/**
 * What waits for the next turn of the wheel: everything that happened since the last one, committed together and before
 * any byte of what the same turn begins. Drivers only ever add to it.
 */
import type { FieldFinding } from "../ledger/findings.ts";
import type { StepChange, Turn } from "../ledger/rows.ts";

export type Outbox = Pick<
  Turn,
  "finished" | "buckets" | "mirror" | "gone" | "plans" | "steps" | "submissions" | "release"
> & {
  findings: FieldFinding[];
  /** Told when this outbox is committed, or that it never will be. */
  waiters: { resolve: () => void; reject: (error: unknown) => void }[];
};

export function emptyOutbox(): Outbox {
  return {
    finished: [],
    buckets: [],
    mirror: [],
    gone: [],
    findings: [],
    plans: [],
    steps: [],
    submissions: [],
    release: [],
    waiters: [],
  };
}

export function isEmpty(outbox: Outbox): boolean {
  return Object.values(outbox).every((list) => list.length === 0);
}

/** Adds all of `more` behind what `into` has. */
export function append(into: Outbox, more: Partial<Omit<Outbox, "waiters">>): void {
  for (const [name, rows] of Object.entries(more)) {
    const list = into[name as keyof Outbox] as unknown[];
    for (const row of rows as unknown[]) list.push(row);
  }
}

/** A step's change under its claim, for short call sites. */
export function stepChange(
  of: { claimId: StepChange["claimId"]; stepId: StepChange["stepId"] },
  from: StepChange["from"],
  to: StepChange["to"],
  more: Omit<StepChange, "claimId" | "stepId" | "from" | "to"> = {},
): StepChange {
  return { claimId: of.claimId, stepId: of.stepId, from, to, ...more };
}
