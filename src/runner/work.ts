/**
 * One claimed submission while a driver has it in hand, and how it can come to a stop. The steps here are the driver's own
 * copies, kept in line with what it records.
 */
import type { Step, StepError, StepName } from "../domain/chain.ts";
import { fullJitterMs } from "../domain/clock.ts";
import type { ClaimId } from "../domain/ids.ts";
import type { Outcome, Ref } from "../domain/operation.ts";
import { stampOf } from "../domain/stamp.ts";
import type { SubmissionChange, SubmissionRow } from "../ledger/rows.ts";
import { retryOf } from "./lane-retry.ts";
import type { RunnerDeps } from "./runner.ts";
import { Busy, Fenced, Halted, Held } from "./stops.ts";
import type { Ticket } from "./ticket.ts";

export interface Work {
  claimId: ClaimId;
  row: SubmissionRow;
  /** All works of its claim, itself among them. */
  claimed: readonly Work[];
  steps: Step[];
  /** Concluded: nothing more may be done for it under this claim. */
  ended: boolean;
  /** Its own part of a write that is shared with others was refused. */
  refused: ChainStop | null;
}

export function stepOf(work: Work, name: StepName): Step | undefined {
  return work.steps.find((step) => step.name === name);
}

export function stampOfWork(work: Work): string {
  return stampOf(work.row.source, work.row.key);
}

export function openStep(work: Work, name: StepName): Step | undefined {
  const step = stepOf(work, name);
  return step?.state === "open" ? step : undefined;
}

/** The open person step of a work whose person has to be looked up. A revision's person is the one of its first version. */
export function soughtPerson(work: Work): Step | undefined {
  const step = openStep(work, "person");
  return step?.content.amends ? undefined : step;
}

/** Whether a revision's step changes nothing of the record that earlier versions wrote, its organization included. */
export function amendsNothing({ content }: Step, organization: Ref | null): boolean {
  const { amends, values } = content;
  if (!amends) return false;
  const linked = organization === null || ("id" in organization && organization.id === amends.organizationId);
  return linked && Object.keys(values).length === 0;
}

/** A step that `reconcile --repair` asked for, as against those of the submission's own chain. */
export function isRepair(step: Step): boolean {
  return step.content.repair !== undefined;
}

/** Something of the chain is at the CRM by our hand. */
export function hasBegun(work: Work): boolean {
  return work.steps.some((step) => step.state === "done" && step.action !== "match");
}

export function readTicket(works: readonly Work[], retried = false): Ticket {
  const first = works[0]!;
  const onBehalfOf = works.map((work) => work.row.id);
  return {
    lane: first.row.lane,
    steps: [],
    onBehalfOf,
    claimId: first.claimId,
    retried,
    continues: works.some(hasBegun),
  };
}

/** Why a chain goes no further for now. */
export type Verdict =
  | { type: "failed"; error: StepError; step: StepName | null }
  /**
   * It comes back after a delay, or fails when its tries are used up. `spared`: nobody could take it for its own fault. `waitMs`:
   * the delay, where it is not that of the settings.
   */
  | { type: "again"; error: StepError; step: StepName | null; spared?: boolean; waitMs?: number }
  /** A write may or may not have happened; it is looked for at `dueAtMs`. */
  | { type: "uncertain"; dueAtMs: number }
  /** Comes back at its time without having used up a try. */
  | { type: "later"; dueAtMs: number; kind: string; detail: string };

export class ChainStop extends Error {
  readonly verdict: Verdict;
  constructor(verdict: Verdict) {
    super(verdict.type);
    this.name = "ChainStop";
    this.verdict = verdict;
  }
}

const BLOCKED_HINT =
  "Read it with `crmledger show`: drop spam with `crmledger failed drop`; mend what is genuine with `crmledger failed edit`, then `retry-failed`.";

/** Ends a step's write that was not applied. `settleMs` is the first age at which an uncertain one is looked for. */
export function stopFor(
  outcome: Exclude<Outcome, { type: "applied" }>,
  step: StepName,
  nowMs: number,
  settleMs: number,
): ChainStop {
  switch (outcome.type) {
    case "refused": {
      const { code, message, hint, about } = outcome;
      return new ChainStop({ type: "failed", error: { code, message, hint, about }, step });
    }
    case "uncertain":
      return new ChainStop({ type: "uncertain", dueAtMs: nowMs + settleMs });
    case "deferred":
      return new ChainStop({
        type: "again",
        error: { code: `CRM_${outcome.reason.toUpperCase()}`, message: outcome.message },
        step,
        spared: true,
      });
    case "pending":
      return new ChainStop({
        type: "later",
        dueAtMs: nowMs + outcome.askAfterMs,
        kind: "pending",
        detail: `the CRM works on ${step}`,
      });
  }
}

/** Each try of a text that something before the API turns away costs two requests, and annoys a firewall. */
const BLOCKED_WAIT_MS = 15 * 60_000;

/**
 * Ends a step's write that something before the API turned away while it lets reads through. Only where others of its kind are
 * written (`areOthers`) it is certain that it is the text, and a try: else it may be all writes.
 */
export function blockedStop(message: string, step: StepName, nowMs: number, areOthers: boolean): ChainStop {
  const waitMs = BLOCKED_WAIT_MS;
  if (!areOthers) return new ChainStop({ type: "later", dueAtMs: nowMs + waitMs, kind: "retry", detail: message });
  return new ChainStop({ type: "again", error: { code: "CRM_BLOCKED", message, hint: BLOCKED_HINT }, step, waitMs });
}

/** What people deleted stays deleted: a half-done chain is not rebuilt behind their back. */
export function deletedRecord(name: StepName, id: string): ChainStop {
  const error = {
    code: "CRM_RECORD_DELETED",
    message: `the ${name} ${id} that this chain had written was deleted or merged at the CRM before the chain was complete`,
    hint: "Restore it in the CRM, or drop the submission with `crmledger failed drop`; `retry-failed` tries again.",
  };
  return new ChainStop({ type: "failed", error, step: name });
}

export function isLookupFailed(error: unknown): error is Error {
  return error instanceof Error && error.name === "LookupFailed";
}

const BUSY_DELAY_MS = 1_000;

/** Turns whatever stopped a driver into a verdict; null where nothing may be written any more. Throws what it does not know. */
export function verdictOf(error: unknown, nowMs: number, settleMs: number): Verdict | "halted" | null {
  if (error instanceof ChainStop) return error.verdict;
  if (error instanceof Halted) return "halted";
  if (error instanceof Fenced) return null;
  if (error instanceof Held)
    return { type: "later", dueAtMs: error.dueAtMs, kind: error.hold.kind, detail: error.message };
  if (error instanceof Busy) {
    const dueAtMs = nowMs + (error.kept ? Math.max(settleMs, BUSY_DELAY_MS) : BUSY_DELAY_MS);
    return { type: "later", dueAtMs, kind: "busy", detail: error.message };
  }
  if (isLookupFailed(error)) {
    const isBlocked = (error as { code?: unknown }).code === "blocked";
    const wait = isBlocked ? { waitMs: BLOCKED_WAIT_MS } : {};
    return { type: "again", error: { code: "CRM_LOOKUP", message: error.message }, step: null, ...wait };
  }
  throw error;
}

/** The ledger's change for a verdict. A work with an uncertain step stays uncertain whatever else stopped it. */
export function submissionChange(work: Work, verdict: Verdict | "halted", deps: RunnerDeps): SubmissionChange {
  const base = { claimId: work.claimId, submissionId: work.row.id };
  const uncertain = work.steps.filter((step) => step.state === "uncertain");
  const failed = verdict !== "halted" && verdict.type === "failed";
  if (uncertain.length > 0 && !failed) return stillUncertain(work, verdict, deps);
  if (verdict === "halted") return { ...base, to: "pending" };
  switch (verdict.type) {
    case "failed":
      return { ...base, to: "failed", error: verdict.error, attempts: work.row.attempts + 1 };
    case "uncertain":
      return waitFor(work, verdict.dueAtMs, "settle", "an earlier write for the same person is uncertain");
    case "later":
      return waitFor(work, verdict.dueAtMs, verdict.kind, verdict.detail);
    case "again":
      return verdict.spared ? waitSpared(work, verdict.error, deps) : tryAgain(work, verdict, deps);
  }
}

function stillUncertain(work: Work, verdict: Verdict | "halted", deps: RunnerDeps): SubmissionChange {
  const later = verdict !== "halted" && (verdict.type === "uncertain" || verdict.type === "later");
  const dueAtMs = later
    ? verdict.dueAtMs
    : deps.clock.wallMs() + (verdict === "halted" ? 0 : retryOf(deps.settings, work.row.lane).baseDelayMs);
  const detail = "the answer to a write was lost; the CRM is asked before it is sent again";
  return {
    claimId: work.claimId,
    submissionId: work.row.id,
    to: "uncertain",
    dueAtMs,
    // Others of the same person, organization or deal key would create it once more while a create is in doubt.
    keepKeys: true,
    wait: { kind: "settle", untilMs: dueAtMs, detail },
  };
}

function waitFor(work: Work, dueAtMs: number, kind: string, detail: string): SubmissionChange {
  const base = { claimId: work.claimId, submissionId: work.row.id };
  return { ...base, to: "waiting", dueAtMs, wait: { kind, untilMs: dueAtMs, detail } };
}

/** No try is used up, so nothing counts how often it waited: the delay stays in the middle. */
const SPARED_DOUBLINGS = 2;

function waitSpared(work: Work, error: StepError, { clock, random, settings }: RunnerDeps): SubmissionChange {
  const { baseDelayMs, maxDelayMs } = retryOf(settings, work.row.lane);
  const dueAtMs = clock.wallMs() + fullJitterMs(random, baseDelayMs, maxDelayMs, SPARED_DOUBLINGS);
  return waitFor(work, dueAtMs, "retry", error.message);
}

function tryAgain(
  work: Work,
  { error, waitMs }: Extract<Verdict, { type: "again" }>,
  deps: RunnerDeps,
): SubmissionChange {
  const { clock, random, settings } = deps;
  const { baseDelayMs, maxDelayMs, maxAttempts } = retryOf(settings, work.row.lane);
  const base = { claimId: work.claimId, submissionId: work.row.id };
  const attempts = work.row.attempts + 1;
  if (attempts >= maxAttempts) return { ...base, to: "failed", error, attempts };
  const dueAtMs = clock.wallMs() + (waitMs ?? fullJitterMs(random, baseDelayMs, maxDelayMs, attempts - 1));
  const wait = { kind: "retry", untilMs: dueAtMs, detail: error.message };
  return { ...base, to: "waiting", dueAtMs, attempts, error, wait };
}
