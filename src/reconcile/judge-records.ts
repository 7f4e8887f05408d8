/** What records that are lost, stamped twice, changed or re-linked mean. Pure: facts of the ledger to discrepancies. */
import type { Entity } from "../domain/catalog.ts";
import type { StepName } from "../domain/chain.ts";
import type { CrmId, SubmissionId } from "../domain/ids.ts";
import { canonicalJson } from "../domain/json.ts";
import type {
  DriftedRecord,
  ExtraRecord,
  FoundDiscrepancy,
  LostRecord,
  MislinkedDeal,
  RepairOrder,
  StepFact,
} from "../ledger/checks.ts";

/** A create may reach the CRM this long after its answer was given up, through a proxy or a queue that held it. */
const LATE_MS = 60 * 60_000;
/** The CRM's times are whole seconds, and its clock is not ours. */
const CLOCKS_APART_MS = 120_000;

export interface JudgeContext {
  nowMs: number;
  /** How much of a time was quiet for a source, which does not make it late; absent: nothing is. */
  quietMs?(source: string, fromMs: number, toMs: number): number;
  /** Records of persons and organizations that this check found lost, and to which one each was merged, if so. */
  lost: Map<string, CrmId | null>;
}

export const recordName = (entity: Entity, id: CrmId): string => `${entity}:${id}`;

/** Who is concerned, in the members that every discrepancy has. */
export function concerned(
  of: { source: string; key: string; submissionId: SubmissionId; email: string | null } | null,
): Pick<FoundDiscrepancy, "source" | "key" | "submissionId" | "email"> {
  if (of === null) return { source: null, key: null, submissionId: null, email: null };
  return { source: of.source, key: of.key, submissionId: of.submissionId, email: of.email };
}

type Rest = Omit<FoundDiscrepancy, "fingerprint" | "source" | "key" | "submissionId" | "email" | "entity" | "crmId">;

function onRecord(fact: StepFact | null, entity: Entity, crmId: CrmId, detail: string, rest: Rest): FoundDiscrepancy {
  const fingerprint = [rest.kind, recordName(entity, crmId), detail].filter((part) => part !== "").join("|");
  return { ...concerned(fact), ...rest, fingerprint, entity, crmId };
}

/** Merged, deleted, or not to be found. */
export function judgeLost(lost: LostRecord, context: JudgeContext): FoundDiscrepancy {
  const { entity } = lost;
  const crmId = lost.crmId!;
  const heir = heirOf(lost);
  context.lost.set(recordName(entity, crmId), heir);
  const base = { expected: { id: crmId }, actual: null, sinceMs: context.nowMs, order: null, safe: false };
  if (heir !== null) {
    const order: RepairOrder = { type: "follow", entity, from: crmId, to: heir };
    const message = `merged into ${entity} ${heir}`;
    const rest = { class: "edit" as const, kind: `${entity}-merged`, message, repair: "follow", safe: true };
    return onRecord(lost, entity, crmId, heir, { ...base, ...rest, actual: { id: heir }, order });
  }
  const order: RepairOrder = { type: "recreate", stepId: lost.stepId, crmId };
  const ours = lost.action !== "match";
  const shown = lost.sighting.state === "deleted" || lost.sighting.wasDeleted;
  if (shown || !ours) {
    const message = shown ? "deleted" : "it was there before us, and is not any more";
    const rest = { class: "edit" as const, kind: `${entity}-deleted`, message, repair: "recreate" };
    return onRecord(lost, entity, crmId, "", { ...base, ...rest, order });
  }
  const hidden = lost.sighting.state === "hidden";
  const message = hidden
    ? "this token's user may not see it any more"
    : "not there, and nothing shows that somebody deleted it";
  const rest = { class: "break" as const, kind: `${entity}-missing`, message, repair: "recreate" };
  return onRecord(lost, entity, crmId, "", { ...base, ...rest, actual: hidden ? { hidden: true } : null, order });
}

/**
 * The record that a lost one was merged into. A merge moves what hung on it: where that stayed, it was deleted, whoever has
 * the same address now. A survivor without a stamp of its own takes over the loser's; of one that has its own, all must have
 * moved to it.
 */
function heirOf({ movedTo, heirs, stayed }: LostRecord): CrmId | null {
  const moved = heirs.find(({ crmId, by }) => by !== "hung" && movedTo.includes(crmId));
  if (moved) return moved.crmId;
  if (stayed === 0 && movedTo.length === 1) return heirs.find(({ by }) => by === "hung")?.crmId ?? null;
  if (stayed > 0 || movedTo.length > 0) return null;
  return heirs.find(({ by }) => by === "stamp")?.crmId ?? null;
}

/** A stamped record that no step has: not in the ledger, made twice, or copied by somebody. */
export function judgeExtra(extra: ExtraRecord, context: JudgeContext): FoundDiscrepancy | null {
  const { sighting, step, submission } = extra;
  const { entity, crmId } = sighting;
  const ended = step?.state === "done" && step.crmId !== null;
  if (!ended) return notInLedger(extra, context);
  if (!extra.ownIsThere) {
    // The survivor of a merge carries the stamp of the one that is lost: that is said there.
    return context.lost.get(recordName(entity, step.crmId!)) === crmId ? null : copied(extra, context);
  }
  if (!isOurDouble(extra)) return copied(extra, context);
  const order: RepairOrder[] = [mergeOrder(entity, crmId, step.crmId!, submission!.submissionId)];
  return onRecord(step, entity, crmId, "", {
    class: "break",
    kind: `${entity}-duplicate`,
    expected: { ids: [step.crmId] },
    actual: { ids: [step.crmId, crmId] },
    message: `made once more than ${step.crmId}, which would be kept`,
    sinceMs: sighting.createdAtMs ?? context.nowMs,
    repair: "merge",
    safe: false,
    order,
  });
}

export function mergeOrder(entity: Entity, loser: CrmId, survivor: CrmId, submissionId: SubmissionId): RepairOrder {
  const repair =
    entity === "note"
      ? { do: "delete" as const, target: loser }
      : { do: "merge" as const, target: loser, into: survivor };
  return { type: "write", submissionId, entity, content: { values: {}, onMatch: "keep", repair } };
}

/**
 * Only a create that may have been executed more than once, or that a program made at such a time, is our own double. Where the
 * step has another's record by now, one execution is enough: nothing else ever bore its stamp, so there is nothing to copy.
 */
function isOurDouble({ sighting, step, tries }: ExtraRecord): boolean {
  if (sighting.byApi !== null) return sighting.byApi;
  const made = step?.action === "create" || step?.action === "adopt";
  if (tries.length < (made ? 2 : 1) || sighting.createdAtMs === null) return false;
  const at = sighting.createdAtMs;
  return tries.some(
    ({ sentAtMs, answeredAtMs }) =>
      at >= sentAtMs - CLOCKS_APART_MS && at <= (answeredAtMs ?? sentAtMs) + LATE_MS + CLOCKS_APART_MS,
  );
}

function copied({ sighting, step }: ExtraRecord, context: JudgeContext): FoundDiscrepancy {
  const { entity, crmId } = sighting;
  return onRecord(step, entity, crmId, "", {
    class: "edit",
    kind: "copied",
    expected: { ids: [step!.crmId] },
    actual: { ids: [step!.crmId, crmId] },
    message: `somebody's copy of ${step!.crmId}, stamp and all`,
    sinceMs: sighting.createdAtMs ?? context.nowMs,
    repair: null,
    safe: false,
    order: null,
  });
}

function notInLedger({ sighting, submission, step }: ExtraRecord, context: JudgeContext): FoundDiscrepancy | null {
  const { entity, crmId, stamp, part } = sighting;
  if (stamp === null) return null;
  const named = submission ?? splitStamp(stamp);
  const name: StepName = entity === "note" ? `note.${part ?? 1}` : entity;
  const known =
    submission === null
      ? "our stamp, and the ledger has no such submission"
      : "our stamp, and the ledger does not know of it";
  const message = sighting.state === "deleted" ? `${known}; it was deleted since` : known;
  const order: RepairOrder = {
    type: "adopt",
    source: named.source,
    key: named.key,
    submittedAtMs: submission?.submittedAtMs ?? sighting.createdAtMs ?? context.nowMs,
    records: [{ name, entity, crmId }],
    explanation: "Found at the CRM by its stamp when the ledger did not know of it.",
  };
  const rest: Rest = {
    class: "break",
    kind: "not-in-ledger",
    expected: null,
    actual: { id: crmId },
    message,
    sinceMs: sighting.createdAtMs ?? context.nowMs,
    repair: "adopt",
    safe: true,
    order,
  };
  const found = onRecord(step, entity, crmId, stamp, rest);
  const email = submission?.email ?? null;
  return { ...found, source: named.source, key: named.key, submissionId: submission?.submissionId ?? null, email };
}

/** A source's name has no slash, a key may. */
export function splitStamp(stamp: string): { source: string; key: string } {
  const slash = stamp.indexOf("/");
  return { source: stamp.slice(0, slash), key: stamp.slice(slash + 1) };
}

export function judgeDrift({ sighting, step }: DriftedRecord, context: JudgeContext): FoundDiscrepancy {
  const { entity, crmId, drift } = sighting;
  const expected = Object.fromEntries(drift.map(({ field, expected }) => [field, expected ?? null]));
  const actual = Object.fromEntries(drift.map(({ field, actual }) => [field, actual ?? null]));
  return onRecord(step, entity, crmId, canonicalJson(actual), {
    class: "edit",
    kind: `${entity}-drift`,
    expected,
    actual,
    message: `${drift.map(({ field }) => field).join(", ")} changed since`,
    sinceMs: context.nowMs,
    repair: "accept",
    safe: true,
    order: null,
  });
}

export function judgeLink(deal: MislinkedDeal, context: JudgeContext): FoundDiscrepancy | null {
  const { sighting, step, personId, organizationId } = deal;
  const person = linkNow("person", personId, sighting.personId, context);
  const organization = linkNow("organization", organizationId, sighting.organizationId, context);
  if (person === null && organization === null) return null;
  const expected = { ...(person && { personId }), ...(organization && { organizationId }) };
  const actual = { ...(person && { personId: person.id }), ...(organization && { organizationId: organization.id }) };
  const what = [person && "person", organization && "organization"].filter(Boolean).join(" and ");
  return onRecord(step, "deal", sighting.crmId, canonicalJson(actual), {
    class: "edit",
    kind: "link-wrong",
    expected,
    actual,
    message: `hangs on another ${what}`,
    sinceMs: context.nowMs,
    repair: "accept",
    safe: true,
    order: {
      type: "write",
      submissionId: step.submissionId,
      entity: "deal",
      content: { values: {}, onMatch: "overwrite", repair: { do: "overwrite", target: sighting.crmId, ...expected } },
    } as RepairOrder,
  });
}

/** Where the deal hangs instead; null where that is right, or follows from a record that is lost, which is said there. */
function linkNow(
  entity: "person" | "organization",
  ours: CrmId | null,
  theirs: CrmId | null,
  context: JudgeContext,
): { id: CrmId | null } | null {
  if (ours === null || ours === theirs || context.lost.has(recordName(entity, ours))) return null;
  return { id: theirs };
}
