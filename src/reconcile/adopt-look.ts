/** The look at the CRM for `adopt`: persons by the mirror, their deals and notes by whichever lists are cheaper. Writes nothing. */
import type { CrmAdapter } from "../crm/adapter.ts";
import type { Clock } from "../domain/clock.ts";
import type { CrmId } from "../domain/ids.ts";
import type { CrmRecord, ListOperation } from "../domain/operation.ts";
import { readApplied } from "../mirror/lookup-failed.ts";
import type { Mirror, Read } from "../mirror/mirror.ts";
import type { PlanContext } from "../planner/planner.ts";
import type { Sight, Wanted } from "./adopt.ts";
import { earliestMs } from "./adopt-deals.ts";
import { match } from "./adopt-match.ts";
import { personsOf } from "./adopt-wanted.ts";

/** A cursor that runs in circles ends here. */
const PAGES_MAX = 20_000;
/** The CRM's clock is not ours, and a change may be committed late. */
const MARGIN_MS = 3_600_000;
/** Reads in flight; the pacer bounds the rate. */
const TOGETHER_MAX = 8;

export interface LookDeps {
  adapter: Pick<CrmAdapter, "capabilities" | "sameNote">;
  read: Read;
  clock: Clock;
  mirror: Pick<Mirror, "persons">;
  /** An instant of ours on the CRM's clock. */
  crmTimeMs: (ourMs: number) => number;
  plan: PlanContext;
  /** Told of what is being read. */
  progress?: (what: "persons" | "deals" | "notes", records: number) => void;
}

type Parent = { dealId: CrmId } | { personId: CrmId };
type Query = Pick<ListOperation, "entity" | "subset">;

/** Rejects as `read` does where the run can't go on (a hold, a signal), and with `LookupFailed` where the CRM refuses to answer. */
export async function lookFor(deps: LookDeps, wanted: readonly Wanted[]): Promise<Sight> {
  const persons = await findPersons(deps, wanted);
  const ids = new Set(persons.flatMap((found) => found.map(({ id }) => id)));
  const sight: Sight = { persons, deals: [], notes: [] };
  if (wanted.some(({ deal }) => deal !== null)) sight.deals = await findDeals(deps, wanted, ids, {});
  // Lists leave out what is archived or deleted: asked for only where a deal is missed that may be there.
  if (isMissed(wanted, sight, deps)) {
    for (const subset of ["archived", "deleted"] as const)
      sight.deals = [...sight.deals, ...(await findDeals(deps, wanted, ids, { subset }))];
  }
  if (wanted.some(({ notes }) => notes.length > 0)) sight.notes = await findNotes(deps, wanted, ids, sight.deals);
  return sight;
}

async function findPersons(deps: LookDeps, wanted: readonly Wanted[]): Promise<CrmRecord[][]> {
  const sought = wanted.filter(({ person }) => (person?.matchKeys ?? []).length > 0);
  const answers = await deps.mirror.persons(sought.map(({ person }) => ({ keys: person!.matchKeys! })));
  const byWanted = new Map(sought.map((one, index) => [one, answers[index]!.candidates]));
  deps.progress?.("persons", sought.length);
  return wanted.map((one) => personsOf(one.person, byWanted.get(one) ?? [], deps.plan));
}

function isMissed(wanted: readonly Wanted[], sight: Sight, { adapter }: LookDeps): boolean {
  const findings = match(wanted, sight, adapter.sameNote);
  return wanted.some(
    ({ deal }, index) => deal !== null && findings[index]!.deal === null && sight.persons[index]!.length > 0,
  );
}

async function findDeals(
  deps: LookDeps,
  wanted: readonly Wanted[],
  persons: ReadonlySet<CrmId>,
  query: Pick<Query, "subset">,
): Promise<CrmRecord[]> {
  const keep = ({ personId }: CrmRecord): boolean => personId === null || persons.has(personId);
  const parents = [...persons].map((personId) => ({ personId }));
  return await cheaper(deps, { entity: "deal", ...query }, sinceOf(deps, wanted), parents, keep);
}

async function findNotes(
  deps: LookDeps,
  wanted: readonly Wanted[],
  persons: ReadonlySet<CrmId>,
  deals: readonly CrmRecord[],
): Promise<CrmRecord[]> {
  const dealIds = new Set(deals.filter(({ deleted }) => !deleted).map(({ id }) => id));
  const keep = ({ personId, dealId }: CrmRecord): boolean =>
    (personId !== null && persons.has(personId)) || (dealId !== null && dealIds.has(dealId));
  const parents = [...[...persons].map((personId) => ({ personId })), ...[...dealIds].map((dealId) => ({ dealId }))];
  return await cheaper(deps, { entity: "note" }, sinceOf(deps, wanted), parents, keep);
}

/** From when on anything may be meant; null: from the beginning, since some submission has no time. */
function sinceOf(deps: LookDeps, wanted: readonly Wanted[]): number | null {
  let sinceMs = Number.POSITIVE_INFINITY;
  for (const { submittedAtMs } of wanted) {
    if (submittedAtMs === null) return null;
    sinceMs = Math.min(sinceMs, earliestMs(submittedAtMs));
  }
  return Number.isFinite(sinceMs) ? deps.crmTimeMs(sinceMs) - MARGIN_MS : null;
}

/**
 * Pages of everything that changed since, while they cost no more than a list for each parent would; then those lists. So it
 * costs at most twice what the cheaper of the two does. Only what `keep` wants stays in memory.
 */
async function cheaper(
  deps: LookDeps,
  query: Query,
  sinceMs: number | null,
  parents: readonly Parent[],
  keep: (record: CrmRecord) => boolean,
): Promise<CrmRecord[]> {
  if (parents.length === 0 && query.entity === "note") return [];
  const pageTokens = deps.adapter.capabilities.cost("list", query.entity, query.subset);
  const budget = Math.max(1, parents.length) * pageTokens;
  const since = sinceMs === null ? {} : { sinceMs };
  const pages = await listPages(deps, { ...query, ...since }, Math.ceil(budget / pageTokens), keep);
  if (pages !== null) return pages;
  const found = new Map<CrmId, CrmRecord>();
  for (let from = 0; from < parents.length; from += TOGETHER_MAX) {
    const lists = parents
      .slice(from, from + TOGETHER_MAX)
      .map((parent) => listPages(deps, { ...query, ...parent }, PAGES_MAX, keep));
    for (const record of (await Promise.all(lists)).flatMap((list) => list ?? [])) found.set(record.id, record);
  }
  return [...found.values()];
}

/** Null where there are more pages than that. */
async function listPages(
  deps: LookDeps,
  query: Omit<ListOperation, "type" | "key" | "cursor">,
  pagesMax: number,
  keep: (record: CrmRecord) => boolean,
): Promise<CrmRecord[] | null> {
  const kept: CrmRecord[] = [];
  let cursor: string | undefined;
  let seen = 0;
  for (let page = 1; page <= pagesMax; page += 1) {
    const key = `adopt:${query.entity}:${query.subset ?? "all"}:${page}`;
    const { outcome } = await readApplied(deps, { type: "list", key, ...query, ...(cursor && { cursor }) });
    if (outcome.type !== "applied") return kept;
    for (const record of outcome.records ?? []) if (keep(record)) kept.push(record);
    seen += outcome.records?.length ?? 0;
    deps.progress?.(query.entity === "note" ? "notes" : "deals", seen);
    if (!outcome.next) return kept;
    cursor = outcome.next;
  }
  return null;
}
