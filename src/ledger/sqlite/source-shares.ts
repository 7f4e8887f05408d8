/** Sources that may use a part of the day's budget only: what they spent of it, and whether there is room for more. */
import type { AccountId } from "../../domain/ids.ts";
import type { BucketState } from "../../domain/quota.ts";
import type { SourceSpending } from "../breakers.ts";
import type { Now, RequestIntent, Turn } from "../rows.ts";
import { accountOrNone } from "./account.ts";
import { bucketStates, spentSince } from "./buckets.ts";
import type { Store } from "./store.ts";

interface Part {
  most: number;
  used: number;
}

export type Parts = ReadonlyMap<string, Part>;

/** By source. Null: none has a part, or nobody knows the budget. */
export function partsOf(store: Store, turn: Turn, states: readonly BucketState[]): Parts | null {
  const { shares, accountId, now } = turn;
  const day = states.find(({ kind }) => kind === "day");
  if (shares === undefined || day === undefined || day.capacity === null) return null;
  if (Object.keys(shares).length === 0) return null;
  return parts(store, accountId, day, day.capacity, shares, now.wallMs);
}

function parts(
  store: Store,
  account: AccountId,
  day: BucketState,
  capacity: number,
  shares: Readonly<Record<string, number>>,
  nowMs: number,
): Map<string, Part> {
  const since = spentSince(day, nowMs);
  return new Map(
    Object.entries(shares).map(([source, share]) => {
      const sql = `SELECT sum(amount) AS used FROM source_spend
        WHERE account_id = ? AND bucket = ? AND source = ? AND slot_at_ms >= ?`;
      const used = store.one<{ used: number | null }>(sql, account, day.bucket, source, since)?.used ?? 0;
      return [source, { most: Math.floor(capacity * share), used }];
    }),
  );
}

/** The sources for whose submissions a request is; several share what they have sent together. */
export function payersOf(store: Store, { steps, onBehalfOf }: RequestIntent): string[] {
  const rows = store.all<{ source: string }>(
    `SELECT source FROM submissions WHERE id IN (SELECT value FROM json_each(?))
     UNION SELECT s.source FROM steps t JOIN submissions s ON s.id = t.submission_id
       WHERE t.id IN (SELECT value FROM json_each(?))`,
    JSON.stringify(onBehalfOf),
    JSON.stringify(steps.map(({ stepId }) => stepId)),
  );
  return rows.map(({ source }) => source);
}

/** The first of them whose part has no room for what it would pay. */
export function withoutRoom(own: Parts, payers: readonly string[], amount: number): string | null {
  return (
    payers.find((source) => {
      const part = own.get(source);
      return part !== undefined && part.used + amount / payers.length > part.most;
    }) ?? null
  );
}

/** What each of them that has a part pays; undefined: none has one. */
export function paidBy(own: Parts | null, payers: readonly string[], amount: number): Paid | undefined {
  const paying = payers.filter((source) => own?.has(source));
  if (paying.length === 0) return undefined;
  return Object.fromEntries(paying.map((source) => [source, amount / payers.length]));
}

/** Tokens by source. */
export type Paid = Record<string, number>;

/** `sign` -1 gives back. */
export function pay(
  store: Store,
  account: AccountId,
  { bucket, slotMs, paid = {} }: { bucket: string; slotMs: number; paid?: Paid },
  own: Parts | null,
  sign: 1 | -1,
): void {
  for (const [source, amount] of Object.entries(paid)) {
    const part = own?.get(source);
    if (part !== undefined) part.used += sign * amount;
    store.run(
      `INSERT INTO source_spend (account_id, bucket, slot_at_ms, source, amount) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET amount = amount + excluded.amount`,
      account,
      bucket,
      slotMs,
      source,
      sign * amount,
    );
  }
}

export function sourceSpending(store: Store, shares: Readonly<Record<string, number>>, now: Now): SourceSpending[] {
  return store.read(() => {
    const account = accountOrNone(store) as AccountId;
    const day = bucketStates(store, account, "").find(({ kind }) => kind === "day");
    if (day === undefined || day.capacity === null) return [];
    const own = parts(store, account, day, day.capacity, shares, now.wallMs);
    return [...own].map(([source, part]) => ({ source, ...part }));
  });
}
