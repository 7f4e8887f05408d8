/**
 * The order in which work is offered. The queue is a few streams (one for each source, lane and target, read off the
 * counts); within a stream what is past its target is one end of an index and what is within it the other. So the next
 * candidate costs one seek for each stream, however long the queue and the ledger are.
 */
import type { SubmissionId } from "../../domain/ids.ts";
import type { Lane } from "../../domain/submission.ts";
import type { Store } from "./store.ts";

/** What the claim may touch. */
export interface Scope {
  source: string | null;
  lane: Lane | null;
  heldSources: readonly string[];
  heldLanes: readonly Lane[];
  /** Of these only what is uncertain. */
  quiet?: Pick<Scope, "heldSources" | "heldLanes">;
}

export interface Stream {
  source: string;
  lane: Lane;
  targetMs: number;
}

export interface Candidate {
  id: SubmissionId;
  submittedAtMs: number;
}

/** Rows read ahead from a stream. */
const PAGE = 32;
/** Uncertain ones looked at beyond the claim's limit: some are behind an earlier one of their person. */
const UNCERTAIN_SPARE = 200;
/** The background lane gets at least one pick in so many, and the past of a lane one in so many, while there are both. */
const BACKGROUND_SHARE = 20;
const PAST_SHARE = 4;

export function inScope(scope: Scope, source: string, lane: Lane): boolean {
  return (
    (scope.source === null || scope.source === source) &&
    (scope.lane === null || scope.lane === lane) &&
    !scope.heldSources.includes(source) &&
    !scope.heldLanes.includes(lane)
  );
}

export function isQuiet({ quiet }: Scope, source: string, lane: Lane): boolean {
  return quiet !== undefined && (quiet.heldSources.includes(source) || quiet.heldLanes.includes(lane));
}

/** Streams of the scope that have a submission in one of the states. */
export function streams(store: Store, scope: Scope, states: readonly string[]): Stream[] {
  const rows = store.all<Stream>(
    `SELECT DISTINCT source, lane, target_ms AS targetMs FROM queue_counts
     WHERE n > 0 AND state IN (SELECT value FROM json_each(?))`,
    JSON.stringify(states),
  );
  const inDoubt = states.includes("uncertain");
  return rows.filter(({ source, lane }) => inScope(scope, source, lane) && (inDoubt || !isQuiet(scope, source, lane)));
}

const FRESH_PAGE = `
  SELECT id, submitted_at_ms AS submittedAtMs FROM submissions
  WHERE state = 'pending' AND blocked_until_ms = 0 AND lane = ? AND source = ? AND target_ms = ?
    AND submitted_at_ms >= ? AND (submitted_at_ms, id) < (?, ?)
  ORDER BY submitted_at_ms DESC, id DESC LIMIT ${PAGE}`;
const PAST_PAGE = `
  SELECT id, submitted_at_ms AS submittedAtMs FROM submissions
  WHERE state = 'pending' AND blocked_until_ms = 0 AND lane = ? AND source = ? AND target_ms = ?
    AND submitted_at_ms < ? AND (submitted_at_ms, id) > (?, ?)
  ORDER BY submitted_at_ms, id LIMIT ${PAGE}`;
const UNCERTAIN_DUE = `
  SELECT id, submitted_at_ms AS submittedAtMs, due_at_ms AS dueAtMs, target_ms AS targetMs FROM submissions
  WHERE state = 'uncertain' AND lane = ? AND source = ? AND due_at_ms <= ?
    AND state IN ('waiting', 'uncertain')
  ORDER BY due_at_ms, id LIMIT ?`;

type Kind = "fresh" | "past";

/** One stream's candidates of one kind, in order, a page at a time. */
function* streamCandidates(store: Store, stream: Stream, kind: Kind, nowMs: number): Generator<Candidate> {
  const fresh = kind === "fresh";
  let after: Candidate = {
    id: (fresh ? Number.MAX_SAFE_INTEGER : 0) as SubmissionId,
    submittedAtMs: fresh ? Number.MAX_SAFE_INTEGER : Number.MIN_SAFE_INTEGER,
  };
  for (;;) {
    const page = store.all<Candidate>(
      fresh ? FRESH_PAGE : PAST_PAGE,
      stream.lane,
      stream.source,
      stream.targetMs,
      nowMs - stream.targetMs,
      after.submittedAtMs,
      after.id,
    );
    yield* page;
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE) return;
    after = last;
  }
}

/** Candidates of several streams as one sequence: newest first of what is fresh, oldest first of what is past. */
function* merged(sequences: Iterator<Candidate>[], kind: Kind): Generator<Candidate> {
  const heads = sequences.map((sequence) => ({ sequence, head: sequence.next() }));
  for (;;) {
    let best: (typeof heads)[number] | null = null;
    for (const entry of heads) {
      if (entry.head.done) continue;
      if (best === null || before(entry.head.value, best.head.value as Candidate, kind)) best = entry;
    }
    if (best === null) return;
    yield best.head.value as Candidate;
    best.head = best.sequence.next();
  }
}

function before(a: Candidate, b: Candidate, kind: Kind): boolean {
  const order = a.submittedAtMs - b.submittedAtMs || a.id - b.id;
  return kind === "fresh" ? order > 0 : order < 0;
}

interface UncertainDue extends Candidate {
  dueAtMs: number;
  targetMs: number;
}

/** Uncertain writes whose time to look has come, longest due first: their keys keep others of the person waiting. */
function uncertainDue(store: Store, scope: Scope, lane: Lane, nowMs: number, limit: number): UncertainDue[] {
  const pairs = new Set(
    streams(store, scope, ["uncertain"])
      .filter((stream) => stream.lane === lane)
      .map((stream) => stream.source),
  );
  return [...pairs]
    .flatMap((source) => store.all<UncertainDue>(UNCERTAIN_DUE, lane, source, nowMs, limit + UNCERTAIN_SPARE))
    .sort((a, b) => a.dueAtMs - b.dueAtMs || a.id - b.id);
}

function* laneCandidates(store: Store, scope: Scope, lane: Lane, kind: Kind, nowMs: number, limit: number) {
  for (const row of uncertainDue(store, scope, lane, nowMs, limit)) {
    if (row.submittedAtMs + row.targetMs >= nowMs === (kind === "fresh")) yield row;
  }
  const open = streams(store, scope, ["pending"]).filter((stream) => stream.lane === lane);
  yield* merged(
    open.map((stream) => streamCandidates(store, stream, kind, nowMs)),
    kind,
  );
}

/** Candidates one by one. */
export interface Offer {
  next(): Candidate | null;
  /** Told how many submissions the last candidate brought; 0 for one that was skipped. */
  taken(picks: number): void;
}

/** Picks between two sequences so that the lesser one never gets less than its share while it has something. */
class Balance implements Offer {
  private readonly peeked: ({ value: Candidate | null } | undefined)[] = [];
  private readonly name: string;
  private readonly sources: readonly Offer[];
  private readonly share: number;
  private readonly owed: Map<string, number>;
  private lastFrom = 0;
  private lastBoth = false;

  constructor(name: string, sources: readonly Offer[], share: number, owed: Map<string, number>) {
    this.name = name;
    this.sources = sources;
    this.share = share;
    this.owed = owed;
  }

  private peek(index: number): Candidate | null {
    const known = this.peeked[index] ?? { value: this.sources[index]!.next() };
    this.peeked[index] = known;
    return known.value;
  }

  next(): Candidate | null {
    const major = this.peek(0);
    const minor = this.peek(1);
    this.lastBoth = major !== null && minor !== null;
    this.lastFrom = major === null || (minor !== null && (this.owed.get(this.name) ?? 0) >= this.share - 1) ? 1 : 0;
    const pick = this.lastFrom === 0 ? major : minor;
    if (pick !== null) this.peeked[this.lastFrom] = undefined;
    return pick;
  }

  taken(picks: number): void {
    if (picks > 0 && this.lastBoth) {
      const owed = this.owed.get(this.name) ?? 0;
      const change = this.lastFrom === 0 ? picks : -picks * (this.share - 1);
      // A large group must not shut its side out, or hand it everything, for long after.
      this.owed.set(this.name, Math.max(-this.share, Math.min(10 * this.share, owed + change)));
    }
    this.sources[this.lastFrom]!.taken(picks);
  }
}

/** All candidates of the scope in the contract's order. `owed` carries what is owed from claim to claim. */
export function offer(store: Store, scope: Scope, nowMs: number, limit: number, owed: Map<string, number>): Offer {
  const leaf = (lane: Lane, kind: Kind): Offer => {
    const sequence = laneCandidates(store, scope, lane, kind, nowMs, limit);
    return {
      next: () => {
        const step = sequence.next();
        return step.done ? null : step.value;
      },
      taken: () => {},
    };
  };
  const ofLane = (lane: Lane): Offer =>
    new Balance(`past:${lane}`, [leaf(lane, "fresh"), leaf(lane, "past")], PAST_SHARE, owed);
  return new Balance("background", [ofLane("operational"), ofLane("background")], BACKGROUND_SHARE, owed);
}

const NAMED = `
  SELECT id, source, lane, submitted_at_ms AS submittedAtMs FROM submissions
  WHERE id IN (SELECT value FROM json_each(?))
    AND (state = 'pending' OR (state IN ('waiting', 'uncertain') AND due_at_ms <= ?))
  ORDER BY submitted_at_ms, id`;

/** These of the scope alone, oldest first. */
export function offerOf(store: Store, scope: Scope, ids: readonly SubmissionId[], nowMs: number): Offer {
  const rows = store.all<Candidate & { source: string; lane: Lane }>(NAMED, JSON.stringify(ids), nowMs);
  const candidates = rows.filter(({ source, lane }) => inScope(scope, source, lane));
  return { next: () => candidates.shift() ?? null, taken: () => {} };
}

export function loadPace(store: Store): Map<string, number> {
  const rows = store.all<{ name: string; owed: number }>("SELECT name, owed FROM pace");
  return new Map(rows.map((row) => [row.name, row.owed]));
}

export function savePace(store: Store, owed: ReadonlyMap<string, number>): void {
  const sql = "INSERT INTO pace (name, owed) VALUES (?, ?) ON CONFLICT DO UPDATE SET owed = excluded.owed";
  for (const [name, value] of owed) store.run(sql, name, value);
}
