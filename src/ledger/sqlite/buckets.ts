/** Buckets: their shared state, and what counts against them. */
import type { AccountId } from "../../domain/ids.ts";
import type { BucketState, BucketUse } from "../../domain/quota.ts";
import type { Lane } from "../../domain/submission.ts";
import type { Now } from "../rows.ts";
import type { Store } from "./store.ts";

/** Spending is kept by quarters of an hour: fine enough for a day, few enough rows to sum in a turn. */
export const SPEND_SLOT_MS = 15 * 60_000;
const DAY_MS = 24 * 3_600_000;

/** The budget belongs to the account, everything else to the credential. */
export function bucketOwner(kind: BucketState["kind"], credential: string): string {
  return kind === "day" ? "" : credential;
}

const STATES = `
  SELECT bucket, kind, window_ms AS windowMs, capacity, capacity_background AS capacityBackground, remaining,
    floor_background AS floorBackground, paused_until_mono_ms AS pausedUntilMonoMs, paused_boot_id AS pausedBootId,
    bucket_limit AS "limit", used_by_others AS usedByOthers, period_start_ms AS periodStartMs,
    resets_at_ms AS resetsAtMs, read_at_ms AS readAtMs, rate_factor AS rateFactor
  FROM quota WHERE account_id = ? AND credential IN ('', ?) ORDER BY bucket`;

export function bucketStates(store: Store, account: AccountId, credential: string): BucketState[] {
  return store.all<BucketState>(STATES, account, credential);
}

const SAVE = `
  INSERT INTO quota (account_id, credential, bucket, kind, window_ms, capacity, capacity_background, remaining,
    floor_background, paused_until_mono_ms, paused_boot_id, bucket_limit, used_by_others, period_start_ms, resets_at_ms,
    read_at_ms, rate_factor)
  VALUES (@account, @owner, @bucket, @kind, @windowMs, @capacity, @capacityBackground, @remaining, @floorBackground,
    @pausedUntilMonoMs, @pausedBootId, @limit, @usedByOthers, @periodStartMs, @resetsAtMs, @readAtMs, @rateFactor)
  ON CONFLICT DO UPDATE SET kind = excluded.kind, window_ms = excluded.window_ms, capacity = excluded.capacity,
    capacity_background = excluded.capacity_background, remaining = excluded.remaining,
    floor_background = excluded.floor_background, paused_until_mono_ms = excluded.paused_until_mono_ms,
    paused_boot_id = excluded.paused_boot_id, bucket_limit = excluded.bucket_limit,
    used_by_others = excluded.used_by_others, period_start_ms = excluded.period_start_ms,
    resets_at_ms = excluded.resets_at_ms, read_at_ms = excluded.read_at_ms, rate_factor = excluded.rate_factor`;
const LENGTHEN_PAUSE = `
  UPDATE quota SET paused_until_mono_ms = @pausedUntilMonoMs, paused_boot_id = @pausedBootId
  WHERE account_id = @account AND credential = @owner AND bucket = @bucket
    AND (paused_boot_id IS NOT @pausedBootId OR paused_until_mono_ms < @pausedUntilMonoMs)`;

/**
 * A newer reading takes the row over. One of the same instant does too, but never shortens a pause; an older one can
 * only lengthen it.
 */
export function saveBucket(store: Store, account: AccountId, credential: string, state: BucketState, now: Now): void {
  const owner = bucketOwner(state.kind, credential);
  const row = store.one<{ readAtMs: number; pausedUntilMonoMs: number; pausedBootId: string | null }>(
    `SELECT read_at_ms AS readAtMs, paused_until_mono_ms AS pausedUntilMonoMs, paused_boot_id AS pausedBootId
     FROM quota WHERE account_id = ? AND credential = ? AND bucket = ?`,
    account,
    owner,
    state.bucket,
  );
  const identity = { account, owner, bucket: state.bucket };
  // A row of a time that has not come yet is from before the clock was set back: any reading is newer.
  if (row !== undefined && state.readAtMs < row.readAtMs && row.readAtMs <= now.wallMs) {
    const { pausedUntilMonoMs, pausedBootId } = state;
    if (pausedBootId === now.bootId) store.run(LENGTHEN_PAUSE, { ...identity, pausedUntilMonoMs, pausedBootId });
    return;
  }
  const paused = { pausedUntilMonoMs: state.pausedUntilMonoMs, pausedBootId: state.pausedBootId };
  const longer = row !== undefined && row.readAtMs === state.readAtMs && row.pausedBootId === now.bootId;
  if (longer && (state.pausedBootId !== now.bootId || row.pausedUntilMonoMs > state.pausedUntilMonoMs)) {
    paused.pausedUntilMonoMs = row.pausedUntilMonoMs;
    paused.pausedBootId = row.pausedBootId;
  }
  store.run(SAVE, { ...state, ...identity, ...paused });
}

/** The row of `spend` that a token spent now belongs to. A day that began inside a quarter starts a row of its own. */
export function spendSlotAt(state: BucketState, nowMs: number): number {
  const quarter = Math.floor(nowMs / SPEND_SLOT_MS) * SPEND_SLOT_MS;
  const start = state.periodStartMs;
  return start !== null && start <= nowMs ? Math.max(quarter, start) : quarter;
}

/** Our spending since the day began, or over the last 24 hours, rounded up to whole quarters. */
function spentByLane(store: Store, account: AccountId, state: BucketState, nowMs: number): Record<Lane, number> {
  const rows = store.all<{ lane: Lane; amount: number }>(
    `SELECT lane, sum(amount) AS amount FROM spend
     WHERE account_id = ? AND bucket = ? AND slot_at_ms >= ? GROUP BY lane`,
    account,
    state.bucket,
    spentSince(state, nowMs),
  );
  return byLane(rows);
}

/** From which row of `spend` on it counts. */
export function spentSince(state: BucketState, nowMs: number): number {
  // Where the day that was seen to begin is over, and no reading told of the next one, the last 24 hours are the safe answer.
  const rolling = nowMs - DAY_MS - SPEND_SLOT_MS + 1;
  return state.periodStartMs === null ? rolling : Math.max(state.periodStartMs, rolling);
}

interface SlotSums {
  operational: number;
  background: number;
  /** Null: nothing is taken. */
  nextFreeMonoMs: number | null;
  /** Rows that count no more, and whether an earlier boot left any of them. */
  freeRows: number;
  isOfOtherBoot: 0 | 1 | null;
}

/** Slots of this boot go by its monotonic clock, those of an earlier one by the wall. */
const IS_TAKEN =
  "iif(boot_id = @bootId, frees_mono_ms > @monoMs, frees_at_ms > @wallMs AND frees_at_ms <= @wallMs + span_ms)";
/** Each sum with its own condition: to group the rows would sort them first. */
const SLOTS = `
  SELECT total(amount) FILTER (WHERE taken AND lane = 'operational') AS operational,
    total(amount) FILTER (WHERE taken AND lane = 'background') AS background,
    min(iif(isOfBoot, frees_mono_ms, @monoMs + frees_at_ms - @wallMs)) FILTER (WHERE taken) AS nextFreeMonoMs,
    count(*) FILTER (WHERE NOT taken) AS freeRows,
    max(NOT isOfBoot) FILTER (WHERE NOT taken) AS isOfOtherBoot
  FROM (SELECT lane, amount, frees_mono_ms, frees_at_ms, boot_id = @bootId AS isOfBoot, ${IS_TAKEN} AS taken FROM slots
    WHERE account_id = @account AND credential = @credential AND bucket = @bucket)`;
/** Of every credential of the account: one that was replaced has nobody else to do it. */
const DROP_FREE = `DELETE FROM slots WHERE account_id = @account AND NOT ${IS_TAKEN}`;
/** Rows of slots that are free again: to count past them costs less than to drop each by itself. */
const FREE_ROWS_MAX = 64;

interface Counted {
  use: BucketUse;
  /** Rows of it that count no more, so many that they are better dropped. */
  toDrop: boolean;
}

function count(store: Store, account: AccountId, credential: string, state: BucketState, now: Now): Counted {
  if (state.kind === "day") {
    const usedByLane = spentByLane(store, account, state, now.wallMs);
    return { use: { bucket: state.bucket, used: total(usedByLane), usedByLane, nextFreeMonoMs: null }, toDrop: false };
  }
  const sums = store.one<SlotSums>(SLOTS, { account, credential, bucket: state.bucket, ...now })!;
  const { operational, background, nextFreeMonoMs, freeRows, isOfOtherBoot } = sums;
  const usedByLane = { operational, background };
  // By a wall clock that is set again, what an earlier boot left might count once more.
  const toDrop = isOfOtherBoot === 1 || freeRows > FREE_ROWS_MAX;
  return { use: { bucket: state.bucket, used: total(usedByLane), usedByLane, nextFreeMonoMs }, toDrop };
}

/** What counts against each of the buckets now. Within a write transaction; forgets what counts no more. */
export function countUse(
  store: Store,
  account: AccountId,
  credential: string,
  states: readonly BucketState[],
  now: Now,
): BucketUse[] {
  const counted = states.map((state) => count(store, account, credential, state, now));
  if (counted.some(({ toDrop }) => toDrop)) store.run(DROP_FREE, { account, ...now });
  return counted.map(({ use }) => use);
}

export function bucketUses(
  store: Store,
  account: AccountId,
  credential: string,
  now: Now,
): { states: BucketState[]; use: BucketUse[] } {
  const states = bucketStates(store, account, credential);
  return { states, use: states.map((state) => count(store, account, credential, state, now).use) };
}

function byLane(rows: { lane: Lane; amount: number }[]): Record<Lane, number> {
  const sums: Record<Lane, number> = { operational: 0, background: 0 };
  for (const row of rows) sums[row.lane] += row.amount;
  return sums;
}

const total = (sums: Record<Lane, number>): number => sums.operational + sums.background;
