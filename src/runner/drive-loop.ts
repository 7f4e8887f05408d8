/** The loop of a drain: keeps enough claims in hand that the wheel never idles, and waits for what falls due soon. */
import type { DrainLimits } from "../domain/settings.ts";
import type { Lane } from "../domain/submission.ts";
import type { ClaimRequest } from "../ledger/rows.ts";
import { quietNow } from "../pacer/quiet-hours.ts";
import { prepare } from "./batch.ts";
import type { DriveContext } from "./context.ts";
import { driveClaim } from "./drive-claim.ts";
import { instant } from "./quota-desk.ts";
import { settleSamples } from "./retry-samples.ts";
import type { Review } from "./review-holds.ts";
import { LEASE_MS } from "./wheel.ts";

/** As many as one batch of ids confirms; more would hold leases for longer than they are worked on. */
const BATCH_MAX = 100;
/** Below this many works in hand the next batch is claimed, so that its look-ups run beside the writes of this one. */
const IN_HAND_MIN = 40;
/** Due, but in another process's hands: asked for again after this. */
const CONTENDED_WAIT_MS = 500;
const PROGRESS_EVERY_MS = 250;

/** True where the run's own limit of submissions ended it. */
export async function driveLoop(context: DriveContext, limits: DrainLimits, review: Review): Promise<boolean> {
  const { wheel, deps } = context;
  const crew = new Crew();
  let claimed = 0;
  let idleSinceMs = deps.clock.monoMs();
  const limit = limits.submissionsMax ?? Number.POSITIVE_INFINITY;
  while (!wheel.halted && !wheel.failure) {
    await showProgress(context);
    // What the last ones gave back must be free before nothing is found to be claimable.
    const isIdle = crew.inHand === 0;
    if (isIdle) await wheel.committed();
    if (crew.inHand < IN_HAND_MIN && claimed < limit) {
      for (const told of await settleSamples(deps)) context.tally.warnings.add(told);
      const claims = await claim(context, limits, review, Math.min(BATCH_MAX, limit - claimed));
      if (claims.length > 0) {
        const size = claims.reduce((sum, each) => sum + each.submissions.length, 0);
        claimed += size;
        idleSinceMs = deps.clock.monoMs();
        for (const { works, answer } of await prepare(context, claims)) {
          crew.add(works.length, driveClaim(context, works, answer));
        }
        continue;
      }
    }
    if (crew.inHand > 0) await crew.change();
    // The last one ended while the next were asked for: what it gave back was not seen yet.
    else if (!isIdle) continue;
    else if (claimed >= limit || !(await waitForDue(context, limits, review, idleSinceMs))) break;
  }
  await crew.done();
  return claimed >= limit && (await deps.ledger.queue({ source: limits.source, lane: limits.lane })).pending > 0;
}

/** Claims in hand, and a promise that settles when one of them ends. */
class Crew {
  inHand = 0;
  #failure: unknown = null;
  #wake: (() => void)[] = [];

  add(works: number, driving: Promise<void>): void {
    this.inHand += works;
    void driving
      .catch((error) => {
        this.#failure ??= error;
      })
      .finally(() => {
        this.inHand -= works;
        for (const wake of this.#wake.splice(0)) wake();
      });
  }

  async change(): Promise<void> {
    await new Promise<void>((resolve) => this.#wake.push(resolve));
    if (this.#failure) throw this.#failure;
  }

  async done(): Promise<void> {
    while (this.inHand > 0) await this.change();
    if (this.#failure) throw this.#failure;
  }
}

type Kept = Pick<ClaimRequest, "heldSources" | "heldLanes" | "quiet">;

/** What is not to be claimed now. */
function keptBack({ wheel, tally, deps }: DriveContext, review: Review): Kept {
  const { sources, lanes } = quietNow(deps.settings.quiet, deps.clock.wallMs());
  const held = (kind: string) =>
    [...wheel.board.heldBack.keys()].filter((scope) => scope.startsWith(kind)).map((scope) => scope.slice(kind.length));
  return {
    heldSources: [...review.heldSources, ...tally.heldSources, ...held("source:")],
    heldLanes: [...review.heldLanes, ...(held("lane:") as Lane[])],
    ...(sources.size + lanes.size > 0 && { quiet: { heldSources: [...sources.keys()], heldLanes: [...lanes.keys()] } }),
  };
}

async function claim(context: DriveContext, limits: DrainLimits, review: Review, limit: number) {
  const { ledger, clock, runId, failpoint } = context.deps;
  const now = instant(clock);
  const claims = await ledger.claim({
    runId,
    now,
    limit,
    leaseUntilMs: now.wallMs + LEASE_MS,
    source: limits.source,
    lane: limits.lane,
    ids: limits.ids,
    ...keptBack(context, review),
  });
  if (claims.length > 0) failpoint("claim.after");
  return claims;
}

/** False where nothing falls due soon enough to wait for. */
async function waitForDue(
  context: DriveContext,
  limits: DrainLimits,
  review: Review,
  idleSinceMs: number,
): Promise<boolean> {
  const { ledger, clock } = context.deps;
  await context.wheel.committed();
  const { source, lane, ids } = limits;
  const dueAtMs = await ledger.nextDueAtMs({ source, lane, ids, except: keptBack(context, review) });
  if (dueAtMs === null) return false;
  const waitMs = Math.max(CONTENDED_WAIT_MS, dueAtMs - clock.wallMs());
  if (waitMs > limits.waitMaxMs || clock.monoMs() + waitMs - idleSinceMs > limits.waitMaxMs + CONTENDED_WAIT_MS)
    return false;
  await context.wheel.pause(waitMs);
  return true;
}

async function showProgress(context: DriveContext): Promise<void> {
  const { deps, tally, wheel } = context;
  const nowMs = deps.clock.monoMs();
  if (nowMs - tally.shownAtMs < PROGRESS_EVERY_MS) return;
  tally.shownAtMs = nowMs;
  const queue = await deps.ledger.queue();
  const remaining = queue.pending + queue.waiting + queue.uncertain + queue.inProgress;
  deps.observe({ type: "progress", ...tally.drained, remaining, tokens: wheel.counts.tokens });
}
