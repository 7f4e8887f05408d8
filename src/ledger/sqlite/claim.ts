/** Claims due work: whole persons, in the contract's order, under one lease each. */
import type { ClaimId, SubmissionId } from "../../domain/ids.ts";
import type { Lane, SubmissionState } from "../../domain/submission.ts";
import type { Claim, ClaimRequest, SubmissionRow } from "../rows.ts";
import { accountOrNone } from "./account.ts";
import {
  type Candidate,
  inScope,
  isQuiet,
  loadPace,
  offer,
  offerOf,
  type Scope,
  savePace,
  streams,
} from "./claim-order.ts";
import { findLease, takeLease } from "./leases.ts";
import type { Store } from "./store.ts";
import { keysOf, loadSubmission } from "./submission-rows.ts";
import { earlierUnended } from "./versions.ts";

/** Waiting and blocked rows that one claim moves back to pending: keeps the write lock short after a long outage. */
const WAKE_MAX = 200;
/** Candidates behind a taken key that one transaction passes by, and after how many of them they are marked. */
const BLOCKED_MAX = 500;
const BLOCKED_UNMARKED = 32;
/** A marked one is looked at again after this, should the release of its key have missed it. */
const RECHECK_MS = 10_000;
/** Persons whose submissions share keys in a ring (A's e-mail, B's phone): how many keys a group follows. */
const GROUP_KEYS_MAX = 64;

export function claim(store: Store, request: ClaimRequest): Claim[] {
  for (;;) {
    const { claims, marked } = store.write(() => claimOnce(store, request));
    // Only blocked ones were seen: those that were marked are out of the way now, the rest of the queue is behind them.
    if (claims.length > 0 || marked === 0) return claims;
  }
}

function claimOnce(store: Store, request: ClaimRequest): { claims: Claim[]; marked: number } {
  const nowMs = request.now.wallMs;
  wakeWaiting(store, request, nowMs);
  wakeBlocked(store, nowMs);
  const owed = loadPace(store);
  const { ids } = request;
  const queue =
    ids === undefined ? offer(store, request, nowMs, request.limit, owed) : offerOf(store, request, ids, nowMs);
  const claims: Claim[] = [];
  let left = request.limit;
  let blocked = 0;
  let marked = 0;
  while (left > 0 && blocked < BLOCKED_MAX) {
    const head = queue.next();
    if (head === null) break;
    const group = claimGroup(store, request, head, left);
    queue.taken(group === null || group === "gone" ? 0 : group.submissions.length);
    if (group === "gone") continue;
    if (group === null) {
      blocked += 1;
      if (blocked > BLOCKED_UNMARKED) marked += markBlocked(store, head.id, nowMs);
      continue;
    }
    claims.push(group);
    left -= group.submissions.length;
  }
  if (claims.length > 0) savePace(store, owed);
  return { claims, marked };
}

export const DUE_WAITING = `
  SELECT id FROM submissions WHERE state = 'waiting' AND lane = ? AND source = ? AND due_at_ms <= ?
    AND state IN ('waiting', 'uncertain')
  ORDER BY due_at_ms LIMIT ${WAKE_MAX}`;

/** What waited and is due is pending again. */
function wakeWaiting(store: Store, scope: Scope, nowMs: number): void {
  const seen = new Set<string>();
  for (const { source, lane } of streams(store, scope, ["waiting"])) {
    if (seen.has(`${lane} ${source}`)) continue;
    seen.add(`${lane} ${source}`);
    for (const { id } of store.all<{ id: SubmissionId }>(DUE_WAITING, lane, source, nowMs)) {
      store.run("UPDATE submissions SET state = 'pending', blocked_until_ms = 0 WHERE id = ?", id);
    }
  }
}

/** Two ranges: an instant too far ahead means that the wall clock was set back. */
const BLOCKED_DUE = `
  SELECT id FROM submissions WHERE state = 'pending' AND blocked_until_ms > 0 AND blocked_until_ms <= ?
  UNION ALL
  SELECT id FROM submissions WHERE state = 'pending' AND blocked_until_ms > 0 AND blocked_until_ms > ?
  LIMIT ${WAKE_MAX}`;

function wakeBlocked(store: Store, nowMs: number): void {
  for (const { id } of store.all<{ id: SubmissionId }>(BLOCKED_DUE, nowMs, nowMs + RECHECK_MS)) {
    store.run("UPDATE submissions SET blocked_until_ms = 0 WHERE id = ?", id);
  }
}

function markBlocked(store: Store, id: SubmissionId, nowMs: number): number {
  const sql = "UPDATE submissions SET blocked_until_ms = ? WHERE id = ? AND state = 'pending'";
  return store.run(sql, nowMs + RECHECK_MS, id).changes;
}

interface Member {
  id: SubmissionId;
  source: string;
  state: SubmissionState;
  submittedAtMs: number;
  dueAtMs: number;
  planned: 0 | 1;
  revises: SubmissionId | null;
  /** JSON. */
  keys: string;
}

const MEMBER = `id, source, state, submitted_at_ms AS submittedAtMs, due_at_ms AS dueAtMs, planned, revises,
  identity_keys AS keys`;
const HEAD = `SELECT ${MEMBER}, lane FROM submissions WHERE id = ?`;
/** Without a list where no source is held: to take one apart costs as much as all the rest. */
const sameKey = (isAnyHeld: boolean): string => `
  SELECT s.id, s.source, s.state, s.submitted_at_ms AS submittedAtMs, s.due_at_ms AS dueAtMs,
    s.planned, s.revises, s.identity_keys AS keys
  FROM submission_keys k JOIN submissions s ON s.id = k.submission_id
  WHERE k.key = ? AND s.lane = ? AND k.open = 1
    AND (s.state IN ('inProgress', 'uncertain')
      OR ((? IS NULL OR s.source = ?)${isAnyHeld ? " AND s.source NOT IN (SELECT value FROM json_each(?))" : ""}))
  ORDER BY k.submitted_at_ms, k.submission_id LIMIT ?`;

/**
 * The group of the head's person, as far as it can be claimed from its beginning; null where not even its first can, so
 * that the head must wait; "gone" where the head was claimed in this transaction already.
 */
function claimGroup(store: Store, request: ClaimRequest, head: Candidate, limit: number): Claim | "gone" | null {
  const first = store.one<Member & { lane: Lane }>(HEAD, head.id);
  if (first === undefined || !claimable(first, request.now.wallMs)) return "gone";
  const { members, keys } = gather(store, request, first, limit);
  const account = accountOrNone(store);
  const taken: Member[] = [];
  const ids = new Set<SubmissionId>();
  for (const member of upToLast(request.ids, keeperFirst(store, account, members, keys, request.now.wallMs))) {
    if (taken.length >= limit || !inScope(request, member.source, first.lane)) break;
    if (member.state !== "uncertain" && isQuiet(request, member.source, first.lane)) continue;
    if (!claimable(member, request.now.wallMs)) break;
    if (member.revises !== null && member.planned === 0 && earlierUnended(store, member.id, member.revises)) break;
    ids.add(member.id);
    if (!keysFree(store, account, ids, keys.get(member.id)!)) break;
    taken.push(member);
  }
  if (taken.length === 0) return null;
  const { id } = store.run(
    "INSERT INTO claims (run_id, lane, until_ms) VALUES (?, ?, ?)",
    request.runId,
    first.lane,
    Math.round(request.leaseUntilMs),
  );
  const claimId = id as ClaimId;
  const submissions = taken.map((member) => takeMember(store, account, claimId, member, keys.get(member.id)!));
  return { claimId, lane: first.lane, submissions };
}

function claimable(member: Member, nowMs: number): boolean {
  if (member.state === "pending") return true;
  return (member.state === "waiting" || member.state === "uncertain") && member.dueAtMs <= nowMs;
}

/**
 * Everything of the lane that is not final and hangs together with the head by shared keys, oldest first. Held sources
 * keep nobody waiting, but for what is in progress or uncertain.
 */
function gather(
  store: Store,
  request: ClaimRequest,
  head: Member & { lane: Lane },
  limit: number,
): { members: Member[]; keys: Map<SubmissionId, string[]> } {
  const members = new Map<SubmissionId, Member>([[head.id, head]]);
  const keys = new Map<SubmissionId, string[]>([[head.id, keysOf(head.keys)]]);
  const seen = new Set<string>();
  const open = [...keys.get(head.id)!];
  const held = [...request.heldSources, ...(request.quiet?.heldSources ?? [])];
  const sql = sameKey(held.length > 0);
  const scope = [request.source, request.source, ...(held.length > 0 ? [JSON.stringify(held)] : [])];
  for (let key = open.shift(); key !== undefined && seen.size < GROUP_KEYS_MAX; key = open.shift()) {
    if (seen.has(key)) continue;
    seen.add(key);
    const sharing = store.all<Member>(sql, key, head.lane, ...scope, limit + 1);
    for (const member of sharing) {
      if (members.has(member.id)) continue;
      members.set(member.id, member);
      keys.set(member.id, keysOf(member.keys));
      open.push(...keys.get(member.id)!);
    }
  }
  const ordered = [...members.values()].sort((a, b) => a.submittedAtMs - b.submittedAtMs || a.id - b.id);
  return { members: ordered, keys };
}

/**
 * One that is due and keeps the person's keys for its uncertain create goes before older ones that came in later: they
 * would wait for its keys, and it for their turn, for ever.
 */
function keeperFirst(
  store: Store,
  account: number,
  members: readonly Member[],
  keys: ReadonlyMap<SubmissionId, string[]>,
  nowMs: number,
): readonly Member[] {
  const [oldest] = members;
  const keepers = (keys.get(oldest!.id) ?? []).map((key) => findLease(store, account, key)?.keptBy ?? null);
  const keeper = members.find((member) => member !== oldest && keepers.includes(member.id) && claimable(member, nowMs));
  return keeper === undefined ? members : [keeper, ...members.filter((member) => member !== keeper)];
}

/** What comes behind the last that was asked for stays where it is. */
function upToLast(wanted: readonly SubmissionId[] | undefined, members: readonly Member[]): readonly Member[] {
  return wanted === undefined ? members : members.slice(0, members.findLastIndex(({ id }) => wanted.includes(id)) + 1);
}

/** No other claim has a key, and none is kept by the uncertain create of a submission outside of the group so far. */
function keysFree(store: Store, account: number, ids: ReadonlySet<SubmissionId>, keys: readonly string[]): boolean {
  return keys.every((key) => {
    const lease = findLease(store, account, key);
    return lease === undefined || (lease.claimId === null && lease.keptBy !== null && ids.has(lease.keptBy));
  });
}

function takeMember(
  store: Store,
  account: number,
  claimId: ClaimId,
  member: Member,
  keys: readonly string[],
): SubmissionRow {
  // An uncertain one goes back as uncertain if this run dies; one that waited was due and goes back as pending.
  store.run(
    "UPDATE submissions SET state = 'inProgress', prior_state = ?, claim_id = ?, blocked_until_ms = 0 WHERE id = ?",
    member.state === "uncertain" ? "uncertain" : "pending",
    claimId,
    member.id,
  );
  for (const key of keys) takeLease(store, account, key, claimId);
  return loadSubmission(store, member.id)!;
}
