/** The list pages of one entity, each kept in the ledger before the next is asked for. A stopped walk goes on where it was. */
import type { Entity } from "../domain/catalog.ts";
import type { CrmRecord, ListOperation } from "../domain/operation.ts";
import type { CheckRow } from "../ledger/checks.ts";
import { LookupFailed, readApplied } from "../mirror/lookup-failed.ts";
import { beginWalk, type Walk, walkOn } from "../mirror/walk.ts";
import type { Progress } from "./progress.ts";
import type { ReconcileDeps } from "./reconcile.ts";
import { sightingsOf } from "./sight.ts";

/** Ten million records of Pipedrive's pages: a cursor that runs in circles ends here. */
const PAGES_MAX = 20_000;
/** The CRM's clock is not ours, and a change may be committed late. */
const MARGIN_MS = 24 * 3_600_000;

export interface Looking {
  deps: ReconcileDeps;
  check: CheckRow;
  progress: Progress;
  entity: Entity;
}

/** Everything that the CRM lists. Persons and organizations bring the mirror up to date on the way. */
export async function walkAll(looking: Looking): Promise<void> {
  const { entity } = looking;
  if (entity === "person" || entity === "organization") await walkDirectory(looking, entity);
  else await walkPages(looking, {});
}

async function walkDirectory(looking: Looking, entity: "person" | "organization"): Promise<void> {
  const { deps, progress } = looking;
  const state = await deps.ledger.mirrorState(deps.accountId, entity);
  const walk = (progress.walk as Walk | undefined) ?? beginWalk(state, deps.clock.wallMs(), { full: true });
  const onPage = async (records: readonly CrmRecord[], at: Walk): Promise<void> => {
    await keep(looking, records, { ...progress, walk: { ...at } });
  };
  await walkOn(deps.mirrorDeps, entity, walk, Number.POSITIVE_INFINITY, deps.mirror.keysOf, { onPage });
}

/** What changed since the scope's start. */
export async function walkChanged(looking: Looking, sinceMs: number): Promise<void> {
  await walkPages(looking, { sinceMs: looking.deps.crmTimeMs(sinceMs) - MARGIN_MS });
}

/** Deals that the ordinary lists leave out. */
export async function walkSubset(looking: Looking, subset: NonNullable<ListOperation["subset"]>): Promise<void> {
  await walkPages(looking, { subset });
}

async function walkPages(looking: Looking, query: Pick<ListOperation, "sinceMs" | "subset">): Promise<void> {
  const { deps, progress, entity } = looking;
  let cursor = progress.cursor ?? undefined;
  for (let page = 1; page <= PAGES_MAX; page += 1) {
    const key = `check:${entity}:${query.subset ?? "all"}:${page}`;
    const { outcome } = await readPage(deps, { type: "list", key, entity, ...query, ...(cursor && { cursor }) });
    const records = outcome.type === "applied" ? (outcome.records ?? []) : [];
    const next = outcome.type === "applied" ? (outcome.next ?? null) : null;
    await keep(looking, records, { ...progress, cursor: next });
    progress.cursor = next;
    if (next === null) return;
    cursor = next;
  }
}

/** A cursor that the CRM refuses has run out since the check was stopped: the list is read from its start. */
async function readPage(deps: ReconcileDeps, { cursor, ...list }: ListOperation): ReturnType<typeof readApplied> {
  if (cursor === undefined) return await readApplied(deps, list);
  try {
    return await readApplied(deps, { ...list, cursor });
  } catch (error) {
    const refused = error instanceof LookupFailed && error.outcome.type === "refused" && !error.outcome.hold;
    if (!refused) throw error;
    return await readApplied(deps, list);
  }
}

async function keep({ deps, check, progress, entity }: Looking, records: readonly CrmRecord[], after: Progress) {
  const sightings = await sightingsOf(deps, entity, records);
  progress.seen += records.length;
  await deps.ledger.saveSightings(check.id, sightings, { ...after, seen: progress.seen }, deps.clock.wallMs());
  deps.progress?.({ entity, records: progress.seen, expected: progress.expected });
}
