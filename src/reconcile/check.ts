/** A whole check: look at the CRM entity by entity, let SQL find what differs, name it, write it down. */
import { ENTITIES, type Entity } from "../domain/catalog.ts";
import type { CheckRow, CheckScope, ExtraRecord, Page } from "../ledger/checks.ts";
import { Judging } from "./judging.ts";
import { lookById } from "./look.ts";
import { priceCheck } from "./price.ts";
import { begin, finished, type Progress, readProgress } from "./progress.ts";
import type { CheckInput, CheckPrice, CheckReport, ReconcileDeps, Way } from "./reconcile.ts";
import { type Looking, walkAll, walkChanged, walkSubset } from "./walks.ts";

/**
 * A stopped check goes on for so long: a day's budget comes back within it, or a check that costs more than a day's would
 * never end. Later the CRM has moved on, and it begins anew.
 */
const RESUME_WITHIN_MS = 26 * 3_600_000;
/** More deals than this that no list showed are sought among the archived before they are read one by one. */
const SINGLES_MAX = 40;

/** What the check of a scope will cost. Asks the CRM nothing. */
export async function priceOf(
  deps: Pick<ReconcileDeps, "ledger" | "accountId" | "adapter">,
  scope: CheckScope,
): Promise<CheckPrice> {
  const { records } = await deps.ledger.scopeSize(scope);
  const known = {} as Record<Entity, number>;
  for (const entity of ENTITIES) known[entity] = (await deps.ledger.mirrorState(deps.accountId, entity)).records;
  return priceCheck({ scope, records, known }, deps.adapter.capabilities);
}

/**
 * Runs a check, or goes on with one that a hold stopped. Rejects as `read` does where a run can't go on (a hold, a signal):
 * what was seen is kept, and the next check of the same scope goes on behind it.
 */
export async function runCheck(deps: ReconcileDeps, input: CheckInput): Promise<CheckReport> {
  const { ledger, clock, failpoint } = deps;
  const check = await ledger.openCheck(deps.accountId, deps.runId, input.scope, clock.wallMs(), RESUME_WITHIN_MS);
  failpoint("check.opened");
  const price = await priceOf(deps, input.scope);
  let progress = readProgress(check.progress);
  for (const { entity, way, records } of price.entities) {
    if (progress?.done.includes(entity)) continue;
    const current: Progress = progress?.way == null ? { ...begin(progress, records), way } : progress;
    await lookAt({ deps, check, progress: current, entity }, current.way ?? way);
    progress = finished(entity, current);
    await ledger.saveSightings(check.id, [], progress, clock.wallMs());
    failpoint("check.entity.after");
  }
  return await judge(deps, check, input, progress);
}

async function lookAt(looking: Looking, way: Way): Promise<void> {
  const { deps, check, progress, entity } = looking;
  if (way === "none") return;
  const next = async (part: Progress["part"]): Promise<void> => {
    Object.assign(progress, { part, cursor: null, walk: undefined });
    await deps.ledger.saveSightings(check.id, [], { ...progress }, deps.clock.wallMs());
  };
  if (progress.part === "lists") {
    if (way === "walk") await walkAll(looking);
    else await walkChanged(looking);
    if (entity === "deal" && way === "walk") progress.deals = progress.seen;
    await next("archived");
  }
  if (progress.part === "archived") {
    if (entity === "deal" && (await leavesMoreThan(SINGLES_MAX, looking))) await walkSubset(looking, "archived");
    await next("deleted");
  }
  if (progress.part === "deleted") {
    // This list alone shows what somebody deleted, also of chains that the ledger does not know any more.
    if (entity === "deal" && ((await leavesMoreThan(0, looking)) || (await showsUnknown(looking))))
      await walkSubset(looking, "deleted");
    await next("byId");
  }
  await lookById(looking, way);
}

async function leavesMoreThan(count: number, { deps, check, entity }: Looking): Promise<boolean> {
  return (await deps.ledger.unsighted(check.id, entity, null, count + 1)).rows.length > count;
}

/** Whether a stamp was seen that the ledger doesn't know: it is older than the CRM, and does not know its deleted ones either. */
async function showsUnknown({ deps, check }: Looking): Promise<boolean> {
  let after: string | null = null;
  do {
    const page: Page<ExtraRecord> = await deps.ledger.extraRecords(check.id, after, 1);
    if (page.rows.some(({ step }) => step?.state !== "done")) return true;
    after = page.next;
  } while (after !== null);
  return false;
}

async function judge(
  deps: ReconcileDeps,
  check: CheckRow,
  input: CheckInput,
  progress: Progress | null,
): Promise<CheckReport> {
  const judging = new Judging(deps, check);
  await judging.records();
  await judging.identities(new Set(progress?.walked));
  await judging.queue(input.notIngested);
  const checked = await deps.ledger.submissionsIn(check.scope);
  const matched = Math.max(0, checked - judging.unmatched);
  deps.failpoint("check.judged");
  const summary = { checked, matched, ...(progress?.deals !== undefined && { deals: progress.deals }) };
  await deps.ledger.finishCheck(check.id, summary, deps.clock.wallMs());
  deps.failpoint("check.finished");
  return { check, checked, matched, notChecked: [] };
}
