/**
 * The run's view of the shared quota: the buckets as of the last turn, which of them has no slot before when, and what the
 * CRM's replies teach. The counting itself happens in the ledger's transaction; this only avoids asking in vain.
 */
import type { Capabilities } from "../crm/adapter.ts";
import type { Clock } from "../domain/clock.ts";
import type { Hold } from "../domain/hold.ts";
import type { Outcome } from "../domain/operation.ts";
import type { BucketState, BucketUse, Charge, LimitReading } from "../domain/quota.ts";
import type { LimitSettings } from "../domain/settings.ts";
import type { Lane } from "../domain/submission.ts";
import type { Now, TurnResult } from "../ledger/rows.ts";
import { initialBucket, pausedMs, resumeBucket } from "../pacer/bucket.ts";
import { concurrencyFor, ratePerSecond } from "../pacer/concurrency.ts";
import { dailyRefusalHold, dayHold, sourceShareHold } from "../pacer/day.ts";
import { applyReply } from "../pacer/reading.ts";
import { burstHold } from "../pacer/window.ts";
import { instant } from "./instant.ts";

/** Other processes give slots back without telling us: never trust a waiting time for longer than this. */
const BLIND_WAIT_MS = 250;
/** A limitless CRM still gets no more than the concurrency allows; this only sizes that. */
const UNLIMITED_RATE = 1_000;

/** The pacer makes a hold of a longer pause. */
const PAUSE_IN_RUN_MAX_MS = 60_000;

/** What is known of a request under way, to judge its reply by. */
export interface Departure {
  sentMonoMs: number;
  /** By bucket: the most slots that were taken at once since it left. The server may have counted it at any time since. */
  usedAtMost: Record<string, number>;
}

/** A reply as it came, before anything was learned from it. */
interface Reply {
  charges: readonly Charge[];
  readings: readonly LimitReading[];
  departure: Departure;
  answered: boolean;
  now: Now;
}

export class QuotaDesk {
  readonly #states = new Map<string, BucketState>();
  readonly #use = new Map<string, BucketUse>();
  readonly #blockedUntil = new Map<string, number>();
  readonly #inFlight = new Map<string, number>();
  readonly #departures = new Set<Departure>();
  readonly #replies: Reply[] = [];
  readonly #settings: LimitSettings;
  readonly #clock: Clock;
  #roundTripMs = 100;

  constructor(capabilities: Capabilities, settings: LimitSettings, saved: readonly BucketState[], clock: Clock) {
    this.#settings = settings;
    this.#clock = clock;
    const now = instant(clock);
    for (const spec of capabilities.buckets) {
      const known = saved.find((state) => state.bucket === spec.name);
      const state = known ? resumeBucket(spec, known, settings, now) : initialBucket(spec, settings, now.wallMs);
      this.#states.set(spec.name, withoutLongPause(state, now));
    }
  }

  /** The rows to write at the start of a run, so that every process counts against the same numbers. */
  opening(): BucketState[] {
    return [...this.#states.values()];
  }

  /** Takes in the ledger's answer of a turn. */
  refresh(result: Pick<TurnResult, "buckets" | "use">): void {
    for (const state of result.buckets) this.#states.set(state.bucket, state);
    const now = this.#clock.monoMs();
    for (const use of result.use) {
      this.#use.set(use.bucket, use);
      for (const { usedAtMost } of this.#departures) {
        usedAtMost[use.bucket] = Math.max(usedAtMost[use.bucket] ?? 0, use.used);
      }
      const until = this.#fullUntil(use, now);
      if (until > now) this.#blockedUntil.set(use.bucket, until);
      else this.#blockedUntil.delete(use.bucket);
    }
  }

  #fullUntil(use: BucketUse, now: number): number {
    const state = this.#states.get(use.bucket);
    if (!state || state.kind === "day") return 0;
    const paused = state.pausedBootId === this.#clock.bootId ? state.pausedUntilMonoMs : 0;
    const full = state.capacity !== null && use.used >= Math.max(1, Math.floor(state.capacity));
    const free = full ? Math.min(use.nextFreeMonoMs ?? now, now + BLIND_WAIT_MS) : 0;
    return Math.max(paused, free);
  }

  refuse(bucket: string, retryAtMonoMs: number): void {
    this.#blockedUntil.set(bucket, Math.min(retryAtMonoMs, this.#clock.monoMs() + BLIND_WAIT_MS));
  }

  /** When these buckets may be asked for again; 0: now. Monotonic ms. */
  blockedUntil(buckets: readonly string[]): number {
    const now = this.#clock.monoMs();
    const waits = buckets.map((bucket) => this.#blockedUntil.get(bucket) ?? 0).filter((until) => until > now);
    return waits.length === 0 ? 0 : Math.max(...waits);
  }

  depart(charges: readonly Charge[]): Departure {
    this.#move(charges, 1);
    const usedAtMost: Record<string, number> = {};
    for (const use of this.#use.values()) usedAtMost[use.bucket] = use.used;
    const departure = { sentMonoMs: this.#clock.monoMs(), usedAtMost };
    this.#departures.add(departure);
    return departure;
  }

  /**
   * Its reply is there. What it teaches is learned between two turns: the answer of one that is under way would take its place.
   */
  land(reply: Omit<Reply, "now">): void {
    this.#departures.delete(reply.departure);
    this.#replies.push({ ...reply, now: instant(this.#clock) });
  }

  /** What the replies since the last turn taught: rows for the next one. `raise` is told of the holds that they call for. */
  learn(raise: (hold: Hold) => void): BucketState[] {
    return this.#replies.splice(0).flatMap((reply) => {
      const { rows, hold } = this.#arrive(reply);
      if (hold) raise(hold);
      return rows;
    });
  }

  #arrive({ charges, readings, departure, answered, now }: Reply): { rows: BucketState[]; hold: Hold | null } {
    this.#move(charges, -1);
    this.#roundTripMs = 0.9 * this.#roundTripMs + 0.1 * Math.max(0, now.monoMs - departure.sentMonoMs);
    if (!answered) return { rows: [], hold: null };
    const context = { ...departure, inFlight: Object.fromEntries(this.#inFlight) };
    const states = [...this.#states.values()];
    const rows = applyReply(states, [...this.#use.values()], charges, readings, this.#settings, now, context);
    let hold: Hold | null = null;
    for (const row of rows) {
      hold ??= row.kind === "window" ? burstHold(this.#states.get(row.bucket)!, row, now) : null;
      this.#states.set(row.bucket, row);
    }
    return { rows, hold };
  }

  #move(charges: readonly Charge[], sign: 1 | -1): void {
    for (const { bucket, amount } of charges) {
      this.#inFlight.set(bucket, (this.#inFlight.get(bucket) ?? 0) + sign * amount);
    }
  }

  /** The hold for a day's budget that has nothing left for a lane. */
  dayHold(bucket: string, lane: Lane, tokens: number): Hold {
    const nothing: BucketUse = { bucket, used: 0, usedByLane: { operational: 0, background: 0 }, nextFreeMonoMs: null };
    return dayHold(this.#states.get(bucket)!, this.#use.get(bucket) ?? nothing, lane, instant(this.#clock), tokens);
  }

  /** The hold for a source that has spent its part of the day. */
  shareHold(source: string, shares: Readonly<Record<string, number>> = {}): Hold {
    const day = [...this.#states.values()].find((state) => state.kind === "day")!;
    return sourceShareHold(day, source, shares[source] ?? 0, instant(this.#clock));
  }

  /** The CRM's word that the day is spent, with the end of the day where that was learned. */
  dated(outcome: Outcome): Outcome {
    if (!("hold" in outcome) || outcome.hold?.kind !== "dailyQuota" || outcome.hold.forMs !== null) return outcome;
    const day = [...this.#states.values()].find((state) => state.kind === "day") ?? null;
    const nowMs = this.#clock.wallMs();
    const { untilMs, message } = dailyRefusalHold(day, nowMs);
    return { ...outcome, hold: { ...outcome.hold, message, forMs: untilMs === null ? null : untilMs - nowMs } };
  }

  /** Requests to keep in flight now. */
  concurrency(): number {
    const window = [...this.#states.values()].find((state) => state.kind === "window");
    const rate = window ? (ratePerSecond(window, this.#roundTripMs) ?? UNLIMITED_RATE) : UNLIMITED_RATE;
    return concurrencyFor(this.#settings, rate, this.#roundTripMs);
  }
}

/**
 * A pause that no run sleeps through was written down as a hold, and a run under a hold asks with one request: the pause
 * must not keep that request back.
 */
function withoutLongPause(state: BucketState, now: Now): BucketState {
  if (pausedMs(state, now) <= PAUSE_IN_RUN_MAX_MS) return state;
  return { ...state, pausedUntilMonoMs: 0, pausedBootId: null, readAtMs: now.wallMs };
}
