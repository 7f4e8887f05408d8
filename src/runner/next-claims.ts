/** What a run claims next: never background work in the place of operational work, its own or another process's. */
import type { DrainLimits } from "../domain/settings.ts";
import type { Lane } from "../domain/submission.ts";
import type { Claim, ClaimRequest } from "../ledger/rows.ts";
import { quietNow } from "../pacer/quiet-hours.ts";
import type { DriveContext } from "./context.ts";
import type { Crew } from "./crew.ts";
import { instant } from "./instant.ts";
import type { Review } from "./review-holds.ts";
import { shareStops } from "./source-shares.ts";
import { LEASE_MS } from "./wheel.ts";

/** As many as one batch of ids confirms; more would hold leases for longer than they are worked on. */
const BATCH_MAX = 100;
/** Below this many works in hand the next batch is claimed, so that its look-ups run beside the writes of this one. */
const IN_HAND_MIN = 40;
/** Of those in hand about half wait for the ledger while the others' requests are in flight. */
const IN_HAND_PER_FLIGHT = 2;
/** How often a run that has its hands full of background work looks whether somebody waits. */
const LOOK_MS = 250;
/** How often a run that is not alone looks for work of processes that died. */
const TAKE_BACK_MS = LEASE_MS / 3;

export type Kept = Pick<ClaimRequest, "heldSources" | "heldLanes" | "quiet">;

/** What is not to be claimed now. */
export function keptBack({ wheel, tally, deps }: DriveContext, review: Review): Kept {
  const { sources, lanes } = quietNow(deps.settings.quiet, deps.clock.wallMs());
  const held = (kind: string) =>
    [...wheel.board.heldBack.keys()].filter((scope) => scope.startsWith(kind)).map((scope) => scope.slice(kind.length));
  return {
    heldSources: [...review.heldSources, ...tally.heldSources, ...held("source:")],
    heldLanes: [...review.heldLanes, ...(held("lane:") as Lane[])],
    ...(sources.size + lanes.size > 0 && { quiet: { heldSources: [...sources.keys()], heldLanes: [...lanes.keys()] } }),
  };
}

export class NextClaims {
  readonly #context: DriveContext;
  readonly #limits: DrainLimits;
  readonly #review: Review;
  readonly #crew: Crew;
  readonly #inHandMin: number;
  #lookedAtMs = Number.NEGATIVE_INFINITY;
  #tookBackAtMs = Number.NEGATIVE_INFINITY;

  constructor(context: DriveContext, limits: DrainLimits, review: Review, crew: Crew) {
    this.#context = context;
    this.#limits = limits;
    this.#review = review;
    this.#crew = crew;
    this.#inHandMin = Math.max(IN_HAND_MIN, IN_HAND_PER_FLIGHT * (context.deps.settings.limits.concurrency ?? 0));
  }

  /** Which lanes there is room for; null: for none, the hands are full. */
  async room(): Promise<Lane | "any" | null> {
    const { ledger, clock } = this.#context.deps;
    const crew = this.#crew;
    const { lane, source, ids } = this.#limits;
    if (crew.inHand < this.#inHandMin) return "any";
    if (lane === "background" || ids !== undefined || crew.ofLane("operational") >= this.#inHandMin) return null;
    if (clock.monoMs() - this.#lookedAtMs < LOOK_MS) return null;
    this.#lookedAtMs = clock.monoMs();
    return (await ledger.queue({ source, lane: "operational" })).pending > 0 ? "operational" : null;
  }

  /** Of these lanes, `most` submissions at the most. */
  async take(lanes: Lane | "any", most: number): Promise<Claim[]> {
    const kept = keptBack(this.#context, this.#review);
    const stops = await shareStops(this.#context, [...kept.heldSources, ...(kept.quiet?.heldSources ?? [])]);
    const heldSources = [...kept.heldSources, ...stops.sources];
    const heldLanes = lanes === "operational" ? [...kept.heldLanes, "background" as const] : kept.heldLanes;
    const limit = Math.min(BATCH_MAX, most, stops.claimMax);
    if (lanes !== "any" || !(await this.#isSecond()))
      return await this.#claim({ ...kept, heldSources, heldLanes }, limit);
    const own = await this.#claim({ ...kept, heldSources, heldLanes: [...heldLanes, "background"] }, limit);
    // Background never starves: one at a time goes on beside the other process.
    return own.length > 0 || this.#crew.inHand > 0 ? own : await this.#claim({ ...kept, heldSources, heldLanes }, 1);
  }

  /** Another process has operational work in hand: it takes its slots from the same quota as ours. */
  async #isSecond(): Promise<boolean> {
    const { ledger, runId } = this.#context.deps;
    if ((await ledger.openRuns()).every(({ id }) => id === runId)) return false;
    await this.#takeBack();
    return (await ledger.queue({ lane: "operational" })).inProgress > this.#crew.ofLane("operational");
  }

  /** What a process beside this one had in hand when it died: the run that would find it may begin hours from now. */
  async #takeBack(): Promise<void> {
    const { wheel, deps } = this.#context;
    if (deps.clock.monoMs() - this.#tookBackAtMs < TAKE_BACK_MS) return;
    this.#tookBackAtMs = deps.clock.monoMs();
    // Its turn renews our own leases, should the clock have been set.
    await wheel.committed();
    await deps.ledger.recoverExpired(instant(deps.clock), deps.settings.retry.settleMs[0] ?? 0);
  }

  async #claim(kept: Kept, limit: number): Promise<Claim[]> {
    const { ledger, clock, runId, failpoint } = this.#context.deps;
    const { source, lane, ids } = this.#limits;
    const now = instant(clock);
    const leaseUntilMs = now.wallMs + LEASE_MS;
    const claims = await ledger.claim({ runId, now, limit, leaseUntilMs, source, lane, ids, ...kept });
    if (claims.length > 0) failpoint("claim.after");
    return claims;
  }
}
