/** A ledger with a run, an account and an instant of its own, and short ways to fill it. Works on every engine. */

import type { PlannedStep, Step, StepAction, StepName } from "../../src/domain/chain.ts";
import { emptyRecord } from "../../src/domain/empty-record.ts";
import type { AccountId, ClaimId, RequestId, RunId, SubmissionId } from "../../src/domain/ids.ts";
import type { CrmRecord } from "../../src/domain/operation.ts";
import type { BucketState } from "../../src/domain/quota.ts";
import type { ArrivingRecords } from "../../src/ledger/arriving.ts";
import type { Ledger } from "../../src/ledger/ledger.ts";
import type {
  Claim,
  ClaimRequest,
  FinishedRequest,
  IncomingSubmission,
  Now,
  RequestIntent,
  SubmissionRow,
  Turn,
  TurnResult,
} from "../../src/ledger/rows.ts";

export const START_MS = Date.UTC(2026, 10, 23, 12, 0, 0);
export const BOOT = "boot-a";
export const LEASE_MS = 60_000;
export const TARGET_MS = 15 * 60_000;

export interface Bench {
  ledger: Ledger;
  now: Now;
  run: RunId;
  account: AccountId;
  credential: string;
  /** Moves both clocks. */
  pass(ms: number): void;
}

export async function benchOn(ledger: Ledger, now?: Now): Promise<Bench> {
  const clock = now ?? { wallMs: START_MS, monoMs: 1_000_000, bootId: BOOT };
  const run = await ledger.openRun({ kind: "sync", pid: 7, host: "host", lockName: "sync", now: { ...clock } });
  const account = await ledger.bindAccount({ vendor: "pipedrive", externalId: "77", name: "Acme" }, clock.wallMs);
  const pass = (ms: number): void => {
    clock.wallMs += ms;
    clock.monoMs += ms;
  };
  return { ledger, now: clock, run, account, credential: "cred", pass };
}

let serial = 0;

/** A record of one person; `email` alone makes its identity. */
export function incoming(given: Partial<IncomingSubmission> & { email?: string } = {}): IncomingSubmission {
  serial += 1;
  const { email = `p${serial}@example.com`, ...more } = given;
  const key = more.key ?? `k${serial}`;
  return {
    source: "website",
    key,
    rawHash: `raw-${more.source ?? "website"}-${key}-${serial}`,
    contentHash: `content-${key}`,
    raw: JSON.stringify({ key, email }),
    content: { person: { email } },
    lane: "operational",
    submittedAtMs: START_MS,
    targetMs: TARGET_MS,
    identityKeys: [`email:${email}`],
    origin: { file: "spool/a.json", line: null },
    history: false,
    ...more,
  };
}

export async function take(bench: Bench, ...submissions: IncomingSubmission[]) {
  const batch = { runId: bench.run, submissions, rejects: [], progress: null, closesRejects: [] };
  return (await bench.ledger.ingest(batch, bench.now)).verdicts;
}

export function claimRequest(bench: Bench, more: Partial<ClaimRequest> = {}): ClaimRequest {
  return {
    runId: bench.run,
    now: bench.now,
    limit: 50,
    leaseUntilMs: bench.now.wallMs + LEASE_MS,
    source: null,
    lane: null,
    heldSources: [],
    heldLanes: [],
    ...more,
  };
}

export async function claimed(bench: Bench, more: Partial<ClaimRequest> = {}): Promise<Claim[]> {
  return bench.ledger.claim(claimRequest(bench, more));
}

/** The keys of each claim's submissions, in the order of the claims. */
export const keysOf = (claims: readonly Claim[]): string[][] =>
  claims.map((claim) => claim.submissions.map((submission) => submission.key));

export function turnOf(bench: Bench, more: Partial<Turn> = {}): Turn {
  return {
    runId: bench.run,
    accountId: bench.account,
    credential: bench.credential,
    now: bench.now,
    leaseUntilMs: bench.now.wallMs + LEASE_MS,
    finished: [],
    buckets: [],
    mirror: [],
    gone: [],
    plans: [],
    steps: [],
    submissions: [],
    begin: [],
    release: [],
    ...more,
  };
}

export const turned = (bench: Bench, more: Partial<Turn> = {}): Promise<TurnResult> =>
  bench.ledger.turn(turnOf(bench, more));

export function planned(submission: SubmissionRow, name: StepName, more: Partial<PlannedStep> = {}): PlannedStep {
  const entity = name.startsWith("note") ? "note" : (name as "person" | "deal" | "organization");
  const idempotencyKey = `${submission.source}/${submission.key}#${name}`;
  return { name, entity, content: { values: { name: name }, onMatch: "fillEmpty" }, idempotencyKey, ...more };
}

/** Plans the steps for every submission of the claim; gives them in the claim's order. */
export async function plan(bench: Bench, claim: Claim, ...names: StepName[]): Promise<Step[][]> {
  const plans = claim.submissions.map((submission) => ({
    claimId: claim.claimId,
    submissionId: submission.id,
    steps: names.map((name) => planned(submission, name)),
  }));
  return (await turned(bench, { plans })).planned.map((row) => row.steps);
}

export function intent(ref: number, more: Partial<RequestIntent> = {}): RequestIntent {
  return {
    ref,
    lane: "operational",
    group: "persons",
    method: "POST",
    route: "/api/v2/persons",
    write: true,
    charges: [],
    timeoutMs: 30_000,
    steps: [],
    onBehalfOf: [],
    ...more,
  };
}

export function finished(bench: Bench, requestId: RequestId, more: Partial<FinishedRequest> = {}): FinishedRequest {
  return {
    requestId,
    status: 201,
    outcome: "applied",
    error: null,
    latencyMs: 80,
    endedMonoMs: bench.now.monoMs,
    endedAtMs: bench.now.wallMs,
    rateLimited: false,
    ...more,
  };
}

export function bucket(name: string, more: Partial<BucketState> = {}): BucketState {
  return {
    bucket: name,
    kind: "window",
    windowMs: 2_000,
    capacity: null,
    capacityBackground: null,
    remaining: null,
    floorBackground: 0,
    pausedUntilMonoMs: 0,
    pausedBootId: null,
    limit: null,
    usedByOthers: 0,
    periodStartMs: null,
    resetsAtMs: null,
    readAtMs: 1,
    rateFactor: 1,
    ...more,
  };
}

/** Begins the write of a step; gives the request. */
export async function begun(bench: Bench, claimId: ClaimId, step: Step, action: StepAction = "create") {
  const result = await turned(bench, { begin: [intent(1, { steps: [{ claimId, stepId: step.id, action }] })] });
  const grant = result.granted[0];
  if (grant === undefined) throw new Error(`not granted: ${JSON.stringify(result)}`);
  return grant.requestId;
}

export async function stateOf(bench: Bench, id: SubmissionId) {
  const story = await bench.ledger.story(id);
  if (story === null) throw new Error(`no submission ${id}`);
  const steps = Object.fromEntries(story.steps.map((step) => [step.name, step.state]));
  return { state: story.submission.state, dueAtMs: story.submission.dueAtMs, steps };
}

export function crmRecord(more: Partial<CrmRecord> & Pick<CrmRecord, "entity" | "id">): CrmRecord {
  return { ...emptyRecord(more.entity, more.id), ...more };
}

/** Records of one source as a large import hands them over. */
export function columnsOf(items: readonly IncomingSubmission[], runId: RunId): ArrivingRecords {
  const column = <Name extends keyof IncomingSubmission>(name: Name) => items.map((item) => item[name]);
  const [first] = items;
  return {
    ...{ runId, source: first?.source ?? "", targetMs: first?.targetMs ?? 0, file: first?.origin.file ?? "" },
    ...{ line: items.map(({ origin }) => origin.line), raw: column("raw"), rawHash: column("rawHash") },
    ...{ key: column("key"), contentHash: column("contentHash"), submittedAtMs: column("submittedAtMs") },
    ...{ lane: column("lane"), history: column("history") as boolean[] },
    identityKeys: items.map(({ identityKeys }) => JSON.stringify([...new Set(identityKeys)])),
    content: items.map(({ content }) => JSON.stringify(content)),
  };
}
