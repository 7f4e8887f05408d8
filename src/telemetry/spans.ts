/** What the ledger tells of a submission and of a run, as spans. Plain data: the SDK sees it last. */
import type { RunId } from "../domain/ids.ts";
import type { SubmissionState } from "../domain/submission.ts";
import type { TracedRequest, TracedStep, TracedSubmission, TracedWork } from "../ledger/traces.ts";
import { type RemoteParent, spanIdOf, traceIdOf, traceOfSubmission } from "./trace-context.ts";

export type Attributes = Record<string, string | number | boolean>;

export interface PlannedSpan {
  id: string;
  /** Of a span of the same trace; null: it is the trace's first of ours. */
  parentId: string | null;
  name: string;
  kind: "internal" | "client" | "consumer";
  startMs: number;
  endMs: number;
  attributes: Attributes;
  events: { name: string; atMs: number; attributes: Attributes }[];
  links: { traceId: string; spanId: string }[];
  isError: boolean;
}

export interface PlannedTrace {
  traceId: string;
  /** The sender's span, where the payload named it. */
  remote: RemoteParent | null;
  /** Our first span. The sampler is asked with it, also where it was sent long ago. */
  root: PlannedSpan;
  /** The root is among what is sent now. */
  withRoot: boolean;
  spans: PlannedSpan[];
}

/** What happened in a run to a submission, beside its requests. */
export interface WorkEnd {
  run: RunId;
  /** Counts the times that the run took it in hand. */
  pass: number;
  /** Null: not known, then its first request tells. */
  claimedAtMs: number | null;
  /** Null: its run died. */
  endedAtMs: number | null;
  to: SubmissionState | "died";
  errorCode: string | null;
  wait: { kind: string; untilMs: number | null } | null;
  steps: { stepId: number; to: string; action: string | null; atMs: number }[];
}

/** Where the requests of this machine go. */
export interface ServerPlace {
  address: string;
  port: number;
}

const BASE = { events: [], links: [], isError: false };

/** The trace of a submission with its arrival. */
export function arrivalTrace(ledgerId: string, submission: TracedSubmission): PlannedTrace {
  return { ...traceOf(ledgerId, submission), withRoot: true };
}

function traceOf(ledgerId: string, submission: TracedSubmission): PlannedTrace {
  const { traceId, remote } = traceOfSubmission(ledgerId, submission);
  const { id, source, lane, submittedAtMs, receivedAtMs, takenBy } = submission;
  const attributes = {
    "crmledger.source": source,
    "crmledger.submission": id,
    "crmledger.lane": lane,
    "crmledger.submitted_at": new Date(submittedAtMs).toISOString(),
  };
  const root: PlannedSpan = {
    ...BASE,
    id: spanIdOf(ledgerId, "ingest", id),
    parentId: null,
    name: "ingest",
    kind: "consumer",
    startMs: receivedAtMs,
    endMs: receivedAtMs,
    attributes,
    links: [runContext(ledgerId, takenBy)],
  };
  return {
    traceId,
    remote,
    root,
    withRoot: false,
    spans: [],
  };
}

/** What one run did for a submission: a span for its turn at it, below it one for each step, below those the attempts. */
export function workTrace(ledgerId: string, work: TracedWork, end: WorkEnd, server: ServerPlace): PlannedTrace {
  const trace = traceOf(ledgerId, work.submission);
  const turn = turnSpan(ledgerId, trace.root, work, end);
  const ofSteps = work.steps.flatMap((step) => stepSpans(ledgerId, turn, step, work.requests, end, server));
  const lookups = work.requests
    .filter(({ stepId }) => stepId === null)
    .map((request) => requestSpan(ledgerId, turn.id, work.submission.id, request, server));
  return { ...trace, spans: [turn, ...ofSteps, ...lookups] };
}

const WRONG: readonly WorkEnd["to"][] = ["failed", "died"];

function turnSpan(ledgerId: string, root: PlannedSpan, { submission, steps, requests }: TracedWork, end: WorkEnd) {
  const { id, source, lane, submittedAtMs, doneAtMs } = submission;
  const { run, pass, to, errorCode, wait } = end;
  const endMs = Math.max(end.endedAtMs ?? submission.receivedAtMs, ...requests.map(endOf));
  const startMs = Math.min(end.claimedAtMs ?? endMs, ...requests.map(({ begunAtMs }) => begunAtMs), endMs);
  const names = new Map(steps.map((step) => [Number(step.id), step.name]));
  const told = end.steps.map(({ stepId, to: state, action, atMs }) => ({
    name: `step ${state}`,
    atMs,
    attributes: {
      "crmledger.step": names.get(stepId) ?? "dropped",
      ...(action !== null && { "crmledger.step.action": action }),
    },
  }));
  const waits = wait === null ? [] : [waitEvent(wait, endMs)];
  const attributes: Attributes = {
    "crmledger.source": source,
    "crmledger.submission": id,
    "crmledger.lane": lane,
    "crmledger.run": run,
    "crmledger.state": to,
    ...(to === "done" && doneAtMs !== null && { "crmledger.delay_ms": doneAtMs - submittedAtMs }),
    ...(WRONG.includes(to) && { "error.type": to === "died" ? "died" : (errorCode ?? "_OTHER") }),
  };
  const span: PlannedSpan = {
    ...{ id: spanIdOf(ledgerId, "process", id, run, pass), parentId: root.id, name: "process", kind: "internal" },
    ...{ startMs, endMs, attributes, events: [...told, ...waits], links: [runContext(ledgerId, run)] },
    isError: WRONG.includes(to),
  };
  return span;
}

function waitEvent({ kind, untilMs }: NonNullable<WorkEnd["wait"]>, atMs: number): PlannedSpan["events"][number] {
  const until: Attributes = untilMs === null ? {} : { "crmledger.wait.until": new Date(untilMs).toISOString() };
  return { name: "wait", atMs, attributes: { "crmledger.wait.kind": kind, ...until } };
}

function stepSpans(
  ledgerId: string,
  turn: PlannedSpan,
  step: TracedStep,
  requests: readonly TracedRequest[],
  { run, pass }: WorkEnd,
  server: ServerPlace,
): PlannedSpan[] {
  const own = requests.filter(({ stepId }) => stepId === step.id);
  const last = own.at(-1);
  if (last === undefined) return [];
  const isError = last.outcome === "refused";
  const span: PlannedSpan = {
    ...BASE,
    ...{ id: spanIdOf(ledgerId, "step", step.id, run, pass), parentId: turn.id, name: step.name, kind: "internal" },
    startMs: Math.min(...own.map(({ begunAtMs }) => begunAtMs)),
    endMs: Math.max(...own.map(endOf)),
    attributes: {
      "crmledger.step": step.name,
      ...(last.action !== null && { "crmledger.step.action": last.action }),
      "crmledger.outcome": last.outcome,
      "crmledger.attempts": own.length,
      ...(isError && { "error.type": "refused" }),
    },
    isError,
  };
  return [span, ...own.map((request) => requestSpan(ledgerId, span.id, step.id, request, server))];
}

/** https://opentelemetry.io/docs/specs/semconv/http/http-spans/#http-client-span (read 2026-11-23). */
function requestSpan(
  ledgerId: string,
  parentId: string,
  of: number,
  request: TracedRequest,
  server: ServerPlace,
): PlannedSpan {
  const { id, stepId, method, route, status, outcome, tokens, begunAtMs } = request;
  const wrong = errorTypeOf(request);
  return {
    ...BASE,
    ...{ id: spanIdOf(ledgerId, stepId === null ? "lookup" : "attempt", of, id), parentId, kind: "client" },
    name: `${method} ${route}`,
    startMs: begunAtMs,
    endMs: endOf(request),
    attributes: {
      "http.request.method": method,
      "url.template": route,
      "server.address": server.address,
      "server.port": server.port,
      ...(status !== null && { "http.response.status_code": status }),
      ...(wrong !== null && { "error.type": wrong }),
      "crmledger.request": id,
      "crmledger.outcome": outcome,
      "crmledger.tokens": tokens,
    },
    isError: wrong !== null,
  };
}

/** The status where there is one, as the convention wants it; what became of it where there was no usable answer. */
function errorTypeOf({ status, outcome }: TracedRequest): string | null {
  if (status !== null && status >= 400) return String(status);
  if (status === null) return "no_answer";
  return outcome === "uncertain" ? "uncertain" : null;
}

/** Of one without a recorded answer only its beginning is known. */
function endOf({ begunAtMs, endedAtMs, latencyMs }: TracedRequest): number {
  return endedAtMs === null ? begunAtMs + (latencyMs ?? 0) : Math.max(begunAtMs, endedAtMs);
}

/** Where the span of a run is: in a trace of its own. */
export function runContext(ledgerId: string, run: RunId): { traceId: string; spanId: string } {
  return { traceId: traceIdOf(ledgerId, "run", run), spanId: spanIdOf(ledgerId, "run", run) };
}

export interface TracedRun {
  run: RunId;
  kind: string;
  pid: number;
  startedAtMs: number;
  endedAtMs: number;
  stopped: string;
  exitCode: number;
}

/** https://opentelemetry.io/docs/specs/semconv/cli/cli-spans/ (read 2026-11-23). */
export function runTrace(ledgerId: string, run: TracedRun): PlannedTrace {
  const { traceId, spanId } = runContext(ledgerId, run.run);
  const isError = run.exitCode !== 0;
  const root: PlannedSpan = {
    ...BASE,
    ...{ id: spanId, parentId: null, name: `crmledger ${run.kind}`, kind: "internal", isError },
    startMs: run.startedAtMs,
    endMs: Math.max(run.startedAtMs, run.endedAtMs),
    attributes: {
      "process.executable.name": "crmledger",
      "process.pid": run.pid,
      "process.exit.code": run.exitCode,
      ...(isError && { "error.type": String(run.exitCode) }),
      "crmledger.run": run.run,
      "crmledger.run.kind": run.kind,
      "crmledger.run.stopped": run.stopped,
    },
  };
  return { traceId, remote: null, root, withRoot: true, spans: [] };
}
