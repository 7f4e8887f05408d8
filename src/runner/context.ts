/** What every driver of one drain shares. */
import type { StepError } from "../domain/chain.ts";
import type { CrmRecord, Operation, Outcome } from "../domain/operation.ts";
import type { PlanSettings } from "../domain/settings.ts";
import type { Mirror } from "../mirror/mirror.ts";
import type { PlanContext } from "../planner/planner.ts";
import type { Connection } from "./connect.ts";
import type { KeyedLocks } from "./keyed-locks.ts";
import type { KnownOrganizations } from "./known-organizations.ts";
import type { RunnerDeps } from "./runner.ts";
import type { Tally } from "./tally.ts";
import { ChainStop, readTicket, type Work } from "./work.ts";
import type { Writer } from "./writer.ts";

export interface DriveContext extends Connection {
  deps: RunnerDeps;
  mirror: Mirror;
  locks: KeyedLocks;
  tally: Tally;
  organizations: KnownOrganizations;
  /** Writers that hold gathered writes of a work from its claim's shared part. */
  writers: Map<Work, Writer>;
  /** Notes that may be those of a run that died. */
  lostNotes: readonly CrmRecord[];
  /** Others got through shortly before this run: a bug that one submission meets now is not everybody's. */
  isDelivering: boolean;
  /** Makes keys for reads, unique in this run. */
  readKey: () => string;
}

export function settingsOf(context: DriveContext, source: string): PlanSettings {
  const { plans } = context.deps.settings;
  return plans[source] ?? plans.default!;
}

export function planContext(context: DriveContext, source: string): PlanContext {
  const { adapter, phone } = context.deps;
  return {
    catalog: context.session.catalog,
    codec: adapter.codec,
    phone,
    noteLengthMax: adapter.capabilities.noteLengthMax,
    country: settingsOf(context, source).persons.country,
  };
}

/** Tries of one read on behalf of a submission, before the submission itself is tried again later. */
const READ_TRIES_MAX = 2;

/** Reads for works; an outcome that is neither applied nor refused is repeated once, then stops the chain for later. */
export async function read(context: DriveContext, works: readonly Work[], operation: Operation): Promise<Outcome> {
  for (let tries = 1; ; tries += 1) {
    const { outcome } = await context.wheel.perform(operation, readTicket(works, tries > 1));
    if (outcome.type === "applied" || outcome.type === "refused") return outcome;
    if (tries < READ_TRIES_MAX) continue;
    const message = "message" in outcome ? outcome.message : outcome.type;
    throw new ChainStop({ type: "again", error: { code: "CRM_READ", message }, step: null });
  }
}

/** A record by id as it is now; null where the CRM doesn't have it (any more). */
export async function freshRecord(
  context: DriveContext,
  works: readonly Work[],
  entity: CrmRecord["entity"],
  id: string,
): Promise<CrmRecord | null> {
  const outcome = await read(context, works, { type: "read", key: context.readKey(), entity, id });
  if (outcome.type === "applied") {
    const record = outcome.record ?? null;
    return record && !record.deleted ? record : null;
  }
  if (outcome.type === "refused" && outcome.gone) return null;
  throw new ChainStop({ type: "failed", error: refusal(outcome), step: null });
}

export function refusal(outcome: Outcome): StepError {
  if (outcome.type === "refused") {
    const { code, message, hint, about } = outcome;
    return { code, message, hint, about };
  }
  return { code: "CRM_UNEXPECTED", message: `the CRM answered ${outcome.type}` };
}
