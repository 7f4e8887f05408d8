/** Submissions that are not (wholly) in the CRM, and records that never became one. Pure. */
import type { FoundDiscrepancy, OpenReject, RepairOrder, Unfinished } from "../ledger/checks.ts";
import { concerned, type JudgeContext, recordName } from "./judge-records.ts";
import type { NotIngested } from "./reconcile.ts";

/** A run that is due and does not come for this long: nobody is working on it. */
const IDLE_MS = 10 * 60_000;

/** Null: it waits, and there is time. */
export function judgeUnfinished(row: Unfinished, context: JudgeContext): FoundDiscrepancy | null {
  const { nowMs } = context;
  const { state, written, open } = row;
  const overdueAtMs = overdueAt(row, context);
  if (state === "failed") return written.length > 0 && open.length > 0 ? halfDone(row, context) : failed(row);
  if (written.length > 0 && row.dueAtMs + IDLE_MS < nowMs && overdueAtMs < nowMs) {
    return halfDone(row, context);
  }
  if (overdueAtMs >= nowMs) return null;
  return {
    ...named("overdue", row),
    expected: { withinSeconds: Math.round(row.targetMs / 1000) },
    actual: { state },
    message: `it has been ${state} for longer than its source's target`,
    sinceMs: overdueAtMs,
    repair: null,
    safe: false,
    order: null,
  };
}

/** Quiet hours are time that it was meant to wait. */
function overdueAt({ source, repairedAtMs, submittedAtMs, targetMs }: Unfinished, context: JudgeContext): number {
  const fromMs = repairedAtMs ?? submittedAtMs;
  const atMs = fromMs + targetMs;
  return atMs >= context.nowMs ? atMs : atMs + (context.quietMs?.(source, fromMs, context.nowMs) ?? 0);
}

function named(kind: string, row: Unfinished) {
  const fingerprint = `${kind}|${row.submissionId}`;
  return { ...concerned(row), fingerprint, class: "break" as const, kind, entity: null, crmId: null };
}

function halfDone(row: Unfinished, { lost, nowMs }: JudgeContext): FoundDiscrepancy {
  // What people deleted is not rebuilt behind their back, so the rest of its chain has nothing to hang on.
  const gone = row.records.find(({ entity, crmId }) => lost.get(recordName(entity, crmId)) === null);
  const order: RepairOrder = { type: "resume", submissionId: row.submissionId };
  const why = row.error === null ? `nobody works on it (${row.state})` : `it failed: ${row.error.message}`;
  const said = {
    ...named("chain-incomplete", row),
    expected: { steps: [...row.written, ...row.open] },
    actual: { steps: row.written },
    sinceMs: row.failedAtMs ?? Math.min(row.dueAtMs, nowMs),
  };
  if (gone !== undefined) {
    const message = `the ${gone.entity} ${gone.crmId} is not there any more, and ${row.open.join(", ")} was never written`;
    return { ...said, message, repair: null, safe: false, order: null };
  }
  const message = `${row.written.join(", ")} is in the CRM, ${row.open.join(", ")} is not; ${why}`;
  return { ...said, message, repair: "resume", safe: true, order };
}

function failed(row: Unfinished): FoundDiscrepancy {
  const { error } = row;
  return {
    ...named("failed", row),
    expected: null,
    actual: error === null ? null : { cause: error.code, ...(error.hint && { hint: error.hint }) },
    message: error?.message ?? "it failed",
    sinceMs: row.failedAtMs ?? row.submittedAtMs,
    repair: null,
    safe: false,
    order: null,
  };
}

export function judgeReject(row: OpenReject): FoundDiscrepancy {
  const kind = row.kind === "conflict" ? "conflict" : "rejected";
  const at = row.line === null ? row.file : `${row.file}:${row.line}`;
  return {
    fingerprint: `${kind}|${row.id}`,
    class: "break",
    kind,
    source: row.source,
    key: row.key,
    submissionId: null,
    email: null,
    entity: null,
    crmId: null,
    expected: null,
    actual: { reject: row.id, file: row.file, line: row.line },
    message: `${at}: ${row.reason}`,
    sinceMs: row.createdAtMs,
    repair: null,
    safe: false,
    order: null,
  };
}

export function judgeNotIngested(row: NotIngested, nowMs: number): FoundDiscrepancy {
  const at = row.line === null ? row.file : `${row.file}:${row.line}`;
  return {
    fingerprint: `not-ingested|${row.source}/${row.key}`,
    class: "break",
    kind: "not-ingested",
    source: row.source,
    key: row.key,
    submissionId: null,
    email: row.email,
    entity: null,
    crmId: null,
    expected: { file: row.file, line: row.line },
    actual: null,
    message: `only the source has it: ${at}`,
    sinceMs: row.submittedAtMs ?? nowMs,
    repair: "ingest",
    safe: true,
    order: { file: row.file, source: row.source },
  };
}
