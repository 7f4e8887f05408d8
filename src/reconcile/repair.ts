/**
 * Repairs: what `--repair` may do by itself, what must be asked for by name, and what each costs. All of them go into the
 * ordinary queue of the ledger; nothing is sent here.
 */
import type { Capabilities } from "../crm/adapter.ts";
import type { Catalog, Entity } from "../domain/catalog.ts";
import type { EntityValues, StepName } from "../domain/chain.ts";
import type { AccountId } from "../domain/ids.ts";
import type { DiscrepancyFilter, DiscrepancyRow, RepairOrder } from "../ledger/checks.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { lastValues } from "./drift.ts";
import type { ReconcileFailpoint } from "./failpoints.ts";

export const NAMED_REPAIRS = ["recreate", "overwrite", "merge"] as const;
/** `safe`: whatever harms nobody. The others are asked for by name, a merge also by id. */
export type RepairWish = "safe" | (typeof NAMED_REPAIRS)[number];

/** Rows of a page, and of a transaction. */
const ROWS_MAX = 100;
const MERGEABLE = /-duplicate$/;

export interface RepairOutcome {
  /** Discrepancies for which something was queued or done. */
  queued: number;
  /** The same by kind: what a `sync` has to send, what was done in the ledger at once, and what was left as people changed it. */
  kinds: Record<"queued" | "done" | "left", Record<string, number>>;
  /** Not possible now, with the reason, one line each. */
  refused: { id: string; why: string }[];
}

/** A repair that was tried and left the difference there is no longer safe to repeat without a person. */
export const isSafe = (row: DiscrepancyRow): boolean => row.safe && row.repairs === 0;

/** Whether a wish means this discrepancy. `ids`: those that were named; empty: all that the wish may take by itself. */
export function isWished(row: DiscrepancyRow, wish: RepairWish, ids: ReadonlySet<string>): boolean {
  const named = ids.has(row.id);
  if (row.state === "repaired" || row.state === "gone") return false;
  if (row.state === "accepted" && !named) return false;
  if (ids.size > 0 && !named) return false;
  switch (wish) {
    case "safe":
      return isSafe(row);
    case "recreate":
      // What people deleted comes back only one by one; what is only hidden from our user would be there twice.
      return row.repair === "recreate" && (named || (row.kind.endsWith("-missing") && !isHidden(row)));
    case "overwrite":
      return row.kind.endsWith("-drift") || row.kind === "link-wrong";
    case "merge":
      return named && MERGEABLE.test(row.kind);
  }
}

function isHidden({ actual }: DiscrepancyRow): boolean {
  return (actual as { hidden?: boolean } | null)?.hidden === true;
}

type RepairLedger = Pick<Ledger, "discrepancies" | "queueRepairs" | "acceptDiscrepancies" | "ownWrites">;

export interface RepairDeps {
  ledger: RepairLedger;
  accountId: AccountId;
  catalog: Catalog;
  nowMs: number;
  failpoint: ReconcileFailpoint;
}

/** A file of which the ledger lacks these keys. */
export interface LackingFile {
  file: string;
  source: string;
  keys: Set<string>;
}

/**
 * Queues what is wished for among the discrepancies of `filter`. Files that hold what the ledger doesn't know go to `ingest`
 * first, so that records at the CRM are adopted for submissions that are known by then. `accept` closes drift and links as
 * people left them.
 */
export async function repair(
  deps: RepairDeps,
  wish: RepairWish,
  ids: ReadonlySet<string>,
  filter: DiscrepancyFilter,
  ingest: (files: readonly LackingFile[]) => Promise<void>,
): Promise<RepairOutcome> {
  const outcome: RepairOutcome = { queued: 0, kinds: { queued: {}, done: {}, left: {} }, refused: [] };
  const unknown: DiscrepancyRow[] = [];
  await eachWished(deps, wish, ids, { ...filter, kinds: ["not-ingested"] }, async (rows) => void unknown.push(...rows));
  if (unknown.length > 0) {
    await ingest(filesOf(unknown));
    deps.failpoint("repair.ingested");
  }
  await queue(deps, wish, unknown, outcome);
  await eachWished(deps, wish, ids, filter, async (wished) => {
    const rows = wished.filter(({ repair }) => repair !== "ingest");
    const accepted = wish === "safe" ? rows.filter(({ repair }) => repair === "accept") : [];
    if (accepted.length > 0) {
      const named = { ids: accepted.map(({ id }) => id) };
      outcome.queued += await deps.ledger.acceptDiscrepancies(named, "left as people changed it", deps.nowMs);
      deps.failpoint("repair.accepted");
      for (const { kind } of accepted) tally(outcome.kinds.left, kind);
    }
    const others = rows.filter((row) => !accepted.includes(row));
    await queue(deps, wish, others, outcome);
  });
  return outcome;
}

function filesOf(rows: readonly DiscrepancyRow[]): LackingFile[] {
  const files = new Map<string, LackingFile>();
  for (const { order, key } of rows) {
    const name = JSON.stringify(order);
    const lacking = files.get(name) ?? { ...(order as { file: string; source: string }), keys: new Set() };
    if (key !== null) lacking.keys.add(key);
    files.set(name, lacking);
  }
  return [...files.values()];
}

async function eachWished(
  deps: RepairDeps,
  wish: RepairWish,
  ids: ReadonlySet<string>,
  filter: DiscrepancyFilter,
  act: (rows: DiscrepancyRow[]) => Promise<void>,
): Promise<void> {
  let after: string | null = null;
  do {
    const page = await deps.ledger.discrepancies(filter, after, ROWS_MAX);
    const rows = page.rows.filter((row) => isWished(row, wish, ids));
    if (rows.length > 0) await act(rows);
    after = page.next;
  } while (after !== null);
}

async function queue(
  deps: RepairDeps,
  wish: RepairWish,
  rows: readonly DiscrepancyRow[],
  outcome: RepairOutcome,
): Promise<void> {
  const repairs: { discrepancyId: string; order: RepairOrder }[] = [];
  for (const row of rows) {
    for (const order of await ordersOf(deps, wish, row)) repairs.push({ discrepancyId: row.id, order });
  }
  if (repairs.length === 0) return;
  deps.failpoint("repair.queue.before");
  const verdicts = await deps.ledger.queueRepairs(deps.accountId, repairs, deps.nowMs);
  deps.failpoint("repair.queue.after");
  const queued = new Map<string, "queued" | "done">();
  for (const [at, verdict] of verdicts.entries()) {
    const { discrepancyId } = repairs[at]!;
    if (verdict === "queued") queued.set(discrepancyId, verdict);
    else if (verdict === "done") queued.set(discrepancyId, queued.get(discrepancyId) ?? verdict);
    else outcome.refused.push({ id: discrepancyId, why: WHY[verdict] });
  }
  outcome.queued += queued.size;
  for (const { id, kind } of rows) {
    const verdict = queued.get(id);
    if (verdict !== undefined) tally(outcome.kinds[verdict], kind);
  }
}

function tally(counts: Record<string, number>, kind: string): void {
  counts[kind] = (counts[kind] ?? 0) + 1;
}

const WHY = {
  busy: "a run works on its submission now; ask again when it has ended",
  changed: "it is not any more as this check saw it; the next reconcile looks again",
};

async function ordersOf(deps: RepairDeps, wish: RepairWish, row: DiscrepancyRow): Promise<RepairOrder[]> {
  if (wish === "overwrite" && row.kind.endsWith("-drift")) return await overwriteOrders(deps, row);
  if (row.repair === "ingest") return [{ type: "ingested" }];
  if (row.order === null) return [];
  return Array.isArray(row.order) ? (row.order as RepairOrder[]) : [row.order as RepairOrder];
}

/** Sends again what we wrote last, of the fields that differ and no others. */
async function overwriteOrders(deps: RepairDeps, row: DiscrepancyRow): Promise<RepairOrder[]> {
  const { entity, crmId, submissionId } = row;
  if (entity === null || crmId === null || submissionId === null) return [];
  const writes = (await deps.ledger.ownWrites(entity, [crmId])).get(crmId) ?? [];
  const fields = new Set(Object.keys((row.expected ?? {}) as Record<string, unknown>));
  const format = writes.findLast(({ content }) => content.values.text !== undefined)?.content.format;
  const values = entity === "note" ? noteText(writes) : onlyFields(lastValues(writes), fields, entity, deps.catalog);
  if (Object.keys(values).length === 0) return [];
  const repair = { do: "overwrite" as const, target: crmId };
  return [
    {
      type: "write",
      submissionId,
      entity,
      content: { values, onMatch: "overwrite", repair, ...(format && { format }) },
    },
  ];
}

function noteText(writes: readonly { content: { values: EntityValues } }[]): EntityValues {
  const text = writes.findLast(({ content }) => content.values.text !== undefined)?.content.values.text;
  return text === undefined ? {} : { text };
}

function onlyFields(
  values: EntityValues,
  fields: ReadonlySet<string>,
  entity: Exclude<Entity, "note">,
  catalog: Catalog,
): EntityValues {
  const { fields: custom = {}, ...plain } = values;
  const kept: EntityValues = Object.fromEntries(Object.entries(plain).filter(([name]) => fields.has(name)));
  if (fields.has("value") && values.currency !== undefined) kept.currency = values.currency;
  if (fields.has("currency") && values.value !== undefined) kept.value = values.value;
  const defs = catalog.fields[entity] ?? [];
  const named = Object.entries(custom).filter(([code]) => {
    const name = defs.find((def) => def.code === code)?.name;
    return name !== undefined && fields.has(name);
  });
  if (named.length > 0) kept.fields = Object.fromEntries(named);
  return kept;
}

const ENTITY_OF_STEP = (name: StepName): Entity | null =>
  name.startsWith("note.") ? "note" : name.startsWith("repair.") ? null : (name as Entity);

/** Tokens that a discrepancy's repair will cost, where that is known; null where it can't be repaired. */
export function repairTokens(row: DiscrepancyRow, { cost }: Pick<Capabilities, "cost">): number | null {
  const { repair, entity } = row;
  if (repair === null) return null;
  if (repair === "resume") {
    const has = new Set((row.actual as { steps: StepName[] } | null)?.steps ?? []);
    const steps = ((row.expected as { steps: StepName[] } | null)?.steps ?? []).filter((step) => !has.has(step));
    return steps.reduce((sum, step) => sum + writeCost(ENTITY_OF_STEP(step), cost), 0);
  }
  if (repair === "recreate") return writeCost(entity, cost);
  if (repair === "merge" && entity !== null) {
    const losers = Array.isArray(row.order) ? row.order.length : 1;
    return losers * cost(entity === "note" ? "delete" : "merge", entity);
  }
  return 0;
}

const writeCost = (entity: Entity | null, cost: Capabilities["cost"]): number =>
  entity === null ? 0 : cost("create", entity);
