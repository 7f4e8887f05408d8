/** What the log says of what was committed: ids, names of sources, steps and states, counts. Nothing that a record could fill. */
import type { StepName } from "../domain/chain.ts";
import type { ClaimId, RequestId, RunId, StepId, SubmissionId } from "../domain/ids.ts";
import type { Claim, FinishedRequest, RequestIntent, SubmissionChange, Turn, TurnResult } from "../ledger/rows.ts";
import type { LedgerEvent } from "./ledger-events.ts";

/** Every event that a line can have. Scripts may rely on these names. */
export const LOG_EVENTS = [
  "run.started",
  "run.ended",
  "run.recovered",
  "records.taken",
  "submission.claimed",
  "submission.planned",
  "submission.done",
  "submission.failed",
  "submission.waiting",
  "submission.uncertain",
  "submission.returned",
  "submission.requeued",
  "submission.dropped",
  "step.changed",
  "request.sent",
  "request.ended",
  "hold.opened",
  "hold.closed",
] as const;
export type LogEventName = (typeof LOG_EVENTS)[number];

/** Every member that a line can have beside `time` and `level`. What is not named here is never written. */
export const LOG_FIELDS = [
  ...["event", "run", "runs", "kind", "pid", "stopped", "exitCode", "durationMs"],
  ...["source", "new", "duplicate", "conflict", "history", "rejected"],
  ...["submission", "submissions", "lane", "cause", "wait", "until", "delayMs"],
  ...["step", "action", "from", "to"],
  ...["request", "method", "route", "write", "status", "outcome", "rateLimited", "tokens"],
  ...["scope", "count", "uncertain"],
] as const;

export type LogValue = string | number | boolean | null | readonly (string | number)[];

export interface LogLine {
  level: "info" | "warn" | "error";
  event: LogEventName;
  fields: Record<string, LogValue | undefined>;
}

/** Ids of one line are not more than this; the count says how many there are. */
const IDS_SHOWN = 100;

/** What a log must remember to name what it tells of. */
export interface LogMemory {
  runs: Map<RunId, number>;
  /** By claim: its submissions, while it is in hand. */
  claims: Map<ClaimId, Map<SubmissionId, number>>;
  steps: Map<StepId, { submission: SubmissionId; step: StepName }>;
  stepsOf: Map<SubmissionId, StepId[]>;
  requests: Map<RequestId, Pick<RequestIntent, "method" | "route">>;
}

export function newLogMemory(): LogMemory {
  return { runs: new Map(), claims: new Map(), steps: new Map(), stepsOf: new Map(), requests: new Map() };
}

export function logLines(memory: LogMemory, event: LedgerEvent, nowMs: number): LogLine[] {
  switch (event.type) {
    case "runOpened":
      memory.runs.set(event.run, nowMs);
      return [info("run.started", { run: event.run, kind: event.start.kind, pid: event.start.pid })];
    case "runClosed":
      return [runEnded(memory, event, nowMs)];
    case "recovered":
      return recovered(event);
    case "ingested":
      return taken(event);
    case "admitted":
      return [admitted(event)];
    case "claimed":
      return event.claims.flatMap((claim) => claimed(memory, event.run, claim));
    case "turn":
      return turned(memory, event.turn, event.result);
    default:
      return decided(event);
  }
}

const info = (event: LogEventName, fields: LogLine["fields"]): LogLine => ({ level: "info", event, fields });
const warn = (event: LogEventName, fields: LogLine["fields"]): LogLine => ({ level: "warn", event, fields });

function runEnded(memory: LogMemory, event: LedgerEvent & { type: "runClosed" }, nowMs: number): LogLine {
  const { run, stopped, exitCode } = event;
  const startedMs = memory.runs.get(run) ?? nowMs;
  memory.runs.delete(run);
  const fields = { run, stopped, exitCode, durationMs: nowMs - startedMs };
  return exitCode === 0 ? info("run.ended", fields) : warn("run.ended", fields);
}

function recovered({ runs, result }: LedgerEvent & { type: "recovered" }): LogLine[] {
  const { submissions, uncertainSteps } = result;
  return [warn("run.recovered", { runs: [...runs], count: submissions, uncertain: uncertainSteps })];
}

function taken({ batch, result }: LedgerEvent & { type: "ingested" }): LogLine[] {
  const counts = { new: 0, duplicate: 0, conflict: 0, history: 0 };
  for (const { type } of result.verdicts) counts[type] += 1;
  const { rejected } = result;
  const source = (batch.submissions[0] ?? batch.rejects[0])?.source;
  if (source === undefined) return [];
  const fields = { run: batch.runId, source, ...counts, rejected };
  return [rejected + counts.conflict > 0 ? warn("records.taken", fields) : info("records.taken", fields)];
}

function admitted({ run, source, admitted: { new: fresh, history } }: LedgerEvent & { type: "admitted" }): LogLine {
  return info("records.taken", { run, source, new: fresh, duplicate: 0, conflict: 0, history, rejected: 0 });
}

function claimed(memory: LogMemory, run: RunId, claim: Claim): LogLine[] {
  memory.claims.set(claim.claimId, new Map(claim.submissions.map((row) => [row.id, row.submittedAtMs])));
  return claim.submissions.map(({ id, source, lane, steps }) => {
    remember(memory, id, steps);
    return info("submission.claimed", { run, submission: id, source, lane });
  });
}

function remember(memory: LogMemory, submission: SubmissionId, steps: readonly { id: StepId; name: StepName }[]): void {
  for (const { id, name } of steps) memory.steps.set(id, { submission, step: name });
  memory.stepsOf.set(submission, [...(memory.stepsOf.get(submission) ?? []), ...steps.map(({ id }) => id)]);
}

/** In the order in which it happened: answers, plans, changes, and what leaves next. */
function turned(memory: LogMemory, turn: Turn, { fenced, granted, planned }: TurnResult): LogLine[] {
  const { runId: run } = turn;
  const isOurs = ({ claimId }: { claimId: ClaimId }): boolean => !fenced.includes(claimId);
  const answers = turn.finished.map((finished) => answered(memory, run, finished));
  const plans = planned.map(({ submissionId, steps }) => {
    remember(memory, submissionId, steps);
    return info("submission.planned", { run, submission: submissionId, count: steps.length });
  });
  const steps = turn.steps.filter((change) => isOurs(change) && change.from !== change.to);
  const changes = steps.map(({ stepId, from, to, action }) =>
    info("step.changed", { run, ...memory.steps.get(stepId), from, to, ...(action != null && { action }) }),
  );
  const intents = new Map(turn.begin.map((intent) => [intent.ref, intent]));
  const sent = granted.map(({ ref, requestId }) => begun(memory, run, requestId, intents.get(ref)!));
  const atMs = turn.now.wallMs;
  const left = turn.submissions.filter(isOurs).flatMap((change) => leaving(memory, run, change, atMs));
  for (const claim of [...turn.release, ...fenced]) memory.claims.delete(claim);
  return [...answers, ...plans, ...changes, ...left, ...sent];
}

function answered(memory: LogMemory, run: RunId, finished: FinishedRequest): LogLine {
  const { requestId: request, status, outcome, latencyMs, rateLimited } = finished;
  const of = memory.requests.get(request);
  memory.requests.delete(request);
  const fields = { run, request, ...of, status, outcome, durationMs: Math.round(latencyMs), rateLimited };
  return outcome === "applied" ? info("request.ended", fields) : warn("request.ended", fields);
}

function begun(memory: LogMemory, run: RunId, request: RequestId, intent: RequestIntent): LogLine {
  const { method, route, write, steps, onBehalfOf, charges, lane } = intent;
  memory.requests.set(request, { method, route });
  const ofSteps = steps.flatMap(({ stepId }) => memory.steps.get(stepId)?.submission ?? []);
  const submissions = [...new Set([...ofSteps, ...onBehalfOf])];
  const [first] = steps;
  return info("request.sent", {
    ...{ run, request, method, route, write, lane },
    ...(first !== undefined &&
      steps.length === 1 && { step: memory.steps.get(first.stepId)?.step, action: first.action }),
    submissions: submissions.slice(0, IDS_SHOWN),
    ...(submissions.length > IDS_SHOWN && { count: submissions.length }),
    tokens: charges.find(({ bucket }) => bucket === "daily")?.amount,
  });
}

/** A submission that left its claim. */
function leaving(memory: LogMemory, run: RunId, change: SubmissionChange, atMs: number): LogLine[] {
  const { submissionId: submission, claimId, to, error, wait } = change;
  if (to === "inProgress") return [];
  const submittedAtMs = memory.claims.get(claimId)?.get(submission);
  for (const step of memory.stepsOf.get(submission) ?? []) memory.steps.delete(step);
  memory.stepsOf.delete(submission);
  const of = { run, submission };
  const cause = error?.code;
  if (to === "done") {
    const delayMs = submittedAtMs === undefined ? undefined : Math.round(atMs - submittedAtMs);
    return [info("submission.done", { ...of, delayMs })];
  }
  if (to === "failed") return [{ level: "error", event: "submission.failed", fields: { ...of, cause } }];
  const until = wait?.untilMs == null ? undefined : new Date(wait.untilMs).toISOString();
  if (to === "waiting") return [info("submission.waiting", { ...of, wait: wait?.kind, until, cause })];
  if (to === "uncertain") return [warn("submission.uncertain", { ...of, wait: wait?.kind, until })];
  return to === "dropped" ? [info("submission.dropped", of)] : [info("submission.returned", of)];
}

type Decision = LedgerEvent & { type: "holdOpened" | "holdsClosed" | "requeued" | "dropped" };

function decided(event: Decision): LogLine[] {
  switch (event.type) {
    case "holdOpened": {
      const { kind, scope, untilMs } = event.hold;
      return [warn("hold.opened", { kind, scope, until: untilMs === null ? null : new Date(untilMs).toISOString() })];
    }
    case "holdsClosed":
      return [info("hold.closed", { kind: event.filter.kind, scope: event.filter.scope, count: event.count })];
    case "requeued": {
      const { submissions, count } = event;
      return [info("submission.requeued", { submissions: submissions.slice(0, IDS_SHOWN), count })];
    }
    case "dropped":
      return [info("submission.dropped", { submission: event.submission })];
  }
}
