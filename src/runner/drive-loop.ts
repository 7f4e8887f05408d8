/** The loop of a drain: keeps enough claims in hand that the wheel never idles, and waits for what falls due soon. */
import type { DrainLimits } from "../domain/settings.ts";
import { prepare } from "./batch.ts";
import type { DriveContext } from "./context.ts";
import { Crew } from "./crew.ts";
import { driveClaim } from "./drive-claim.ts";
import { keptBack, NextClaims } from "./next-claims.ts";
import { settleSamples } from "./retry-samples.ts";
import type { Review } from "./review-holds.ts";

/** Due, but in another process's hands: asked for again after this. */
const CONTENDED_WAIT_MS = 500;
const PROGRESS_EVERY_MS = 250;

/** True where the run's own limit of submissions ended it. */
export async function driveLoop(context: DriveContext, limits: DrainLimits, review: Review): Promise<boolean> {
  const { wheel, deps } = context;
  const crew = new Crew();
  const next = new NextClaims(context, limits, review, crew);
  let claimed = 0;
  let idleSinceMs = deps.clock.monoMs();
  const limit = limits.submissionsMax ?? Number.POSITIVE_INFINITY;
  while (!wheel.halted && !wheel.failure) {
    await showProgress(context);
    // What the last ones gave back must be free before nothing is found to be claimable.
    const isIdle = crew.inHand === 0;
    if (isIdle) await wheel.committed();
    const room = claimed < limit ? await next.room() : null;
    if (room !== null) {
      for (const told of await settleSamples(deps)) context.tally.warnings.add(told);
      const claims = await next.take(room, limit - claimed);
      if (claims.length > 0) {
        const size = claims.reduce((sum, each) => sum + each.submissions.length, 0);
        claimed += size;
        idleSinceMs = deps.clock.monoMs();
        for (const { works, answer } of await prepare(context, claims)) {
          crew.add(works, driveClaim(context, works, answer));
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

/** False where nothing falls due soon enough to wait for. */
async function waitForDue(
  context: DriveContext,
  limits: DrainLimits,
  review: Review,
  idleSinceMs: number,
): Promise<boolean> {
  const { ledger, clock } = context.deps;
  await context.wheel.committed();
  await context.wheel.board.endLateWaits();
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
