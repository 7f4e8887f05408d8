/**
 * The wheel: the one place from which requests leave. Drivers hand in operations and ledger changes; each turn commits
 * everything that happened together with the intents of what leaves next (design: one transaction for a group of requests,
 * before any byte of it), then sends what got its slots.
 */
import pLimit, { type LimitFunction } from "p-limit";
import type { Step } from "../domain/chain.ts";
import { endsRun, type Hold } from "../domain/hold.ts";
import type { AccountId, ClaimId, RequestId, SubmissionId } from "../domain/ids.ts";
import type { Operation, Outcome } from "../domain/operation.ts";
import type { ChainPlan, TurnResult } from "../ledger/rows.ts";
import { BlockCheck } from "./block-check.ts";
import type { Gates } from "./gates.ts";
import { HoldBoard } from "./hold-board.ts";
import { instant } from "./instant.ts";
import { affordable, dayTokens, errorOf, type Offer, redactOutcome, summaryOf, TOO_LATE, toOffer } from "./offer.ts";
import { append, emptyOutbox, isEmpty, type Outbox } from "./outbox.ts";
import { classified, packJobs } from "./packing.ts";
import { type Job, Queues } from "./queues.ts";
import type { QuotaDesk } from "./quota-desk.ts";
import type { DrainReport, RunnerDeps } from "./runner.ts";
import type { Session } from "./session.ts";
import { settleStep } from "./settle-step.ts";
import { Fenced, Halted, Held } from "./stops.ts";
import type { Performed, Ticket } from "./ticket.ts";

/** A lease is renewed by every turn; a run that makes no turn for this long has lost its work to others. */
export const LEASE_MS = 120_000;

export class Wheel {
  readonly counts = { retried: 0, tokens: 0, requests: 0 };
  readonly board: HoldBoard;
  readonly #deps: RunnerDeps;
  readonly #session: Session;
  readonly #quota: QuotaDesk;
  readonly #limit: LimitFunction;
  readonly #tokensMax: number | null;
  #outbox: Outbox = emptyOutbox();
  readonly #queues = new Queues();
  readonly #blocks = new BlockCheck((operation, ticket) => this.perform(operation, ticket));
  #inFlight = 0;
  #tokensInFlight = 0;
  #scheduled = false;
  #pumping = false;
  #due = false;
  #ref = 0;
  readonly #ending = new AbortController();
  #halt: { reason: DrainReport["stopped"]; hold: Hold | null } | null = null;
  #failure: unknown = null;
  #timer: AbortController | null = null;
  #planWaiters = new Map<SubmissionId, (steps: Step[]) => void>();
  #fenced = new Set<ClaimId>();

  constructor(deps: RunnerDeps, session: Session, quota: QuotaDesk, gates: Gates, tokensMax: number | null) {
    this.#deps = deps;
    this.#session = session;
    this.#quota = quota;
    this.board = new HoldBoard(deps, session.accountId, gates, (hold) => this.halt("hold", hold));
    this.#tokensMax = tokensMax;
    this.#limit = pLimit(deps.settings.limits.concurrency ?? 4);
  }

  get accountId(): AccountId {
    return this.#session.accountId;
  }
  get halted(): { reason: DrainReport["stopped"]; hold: Hold | null } | null {
    return this.#halt;
  }
  get failure(): unknown {
    return this.#failure;
  }

  /** Sends one operation when its turn comes. Rejects with `Halted`, `Held` or `Fenced` when it never left. */
  async perform(operation: Operation, ticket: Ticket): Promise<Performed> {
    const [performed] = await this.performAll([operation], [ticket]);
    return performed!;
  }

  /** Sends operations that may refer to each other, in one request where the adapter can. */
  performAll(operations: Operation[], tickets: Ticket[]): Promise<Performed[]> {
    if (this.#failure) return Promise.reject(this.#failure);
    if (this.#halt) return Promise.reject(new Halted(this.#halt.reason));
    if (tickets.some((ticket) => ticket.claimId !== null && this.#fenced.has(ticket.claimId))) {
      return Promise.reject(new Fenced());
    }
    const lane = tickets[0]!.lane;
    const held = this.board.lane(lane);
    if (held) return Promise.reject(held);
    return new Promise((resolve, reject) => {
      this.#queues.push({ operations, tickets, lane, resolve, reject });
      this.#schedule(this.#deps.adapter.capabilities.packLingerMs);
    });
  }

  /** Adds changes to the next turn. */
  record(changes: Partial<Omit<Outbox, "waiters">>): void {
    append(this.#outbox, changes);
    this.#schedule(0);
  }

  /** Resolves once everything recorded so far is committed. */
  committed(): Promise<void> {
    if (this.#failure) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      this.#outbox.waiters.push({ resolve, reject });
      this.#schedule(0);
    });
  }

  /** Saves a chain's plan and gives its steps with their ids. */
  async plan(plan: ChainPlan): Promise<Step[]> {
    const steps = new Promise<Step[]>((resolve) => this.#planWaiters.set(plan.submissionId, resolve));
    this.record({ plans: [plan] });
    await this.committed();
    if (this.#fenced.has(plan.claimId)) throw new Fenced();
    return steps;
  }

  /** Renews the leases. */
  touch(): void {
    this.#outbox.waiters.push({ resolve: () => {}, reject: () => {} });
    this.#schedule(0);
  }

  /** Waits, or until the run ends. */
  async pause(ms: number): Promise<void> {
    if (!this.#halt) await this.#deps.clock.sleep(ms, this.#ending.signal);
  }

  /** Nothing new is begun from here on; what is in flight ends and is recorded. The first reason stands. */
  halt(reason: DrainReport["stopped"], hold: Hold | null = null): void {
    this.#halt ??= { reason, hold };
    this.#ending.abort();
    this.#queues.rejectAll(() => new Halted(this.#halt!.reason));
    this.#schedule(0);
  }

  /** Opens a hold, in the ledger and for this run. */
  raise(hold: Hold): void {
    this.board.raise(hold);
  }

  /** The hold for a source that has spent its part of the day's budget. */
  shareHold = (source: string): Hold => this.#quota.shareHold(source, this.#deps.settings.dailyShares);

  /** Waits until nothing is in flight and everything is committed. */
  async quiet(): Promise<void> {
    for (;;) {
      if (this.#failure) throw this.#failure;
      await this.committed();
      await this.board.written();
      if (this.#inFlight === 0 && isEmpty(this.#outbox)) return;
      await new Promise((resolve) => setImmediate(resolve));
      if (this.#inFlight > 0) await new Promise<void>((resolve) => this.#idleWaiters.push(resolve));
    }
  }

  #idleWaiters: (() => void)[] = [];

  #schedule(lingerMs: number): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    // One turn takes in everything that the present wave of replies and promises leads to.
    const go = () => setImmediate(() => void this.#pump());
    if (lingerMs > 0) void this.#deps.clock.sleep(lingerMs).then(go);
    else go();
  }

  async #pump(): Promise<void> {
    this.#scheduled = false;
    this.#due = this.#pumping;
    if (this.#pumping) return;
    this.#pumping = true;
    try {
      await this.#turn();
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#pumping = false;
    }
    // What came while the ledger was at work missed its turn.
    if (this.#due || !isEmpty(this.#outbox)) this.#schedule(0);
    else this.#arm();
  }

  async #turn(): Promise<void> {
    append(this.#outbox, { buckets: this.#quota.learn((hold) => this.raise(hold)) });
    const offers = this.#halt || this.#failure ? [] : await this.#offers();
    const outbox = this.#outbox;
    this.#outbox = emptyOutbox();
    if (offers.length === 0 && isEmpty(outbox)) return;
    const { ledger, clock, runId, credential, failpoint, settings } = this.#deps;
    const now = instant(clock);
    const { waiters, buckets, ...changes } = outbox;
    try {
      failpoint("turn.before");
      const result = await ledger.turn({
        ...changes,
        buckets: [...new Map(buckets.map((state) => [state.bucket, state])).values()],
        ...{ runId, accountId: this.accountId, credential, now, shares: settings.dailyShares },
        leaseUntilMs: now.wallMs + LEASE_MS,
        begin: offers.map((offer) => offer.intent),
      });
      failpoint("turn.after");
      this.#takeIn(result, offers, now.monoMs);
      for (const waiter of waiters) waiter.resolve();
    } catch (error) {
      for (const offer of offers) for (const job of offer.jobs) job.reject(error);
      for (const waiter of waiters) waiter.reject(error);
      throw error;
    }
  }

  /** Takes jobs off the queues, as many as may be in flight, and packs them. */
  async #offers(): Promise<Offer[]> {
    await this.board.look();
    const concurrency = this.#quota.concurrency();
    this.#limit.concurrency = concurrency;
    const room = (concurrency - this.#inFlight) * this.#deps.adapter.capabilities.packMax;
    const picked = this.#queues.pick(room, this.#blocks.isAsking);
    return await this.#packed(picked, concurrency).catch((error) => {
      for (const job of picked) job.reject(error);
      throw error;
    });
  }

  async #packed(picked: Job[], concurrency: number): Promise<Offer[]> {
    const offers: Offer[] = [];
    const back: Job[] = [];
    for (const { request, jobs } of packJobs(this.#deps.adapter, picked, this.#session.crm())) {
      const held = await this.board.group(request);
      if (held) for (const job of jobs) job.reject(held);
      else if (
        this.#quota.blockedUntil(request.charges.map((charge) => charge.bucket)) > 0 ||
        offers.length >= concurrency - this.#inFlight
      ) {
        this.board.withdraw(request);
        back.push(...jobs);
      } else {
        this.#ref += 1;
        offers.push(toOffer(this.#ref, request, jobs));
      }
    }
    this.#queues.putBack(back);
    return this.#withinTokens(offers);
  }

  #withinTokens(offers: Offer[]): Offer[] {
    if (this.#tokensMax === null) return offers;
    const paid = affordable(offers, this.#tokensMax - this.counts.tokens - this.#tokensInFlight);
    if (paid === offers.length) return offers;
    this.#queues.putBack(offers.slice(paid).flatMap((late) => late.jobs));
    this.halt("maxTokens");
    return offers.slice(0, paid);
  }

  #takeIn(result: TurnResult, offers: Offer[], turnMonoMs: number): void {
    this.#quota.refresh(result);
    for (const claim of result.fenced) this.#fenced.add(claim);
    for (const { submissionId, steps } of result.planned) {
      this.#planWaiters.get(submissionId)?.(steps);
      this.#planWaiters.delete(submissionId);
    }
    const granted = new Map(result.granted.map(({ ref, requestId }) => [ref, requestId]));
    const refused = new Map(result.refused.map((refusal) => [refusal.ref, refusal]));
    const back: Job[] = [];
    for (const offer of offers) {
      const requestId = granted.get(offer.ref);
      const refusal = refused.get(offer.ref);
      if (requestId !== undefined) {
        void this.#send(offer, requestId, turnMonoMs).catch((error) => {
          this.#fail(error);
          // Nobody else answers them, and a driver that waits for ever keeps the run from ending.
          for (const job of offer.jobs) job.reject(error);
        });
        continue;
      }
      this.board.withdraw(offer.request);
      if (!refusal) for (const job of offer.jobs) job.reject(new Fenced());
      else if (refusal.source) this.board.stop(offer.jobs, this.shareHold(refusal.source));
      else {
        back.push(...offer.jobs);
        if (refusal.retryAtMonoMs !== null) this.#quota.refuse(refusal.bucket, refusal.retryAtMonoMs);
        else this.raise(this.#quota.dayHold(refusal.bucket, offer.intent.lane, dayTokens(offer.request)));
      }
    }
    this.#queues.putBack(back);
    if (this.#halt) this.#queues.rejectAll(() => new Halted(this.#halt!.reason));
    for (const lane of ["operational", "background"] as const) {
      const held = this.board.lane(lane);
      if (held) this.#queues.rejectAll(() => held, lane);
    }
  }

  async #send(offer: Offer, requestId: RequestId, turnMonoMs: number): Promise<void> {
    const { adapter, clock, failpoint, redact } = this.#deps;
    this.#inFlight += 1;
    this.#tokensInFlight += dayTokens(offer.request);
    this.counts.requests += 1;
    const sentAtMs = clock.wallMs();
    const departure = this.#quota.depart(offer.request.charges);
    failpoint("send.before");
    // A process that was stopped in between may have lost its work to another: what it had begun must not leave any more.
    const mayLeave = () => clock.monoMs() - turnMonoMs <= Math.min(offer.request.http.timeoutMs, LEASE_MS / 2);
    const result = mayLeave() ? await this.#limit(() => this.#deps.send(offer.request, mayLeave)) : TOO_LATE;
    failpoint("send.after");
    this.#inFlight -= 1;
    this.#tokensInFlight -= dayTokens(offer.request);
    if (this.#inFlight === 0) for (const wake of this.#idleWaiters.splice(0)) wake();
    const endedMonoMs = clock.monoMs();
    const latencyMs = Math.max(0, endedMonoMs - departure.sentMonoMs);
    const serverTimeMs = this.#session.learnTime(adapter.serverTimeMs(result), clock.wallMs());
    const outcomes = classified(adapter, offer.request, result, this.#session.crm()).map((outcome) =>
      this.#quota.dated(redactOutcome(outcome, redact)),
    );
    const answered = result.type === "response";
    const rateLimited = answered && result.status === 429;
    const { charges } = offer.request;
    this.#quota.land({ charges, readings: adapter.limits(offer.request, result), departure, answered });
    if (!rateLimited) this.counts.tokens += dayTokens(offer.request);
    this.record({
      finished: [
        {
          requestId,
          status: answered ? result.status : null,
          outcome: summaryOf(outcomes),
          error: errorOf(outcomes),
          latencyMs,
          endedMonoMs,
          endedAtMs: clock.wallMs(),
          rateLimited,
        },
      ],
    });
    this.#blocks.see(offer.request, outcomes);
    const told = this.#blocks.concerns(offer.request, outcomes) ? await this.#blocks.judged(outcomes) : outcomes;
    this.#settle(offer, told, { serverTimeMs, sentAtMs });
  }

  /** Tells each job what became of it; steps are settled in the same turn as the request. */
  #settle(offer: Offer, outcomes: Outcome[], meta: { serverTimeMs: number | null; sentAtMs: number }): void {
    const nowMs = this.#deps.clock.wallMs();
    const byOperation = new Map(offer.request.operations.map((operation, index) => [operation, outcomes[index]!]));
    for (const outcome of outcomes) this.board.observe(offer.request, outcome);
    for (const job of offer.jobs) {
      const mine = job.operations.map((operation) => byOperation.get(operation)!);
      job.operations.forEach((operation, index) => {
        const updated = operation.type === "update" ? operation.id : null;
        const steps = job.tickets[index]!.steps;
        this.record({ steps: steps.map((step) => settleStep(step, mine[index]!, nowMs, updated)) });
      });
      this.#answer(job, mine, meta);
    }
  }

  #answer(job: Job, outcomes: Outcome[], meta: { serverTimeMs: number | null; sentAtMs: number }): void {
    const hold = outcomes.map((outcome) => ("hold" in outcome ? outcome.hold : undefined)).find(Boolean);
    const allDeferred = outcomes.every((outcome) => outcome.type === "deferred" && outcome.reason === "burst");
    if (outcomes.length === 1 && hold) {
      const due = this.#deps.clock.wallMs() + (hold.forMs ?? 15 * 60_000);
      const full: Hold = { ...hold, untilMs: hold.forMs === null ? null : due, probe: true };
      if (endsRun(full)) job.reject(new Halted("hold"));
      else {
        this.board.keepBack(full);
        job.reject(new Held(full, due));
      }
    } else if (allDeferred && !this.#halt) {
      this.counts.retried += 1;
      this.#queues.putBack([job]);
    } else if (allDeferred) job.reject(new Halted(this.#halt!.reason));
    else {
      this.counts.retried += job.tickets.filter((ticket) => ticket.retried).length;
      job.resolve(outcomes.map((outcome) => ({ outcome, ...meta })));
    }
  }

  /** Wakes the wheel when the earliest blocked bucket has a slot again. */
  #arm(): void {
    this.#timer?.abort();
    this.#timer = null;
    if (this.#queues.size === 0 || this.#halt || this.#failure) return;
    const { clock } = this.#deps;
    const until = this.#quota.blockedUntil(this.#deps.adapter.capabilities.buckets.map((bucket) => bucket.name));
    // Nothing blocked and no room in flight: the next reply wakes us.
    if (until === 0 && this.#inFlight > 0) return;
    const timer = new AbortController();
    this.#timer = timer;
    void clock.sleep(Math.max(1, until - clock.monoMs()), timer.signal).then(() => {
      if (!timer.signal.aborted) this.#schedule(0);
    });
  }

  #fail(error: unknown): void {
    this.#failure ??= error;
    this.#queues.rejectAll(() => error);
    for (const waiter of this.#outbox.waiters.splice(0)) waiter.reject(error);
    for (const wake of this.#idleWaiters.splice(0)) wake();
  }
}
