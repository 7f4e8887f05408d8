/**
 * Brings pages of the CRM's directory into the ledger: all of it (a full walk), or what changed since the watermark (a
 * refresh). Only the last page makes it complete: until then watermark and dates stay as they were.
 */

import type { IdentityKey } from "../domain/identity.ts";
import type { CrmRecord, ListOperation } from "../domain/operation.ts";
import type { MirrorEntity, MirrorState } from "../ledger/rows.ts";
import { LookupFailed, readApplied } from "./lookup-failed.ts";
import type { MirrorDeps } from "./mirror.ts";

/** A walk that has begun, as plain JSON. It can go on where it stopped; where the CRM knows its cursor no more, it starts again. */
export interface Walk {
  kind: "walk" | "refresh";
  walk: number;
  /** Of a refresh: CRM time from which changes are read. The same for all its pages. */
  sinceMs: number | null;
  cursor: string | null;
  /** The CRM's clock at the first page; null before it, or where the CRM does not say. */
  serverTimeMs: number | null;
  startedAtMs: number;
  pages: number;
  records: number;
  tokens: number;
}

/** Changes of the last minute are read again: their time is the CRM's, and they may have been committed late. */
const OVERLAP_MS = 60_000;
/** Where the CRM tells no time, ours is used, less more than any clock is wrong by. */
const UNKNOWN_CLOCK_MS = 86_400_000;

/** Ten million records of Pipedrive's pages: a cursor that runs in circles ends here. */
const PAGES_MAX = 20_000;

/** A refresh where there was a full walk before, unless `full` asks for another one. */
export function beginWalk(state: MirrorState, nowMs: number, options: { full?: boolean } = {}): Walk {
  const full = options.full === true || state.walkedAtMs === null || state.watermarkMs === null;
  return {
    kind: full ? "walk" : "refresh",
    walk: full ? state.walk + 1 : state.walk,
    sinceMs: full ? null : state.watermarkMs,
    cursor: null,
    serverTimeMs: null,
    startedAtMs: nowMs,
    pages: 0,
    records: 0,
    tokens: 0,
  };
}

export interface WalkOptions {
  /**
   * Told of each page once the mirror has it, and waited for: `walk` is where to go on, so whoever keeps it misses no page.
   * A page may come twice.
   */
  onPage?: (records: readonly CrmRecord[], walk: Walk) => Promise<void>;
}

/** Reads pages while they stay within the budget; true once it is complete. Throws as `readApplied` does. */
export async function walkOn(
  deps: MirrorDeps,
  entity: MirrorEntity,
  walk: Walk,
  budgetTokens: number,
  keysOf: (record: CrmRecord) => IdentityKey[],
  options: WalkOptions = {},
): Promise<boolean> {
  const pageTokens = deps.capabilities.cost("list", entity);
  if (walk.kind === "walk" && walk.pages === 0 && pageTokens <= budgetTokens) {
    // From here on what we write ourselves carries the new number, so that the sweep after the walk leaves it alone.
    const state = await deps.ledger.mirrorState(deps.accountId, entity);
    await savePage(deps, entity, [], { ...state, walk: Math.max(state.walk, walk.walk) }, keysOf);
  }
  while (walk.tokens + pageTokens <= budgetTokens && walk.pages < PAGES_MAX) {
    const { outcome, serverTimeMs } = await readPage(deps, entity, walk);
    const records = outcome.type === "applied" ? (outcome.records ?? []) : [];
    const next = outcome.type === "applied" ? (outcome.next ?? null) : null;
    await deps.onPage?.(records);
    if (walk.pages === 0) walk.serverTimeMs = serverTimeMs;
    walk.pages += 1;
    walk.tokens += pageTokens;
    walk.records += records.length;
    walk.cursor = next;
    const state = await deps.ledger.mirrorState(deps.accountId, entity);
    const after = next === null ? completed(state, walk) : underWay(state, walk);
    await savePage(deps, entity, records, after, keysOf);
    await options.onPage?.(records, walk);
    if (next !== null) continue;
    if (walk.kind === "walk") await deps.ledger.mirrorSweep(deps.accountId, entity, walk.walk);
    return true;
  }
  return false;
}

/** A cursor that the CRM refuses has run out: the walk starts again, once, and what it had cost stays on its account. */
async function readPage(deps: MirrorDeps, entity: MirrorEntity, walk: Walk): ReturnType<typeof readApplied> {
  try {
    return await readApplied(deps, pageOf(entity, walk));
  } catch (error) {
    const refused = error instanceof LookupFailed && error.outcome.type === "refused" && !error.outcome.hold;
    if (walk.cursor === null || !refused) throw error;
    Object.assign(walk, { cursor: null, serverTimeMs: null, startedAtMs: deps.clock.wallMs(), pages: 0, records: 0 });
    return await readApplied(deps, pageOf(entity, walk));
  }
}

function pageOf(entity: MirrorEntity, walk: Walk): ListOperation {
  return {
    type: "list",
    key: `mirror:${entity}:${walk.kind}:${walk.walk}:${walk.pages + 1}`,
    entity,
    ...(walk.sinceMs === null ? {} : { sinceMs: walk.sinceMs }),
    ...(walk.cursor === null ? {} : { cursor: walk.cursor }),
  };
}

function completed(state: MirrorState, walk: Walk): MirrorState {
  const full = walk.kind === "walk";
  return {
    ...state,
    walk: Math.max(state.walk, walk.walk),
    watermarkMs: watermarkOf(walk),
    walkedAtMs: full ? walk.startedAtMs : state.walkedAtMs,
    refreshedAtMs: walk.startedAtMs,
    records: full ? walk.records : state.records,
    searchTokens: 0,
  };
}

/** By the CRM's own clock, in whole seconds. Where it does not say, a refresh leaves the mark where it was. */
function watermarkOf(walk: Walk): number {
  const seenAtMs = walk.serverTimeMs ?? (walk.sinceMs === null ? walk.startedAtMs - UNKNOWN_CLOCK_MS : null);
  return seenAtMs === null ? (walk.sinceMs ?? 0) : Math.floor(seenAtMs / 1000) * 1000 - OVERLAP_MS;
}

/** What was seen of a first walk is what is known of its price. */
function underWay(state: MirrorState, walk: Walk): MirrorState {
  if (walk.kind === "refresh") return state;
  return { ...state, walk: Math.max(state.walk, walk.walk), records: Math.max(state.records, walk.records) };
}

async function savePage(
  deps: MirrorDeps,
  entity: MirrorEntity,
  records: readonly CrmRecord[],
  state: MirrorState,
  keysOf: (record: CrmRecord) => IdentityKey[],
): Promise<void> {
  const there = records.filter((record) => !record.deleted && !record.archived);
  await deps.ledger.mirrorSave({
    accountId: deps.accountId,
    entity,
    records: there,
    keys: Object.fromEntries(there.map((record) => [record.id, keysOf(record)])),
    gone: records.filter((record) => record.deleted || record.archived).map((record) => record.id),
    state,
    nowMs: deps.clock.wallMs(),
  });
}
