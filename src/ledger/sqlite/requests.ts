/** Requests: begun in the ledger before any byte leaves, closed exactly once. */
import { CrmledgerError } from "../../domain/errors.ts";
import type { RequestId } from "../../domain/ids.ts";
import type { BucketState, BucketUse, Charge } from "../../domain/quota.ts";
import type { Lane } from "../../domain/submission.ts";
import type { FinishedRequest, Refusal, RequestIntent, Turn, TurnResult } from "../rows.ts";
import { bucketOwner, countUse, spendSlotAt } from "./buckets.ts";
import { type Paid, type Parts, paidBy, partsOf, pay, payersOf, withoutRoom } from "./source-shares.ts";
import type { Store } from "./store.ts";

interface Spent {
  bucket: string;
  slotMs: number;
  amount: number;
  /** By sources with a part of the day. */
  paid?: Paid;
}

const CLOSE = `
  UPDATE requests SET ended_at_ms = ?, ended_mono_ms = ?, status = ?, outcome = ?, error = ?, latency_ms = ?, rate_limited = ?
  WHERE id = ? AND outcome IS NULL`;

/** Closes requests. One that was closed before (by a recovery that took its run for dead) is left as it is. */
export function finishRequests(store: Store, turn: Turn): FinishedRequest[] {
  return turn.finished.filter((finished) => {
    const { requestId, status, outcome, error, latencyMs, endedMonoMs, rateLimited } = finished;
    const endedAtMs = Math.round(finished.endedAtMs);
    const how = [status, outcome, error, latencyMs, rateLimited ? 1 : 0];
    const closed = store.run(CLOSE, endedAtMs, endedMonoMs, ...how, requestId);
    if (closed.changes !== 1) return false;
    store.run(
      "UPDATE attempts SET outcome = ?, error = ? WHERE request_id = ? AND outcome IS NULL",
      outcome,
      error,
      requestId,
    );
    if (rateLimited) giveBackTokens(store, turn, requestId);
    return true;
  });
}

interface SlotRow {
  bucket: string;
  lane: Lane;
  amount: number;
}

const takeBack = (flight: number): string => `
  DELETE FROM slots WHERE request_id = ? AND (boot_id = ?${" OR bucket = ?".repeat(flight)})
  RETURNING bucket, lane, amount`;
const KEEP_TAKEN = `
  INSERT INTO slots (account_id, credential, bucket, request_id, lane, amount, boot_id, frees_mono_ms, frees_at_ms, span_ms)
  VALUES (@account, @owner, @bucket, @request, @lane, @amount, @bootId, @monoMs + @windowMs, @wallMs + @windowMs, @windowMs)`;

/**
 * In flight no more; a window's slot stays taken for one window after the latest moment the server can have counted it.
 * What ended since the last turn becomes one row for each bucket and lane, taken as long as the last of it.
 */
export function giveBackSlots(
  store: Store,
  turn: Turn,
  ended: readonly FinishedRequest[],
  states: readonly BucketState[],
): void {
  const windows = new Map(states.filter(({ kind }) => kind === "window").map((state) => [state.bucket, state]));
  const { accountId: account, credential, now } = turn;
  const flight = states.filter(({ kind }) => kind === "concurrency").map(({ bucket }) => bucket);
  const sql = takeBack(flight.length);
  const groups = new Map<string, SlotRow & { request: RequestId }>();
  for (const { requestId } of ended) {
    for (const row of store.all<SlotRow>(sql, requestId, now.bootId, ...flight)) {
      const name = `${row.lane} ${row.bucket}`;
      const group = groups.get(name);
      if (group === undefined) groups.set(name, { ...row, request: requestId });
      else group.amount += row.amount;
    }
  }
  const monoMs = Math.max(...ended.map(({ endedMonoMs }) => endedMonoMs));
  const wallMs = Math.max(...ended.map(({ endedAtMs }) => endedAtMs));
  for (const { bucket, lane, amount, request } of groups.values()) {
    const windowMs = windows.get(bucket)?.windowMs;
    if (windowMs === undefined) continue;
    const owner = bucketOwner("window", credential);
    store.run(KEEP_TAKEN, {
      ...{ account, owner, bucket, request, lane, amount },
      ...{ bootId: now.bootId, monoMs, wallMs, windowMs },
    });
  }
}

/** A 429 was refused before execution: it cost the day nothing. */
function giveBackTokens(store: Store, turn: Turn, request: RequestId): void {
  const row = store.one<{ spent: string; lane: string; tokens: number }>(
    "SELECT spent, lane, tokens FROM requests WHERE id = ?",
    request,
  )!;
  for (const { bucket, slotMs, amount, paid } of JSON.parse(row.spent) as Spent[]) {
    spend(store, turn, bucket, slotMs, row.lane, -amount);
    takeRemaining(store, turn, bucket, -amount);
    pay(store, turn.accountId, { bucket, slotMs, paid }, null, -1);
  }
  store.run(
    "UPDATE runs SET rate_limited = rate_limited + 1, tokens = tokens - ? WHERE id = (SELECT run_id FROM requests WHERE id = ?)",
    row.tokens,
    request,
  );
}

function spend(store: Store, turn: Turn, bucket: string, slotMs: number, lane: string, amount: number): void {
  store.run(
    `INSERT INTO spend (account_id, bucket, slot_at_ms, lane, amount) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET amount = amount + excluded.amount`,
    turn.accountId,
    bucket,
    slotMs,
    lane,
    amount,
  );
}

function takeRemaining(store: Store, turn: Turn, bucket: string, amount: number): void {
  const sql =
    "UPDATE quota SET remaining = remaining - ? WHERE account_id = ? AND credential = '' AND bucket = ? AND remaining IS NOT NULL";
  store.run(sql, amount, turn.accountId, bucket);
}

interface Bucket {
  state: BucketState;
  use: BucketUse;
  /** Set once an intent of this turn was refused by it: nobody overtakes within a bucket. */
  closed: Refusal | null;
}

/** Takes slots for the intents in their order, as far as the buckets allow, and begins what got them. */
export function beginRequests(
  store: Store,
  turn: Turn,
  intents: readonly RequestIntent[],
  states: readonly BucketState[],
): Pick<TurnResult, "granted" | "refused" | "buckets" | "use"> {
  const uses = countUse(store, turn.accountId, turn.credential, states, turn.now);
  const buckets = new Map<string, Bucket>(
    states.map((state, index) => [state.bucket, { state, use: uses[index]!, closed: null }]),
  );
  const parts = intents.length === 0 ? null : partsOf(store, turn, states);
  const granted: TurnResult["granted"] = [];
  const refused: Refusal[] = [];
  let tokens = 0;
  for (const intent of intents) {
    const payers = parts === null ? [] : payersOf(store, intent);
    const refusal = refusalOf(intent, buckets, turn) ?? shareRefusal(intent, payers, buckets, parts);
    if (refusal !== null) {
      refused.push(refusal);
      continue;
    }
    const begun = begin(store, turn, intent, buckets, { payers, parts });
    granted.push({ ref: intent.ref, requestId: begun.id });
    tokens += begun.tokens;
  }
  if (granted.length > 0) {
    const sql = "UPDATE runs SET requests = requests + ?, tokens = tokens + ? WHERE id = ?";
    store.run(sql, granted.length, tokens, turn.runId);
  }
  const all = [...buckets.values()];
  return { granted, refused, buckets: all.map((bucket) => bucket.state), use: all.map((bucket) => bucket.use) };
}

function bucketOf(buckets: ReadonlyMap<string, Bucket>, charge: Charge): Bucket {
  const bucket = buckets.get(charge.bucket);
  if (bucket === undefined) {
    // Sent without being counted, it would overrun a limit that somebody declared.
    throw new CrmledgerError("unexpected", `A request charges the bucket ${charge.bucket}, which has no state yet.`);
  }
  return bucket;
}

function refusalOf(intent: RequestIntent, buckets: ReadonlyMap<string, Bucket>, turn: Turn): Refusal | null {
  for (const charge of intent.charges) {
    const bucket = bucketOf(buckets, charge);
    if (bucket.closed !== null) return { ...bucket.closed, ref: intent.ref };
    if (bucket.state.kind === "day") {
      if (!dayAllows(bucket, charge.amount, intent)) {
        return { ref: intent.ref, bucket: charge.bucket, retryAtMonoMs: null };
      }
      continue;
    }
    const retryAtMonoMs = retryAt(bucket, charge.amount, turn);
    if (retryAtMonoMs === undefined) continue;
    bucket.closed = { ref: intent.ref, bucket: charge.bucket, retryAtMonoMs };
    return bucket.closed;
  }
  return null;
}

/** A source's part of the day's budget has no room: not by waiting, and nobody else is kept from theirs. */
function shareRefusal(
  { ref, charges }: RequestIntent,
  payers: readonly string[],
  buckets: ReadonlyMap<string, Bucket>,
  parts: Parts | null,
): Refusal | null {
  const charge = charges.find(({ bucket }) => buckets.get(bucket)?.state.kind === "day");
  if (parts === null || charge === undefined) return null;
  const source = withoutRoom(parts, payers, charge.amount);
  return source === null ? null : { ref, bucket: charge.bucket, retryAtMonoMs: null, source };
}

function dayAllows({ state, use }: Bucket, amount: number, intent: RequestIntent): boolean {
  const background = intent.lane === "background";
  if (state.capacity !== null && use.used + amount > state.capacity) return false;
  if (background && state.capacityBackground !== null && use.used + amount > state.capacityBackground) return false;
  if (state.remaining === null) return true;
  return state.remaining - amount >= (background ? state.floorBackground : 0);
}

/** When a refused one may ask again; undefined: there is a slot now. */
function retryAt({ state, use }: Bucket, amount: number, turn: Turn): number | null | undefined {
  if (state.pausedBootId === turn.now.bootId && turn.now.monoMs < state.pausedUntilMonoMs) {
    return state.pausedUntilMonoMs;
  }
  if (state.capacity === null) return undefined;
  const capacity = state.capacity > 0 ? Math.max(1, Math.floor(state.capacity)) : 0;
  return use.used + amount <= capacity ? undefined : use.nextFreeMonoMs;
}

const INSERT = `
  INSERT INTO requests (run_id, account_id, credential, lane, op_group, method, route, is_write, tokens, timeout_ms,
    begun_at_ms, begun_mono_ms, boot_id, spent)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;

function begin(
  store: Store,
  turn: Turn,
  intent: RequestIntent,
  buckets: ReadonlyMap<string, Bucket>,
  { payers, parts }: { payers: string[]; parts: Parts | null },
): { id: RequestId; tokens: number } {
  const spent: Spent[] = [];
  for (const charge of intent.charges) {
    const { state } = bucketOf(buckets, charge);
    if (state.kind !== "day") continue;
    const { bucket, amount } = charge;
    spent.push({ bucket, slotMs: spendSlotAt(state, turn.now.wallMs), amount, paid: paidBy(parts, payers, amount) });
  }
  const tokens = spent.reduce((sum, item) => sum + item.amount, 0);
  const { runId, accountId, credential, now } = turn;
  const { lane, group, method, route, write, timeoutMs } = intent;
  const { id } = store.run(
    INSERT,
    ...[runId, accountId, credential, lane, group, method, route, write ? 1 : 0, tokens, Math.round(timeoutMs)],
    ...[Math.round(now.wallMs), now.monoMs, now.bootId, JSON.stringify(spent)],
  );
  const request = id as RequestId;
  for (const charge of intent.charges) take(store, turn, intent, bucketOf(buckets, charge), charge.amount, request);
  for (const item of spent) {
    spend(store, turn, item.bucket, item.slotMs, intent.lane, item.amount);
    takeRemaining(store, turn, item.bucket, item.amount);
    pay(store, turn.accountId, item, parts, 1);
  }
  beginSteps(store, turn, intent, request);
  for (const submission of intent.onBehalfOf) {
    store.run("INSERT OR IGNORE INTO lookups (submission_id, request_id) VALUES (?, ?)", submission, request);
  }
  return { id: request, tokens };
}

const TAKE = `
  INSERT INTO slots (account_id, credential, bucket, request_id, lane, amount, boot_id, frees_mono_ms, frees_at_ms, span_ms)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT DO UPDATE SET amount = amount + excluded.amount`;

/** Counts the charge, in the row and in what this turn goes on deciding with. */
function take(
  store: Store,
  turn: Turn,
  intent: RequestIntent,
  { state, use }: Bucket,
  amount: number,
  request: RequestId,
): void {
  use.used += amount;
  use.usedByLane[intent.lane] += amount;
  if (state.kind === "day") {
    if (state.remaining !== null) state.remaining -= amount;
    return;
  }
  // Should nobody ever say when it ended: sent + timeout + window.
  const spanMs = intent.timeoutMs + (state.kind === "window" ? state.windowMs : 0);
  const freesMonoMs = turn.now.monoMs + spanMs;
  const owner = bucketOwner(state.kind, turn.credential);
  store.run(
    TAKE,
    ...[turn.accountId, owner, state.bucket, request, intent.lane, amount],
    ...[turn.now.bootId, freesMonoMs, turn.now.wallMs + spanMs, spanMs],
  );
  use.nextFreeMonoMs = Math.min(use.nextFreeMonoMs ?? freesMonoMs, freesMonoMs);
}

function beginSteps(store: Store, turn: Turn, intent: RequestIntent, request: RequestId): void {
  for (const { stepId, action, sent } of intent.steps) {
    const begun = store.run(
      `UPDATE steps SET state = 'begun', action = ?, sent_at_ms = ?, lost_at_ms = NULL, probes = 0, sent = ?
       WHERE id = ? AND state = 'open' AND dropped = 0`,
      action,
      Math.round(turn.now.wallMs),
      sent === undefined ? null : JSON.stringify(sent),
      stepId,
    );
    // The turn checked the claim; only two intents of one turn for the same step come here.
    if (begun.changes !== 1) throw new CrmledgerError("unexpected", `Step ${stepId} was begun twice in one turn.`);
    store.run("INSERT INTO attempts (step_id, request_id, action) VALUES (?, ?, ?)", stepId, request, action);
  }
}
