/** Stamped records that are not the record of their submission's step: doubles, copies, and what this ledger does not know. */
import type { StepId, SubmissionId } from "../../domain/ids.ts";
import type { CheckId, CheckScope, ExtraRecord, Page } from "../checks.ts";
import { HAS_RECORD, type LoadedCheck } from "./checks.ts";
import { isThere, pageOf, type RawSighting, SIGHTING, sightingRow, stepFact } from "./step-facts.ts";
import type { Store } from "./store.ts";

/** The unary plus keeps SQLite to the few steps of the submission: a record may be that of very many. */
const STAMPED = `
  SELECT ${SIGHTING}, EXISTS (SELECT 1 FROM steps s WHERE s.submission_id = g.stamped_for AND +s.entity = g.entity
      AND +s.crm_id = g.crm_id AND ${HAS_RECORD}) AS own
  FROM sightings g
  WHERE g.check_id = @check AND g.stamp IS NOT NULL AND g.own = 0 AND (g.entity, g.crm_id) > (@entity, @crmId)
  ORDER BY g.entity, g.crm_id LIMIT @window`;

const NAMED = "SELECT id FROM steps WHERE submission_id = ? AND name = ? AND dropped = 0";
const SUBMISSION = `
  SELECT id AS submissionId, source, key, json_extract(content, '$.person.email') AS email, state AS submissionState,
    submitted_at_ms AS submittedAtMs
  FROM submissions WHERE id = ?`;
const TRIES = `
  SELECT r.begun_at_ms AS sentAtMs, r.ended_at_ms AS answeredAtMs FROM attempts a JOIN requests r ON r.id = a.request_id
  WHERE a.step_id = ? AND a.action = 'create' AND coalesce(a.outcome, 'uncertain') NOT IN ('refused', 'deferred')
  ORDER BY r.id`;

type StampedSighting = RawSighting & { own: 0 | 1 };

export function extraRecords(store: Store, id: CheckId, after: string | null, limit: number): Page<ExtraRecord> {
  return pageOf<StampedSighting, ExtraRecord>(store, id, STAMPED, after, limit, ({ own, ...row }, check) => {
    if (own === 1) return null;
    if (row.state === "gone" || row.state === "hidden") return null;
    if (row.stampedFor !== null) return extraOf(store, check, row, row.stampedFor);
    const sighting = sightingRow(row);
    return mayBeOf(check.scope, row) ? { sighting, step: null, submission: null, ownIsThere: false, tries: [] } : null;
  });
}

function extraOf(store: Store, check: LoadedCheck, row: RawSighting, id: SubmissionId): ExtraRecord | null {
  const { entity } = row;
  const submission = store.one<NonNullable<ExtraRecord["submission"]>>(SUBMISSION, id)!;
  if (!isIn(check.scope, submission)) return null;
  const name = entity === "note" ? `note.${row.part ?? 1}` : entity;
  const named = store.one<{ id: StepId }>(NAMED, id, name);
  const step = named === undefined ? null : stepFact(store, named.id);
  // What people deleted is told only where the ledger would write it once more.
  if (row.state === "deleted" && step?.state === "done") return null;
  const { submissionState } = submission;
  // The run that works on it, or the next look at what is uncertain, finds the record by itself; but not that of a step that
  // waits behind an uncertain one and was never sent by this ledger.
  const tries = step === null ? [] : store.all<ExtraRecord["tries"][number]>(TRIES, step.stepId);
  const isUnknown = step?.state === "open" && tries.length === 0;
  if (submissionState === "inProgress" && step?.state !== "done") return null;
  if (submissionState === "uncertain" && step?.state !== "done" && !isUnknown) return null;
  const own = step?.state === "done" ? step.crmId : null;
  return {
    sighting: sightingRow(row),
    step,
    submission,
    ownIsThere: own !== null && isThere(store, check, entity, own),
    tries,
  };
}

function isIn(scope: CheckScope, { source, submittedAtMs }: { source: string; submittedAtMs: number }): boolean {
  return (
    (scope.source === null || scope.source === source) &&
    submittedAtMs >= (scope.sinceMs ?? Number.NEGATIVE_INFINITY) &&
    submittedAtMs < (scope.untilMs ?? Number.POSITIVE_INFINITY)
  );
}

/** Of an unknown stamp only the source can be read; and what was made before `since` was submitted before it. */
function mayBeOf(scope: CheckScope, { stamp, createdAtMs }: RawSighting): boolean {
  if (scope.source !== null && !stamp!.startsWith(`${scope.source}/`)) return false;
  return scope.sinceMs === null || createdAtMs === null || createdAtMs >= scope.sinceMs;
}
