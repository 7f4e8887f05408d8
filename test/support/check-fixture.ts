/** Submissions that were delivered, and what a check sees of them. Works on every engine. */
import type { Entity } from "../../src/domain/catalog.ts";
import type { Step, StepAction, StepContent, StepName } from "../../src/domain/chain.ts";
import type { CrmId, SubmissionId } from "../../src/domain/ids.ts";
import { stampOf } from "../../src/domain/stamp.ts";
import type { CheckRow, CheckScope, FoundDiscrepancy, Page, SentValues, Sighting } from "../../src/ledger/checks.ts";
import type { FinishedRequest, IncomingSubmission, SubmissionChange } from "../../src/ledger/rows.ts";
import { type Bench, begun, claimed, finished, incoming, intent, planned, take, turned } from "./ledger-fixture.ts";

export const EVERYTHING: CheckScope = { source: null, sinceMs: null, untilMs: null };

/** How one step came to its record; `id` null: it stays open, or its answer was lost. */
export interface Outcome {
  id: CrmId | null;
  lost?: true;
  action?: StepAction;
  sent?: SentValues;
  content?: Partial<StepContent>;
}

export interface Delivered {
  id: SubmissionId;
  source: string;
  key: string;
  stamp: string;
  steps: Record<string, Step>;
}

/** With nothing else due: takes one record in, and writes its chain as told, step by step. Ends as `to`, done where nothing is said. */
export async function deliver(
  bench: Bench,
  outcomes: Partial<Record<StepName, Outcome | CrmId>>,
  given: Partial<IncomingSubmission> & { email?: string } = {},
  to: Partial<SubmissionChange> = {},
): Promise<Delivered> {
  const record = incoming(given);
  await take(bench, record);
  const claim = (await claimed(bench, { limit: 1 }))[0]!;
  const [submission] = claim.submissions;
  const names = Object.keys(outcomes) as StepName[];
  const told = (name: StepName): Outcome => {
    const outcome = outcomes[name]!;
    return typeof outcome === "string" ? { id: outcome } : outcome;
  };
  const steps = names.map((name) => {
    const step = planned(submission!, name);
    return { ...step, content: { ...step.content, ...told(name).content } };
  });
  const { claimId } = claim;
  const plans = [{ claimId, submissionId: submission!.id, steps }];
  const made = (await turned(bench, { plans })).planned[0]!.steps;
  for (const step of made) await settle(bench, claimId, step, told(step.name));
  const end = { claimId, submissionId: submission!.id, to: "done" as const, ...to };
  await turned(bench, { submissions: [end], release: end.to === "inProgress" ? [] : [claimId] });
  const story = (await bench.ledger.story(submission!.id))!;
  const { id, source, key } = story.submission;
  return {
    id,
    source,
    key,
    stamp: stampOf(source, key),
    steps: Object.fromEntries(story.steps.map((s) => [s.name, s])),
  };
}

async function settle(bench: Bench, claimId: number, step: Step, outcome: Outcome): Promise<void> {
  const { id: crmId, action = "create", sent } = outcome;
  const at = { claimId: claimId as never, stepId: step.id };
  if (outcome.lost) {
    await tried(bench, claimId, step, { outcome: "uncertain" }, action, sent);
    await turned(bench, { steps: [{ ...at, from: "begun", to: "uncertain", lostAtMs: bench.now.wallMs }] });
  }
  if (crmId === null) return;
  if (action === "match" || action === "adopt") {
    await turned(bench, { steps: [{ ...at, from: "open", to: "done", action, crmId }] });
    return;
  }
  await tried(bench, claimId, step, { outcome: "applied" }, action, sent);
  await turned(bench, { steps: [{ ...at, from: "begun", to: "done", crmId }] });
}

/** One try of a step's write; afterwards the step is begun. */
export async function tried(
  bench: Bench,
  claimId: number,
  step: Step,
  more: Partial<FinishedRequest>,
  action: StepAction = "create",
  sent?: SentValues,
): Promise<void> {
  const write = { claimId: claimId as never, stepId: step.id, action, ...(sent === undefined ? {} : { sent }) };
  const requestId =
    sent === undefined
      ? await begun(bench, claimId as never, step, action)
      : (await turned(bench, { begin: [intent(1, { steps: [write] })] })).granted[0]!.requestId;
  await turned(bench, { finished: [finished(bench, requestId, more)] });
}

export function openCheck(bench: Bench, scope: CheckScope = EVERYTHING): Promise<CheckRow> {
  return bench.ledger.openCheck(bench.account, bench.run, scope, bench.now.wallMs, 0);
}

export function sighting(entity: Entity, crmId: CrmId, more: Partial<Sighting> = {}): Sighting {
  return {
    entity,
    crmId,
    state: "present",
    stamp: null,
    part: null,
    stampedFor: null,
    createdAtMs: null,
    byApi: null,
    personId: null,
    organizationId: null,
    dealId: null,
    drift: [],
    ...more,
  };
}

/** A record that carries the submission's stamp. */
export const stamped = (of: Delivered, entity: Entity, crmId: CrmId, more: Partial<Sighting> = {}): Sighting =>
  sighting(entity, crmId, { stamp: of.stamp, stampedFor: of.id, ...more });

export function see(bench: Bench, check: CheckRow, ...sightings: Sighting[]): Promise<void> {
  return bench.ledger.saveSightings(check.id, sightings, null, bench.now.wallMs);
}

/** All rows of a list, in pages of `limit`. */
export async function allOf<T>(
  load: (after: string | null, limit: number) => Promise<Page<T>>,
  limit = 100,
): Promise<T[]> {
  const rows: T[] = [];
  let after: string | null = null;
  do {
    const page: Page<T> = await load(after, limit);
    rows.push(...page.rows);
    after = page.next;
  } while (after !== null);
  return rows;
}

export function difference(more: Partial<FoundDiscrepancy> = {}): FoundDiscrepancy {
  return {
    fingerprint: "deal-missing:61",
    class: "break",
    kind: "deal-missing",
    source: "website",
    key: null,
    submissionId: null,
    email: null,
    entity: "deal",
    crmId: "61",
    expected: {},
    actual: null,
    message: "The deal 61 is not there.",
    sinceMs: 1,
    repair: "recreate",
    safe: false,
    order: null,
    ...more,
  };
}
