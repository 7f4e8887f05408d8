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

/**
 * What changed since the scope's start. The directory is brought up to date on the way: what others made for one of our
 * persons since the mirror was read last is known to nobody. Without a time only that is read, the rest of ours by id.
 */
export async function walkChanged(looking: Looking): Promise<void> {
  const { deps, progress, entity } = looking;
  const from = (progress.walk as { sinceMs: number | null } | undefined) ?? { sinceMs: await startOf(looking) };
  // The mirror's mark moves while pages are read, and all of them must be of one list.
  progress.walk = from;
  if (from.sinceMs === null) return;
  await walkPages(looking, { sinceMs: from.sinceMs }, async (records) => {
    if (entity !== "person" && entity !== "organization") return;
    const there = records.filter(({ deleted, archived }) => !deleted && !archived);
    await deps.ledger.mirrorSave({
      accountId: deps.accountId,
      entity,
      records: there,
      keys: Object.fromEntries(there.map((record) => [record.id, deps.mirror.keysOf(record)])),
      gone: records.filter((record) => !there.includes(record)).map(({ id }) => id),
      state: null,
      nowMs: deps.clock.wallMs(),
    });
  });
}

async function startOf({ deps, check, entity }: Looking): Promise<number | null> {
  const { sinceMs } = check.scope;
  const scopeMs = sinceMs === null ? null : deps.crmTimeMs(sinceMs) - MARGIN_MS;
  const { watermarkMs } = await deps.ledger.mirrorState(deps.accountId, entity);
  if (scopeMs === null || watermarkMs === null) return scopeMs ?? watermarkMs;
  return Math.min(scopeMs, watermarkMs);
}

/** Deals that the ordinary lists leave out. */
export async function walkSubset(looking: Looking, subset: NonNullable<ListOperation["subset"]>): Promise<void> {
  await walkPages(looking, { subset });
}

async function walkPages(
  looking: Looking,
  query: Pick<ListOperation, "sinceMs" | "subset">,
  onPage: (records: readonly CrmRecord[]) => Promise<void> = async () => {},
): Promise<void> {
  const { progress, entity } = looking;
  let cursor = progress.cursor ?? undefined;
  for (let page = 1; page <= PAGES_MAX; page += 1) {
    const key = `check:${entity}:${query.subset ?? "all"}:${page}`;
    const { outcome } = await readPage(looking, { type: "list", key, entity, ...query, ...(cursor && { cursor }) });
    const records = outcome.type === "applied" ? (outcome.records ?? []) : [];
    const next = outcome.type === "applied" ? (outcome.next ?? null) : null;
    await onPage(records);
    await keep(looking, records, { ...progress, cursor: next });
    progress.cursor = next;
    if (next === null) return;
    cursor = next;
  }
}

/** A cursor that the CRM refuses has run out since the check was stopped: the list is read from its start. */
async function readPage(
  { deps, progress }: Looking,
  { cursor, ...list }: ListOperation,
): ReturnType<typeof readApplied> {
  if (cursor === undefined) return await readApplied(deps, list);
  try {
    return await readApplied(deps, { ...list, cursor });
  } catch (error) {
    const refused = error instanceof LookupFailed && error.outcome.type === "refused" && !error.outcome.hold;
    if (!refused) throw error;
    progress.seen = 0;
    return await readApplied(deps, list);
  }
}

async function keep({ deps, check, progress, entity }: Looking, records: readonly CrmRecord[], after: Progress) {
  const sightings = await sightingsOf(deps, entity, records);
  progress.seen += records.length;
  deps.failpoint("check.page.before");
  await deps.ledger.saveSightings(check.id, sightings, { ...after, seen: progress.seen }, deps.clock.wallMs());
  deps.failpoint("check.page.after");
  deps.progress?.({ entity, records: progress.seen, expected: progress.expected });
}
