/**
 * A run that starts under holds: what people set stands; what the CRM caused is asked about with one request, the cheapest;
 * what our own count caused ends with that count, so the ledger is left to say it again.
 */
import type { Hold, HoldScope } from "../domain/hold.ts";
import { endsRun } from "../domain/hold.ts";
import type { Lane } from "../domain/submission.ts";
import type { HoldRow } from "../ledger/rows.ts";
import type { Connection } from "./connect.ts";
import type { RunnerDeps } from "./runner.ts";
import { Halted, Held } from "./stops.ts";
import { ownTicket } from "./ticket.ts";

export interface Review {
  /** Nothing may be sent in this run. */
  stop: Hold | null;
  heldSources: string[];
  /** Sources that wait because their map names what the CRM lacks: exit 3. */
  brokenSources: string[];
  heldLanes: Lane[];
  /** From our own count: closed at the end of the run unless they were raised again. */
  ownCount: HoldRow[];
}

/** No hold of a source is given longer, but those that only people end, which have no end. */
const SOURCE_HOLD_MAX_MS = 24 * 3_600_000;

export async function reviewHolds(deps: RunnerDeps, connection: Connection): Promise<Review> {
  const nowMs = deps.clock.wallMs();
  const review: Review = { stop: null, heldSources: [], brokenSources: [], heldLanes: [], ownCount: [] };
  const asked: HoldRow[] = [];
  for (const hold of await deps.ledger.holds()) {
    // One that ends further ahead was opened by a clock that has been set back since.
    const over = hold.untilMs !== null && (hold.untilMs <= nowMs || hold.untilMs > nowMs + SOURCE_HOLD_MAX_MS);
    if (hold.kind === "paused" || hold.kind === "staleLedger") stand(review, hold);
    else if (hold.kind === "source" && over) await deps.ledger.closeHolds({ ids: [hold.id] }, nowMs);
    else if (hold.kind === "source") {
      review.brokenSources.push(nameOf(hold.scope));
      stand(review, hold);
    } else if (!hold.probe || hold.scope.startsWith("lane:")) review.ownCount.push(hold);
    else if (endsRun(hold)) asked.push(hold);
  }
  if (!review.stop && asked.length > 0) review.stop = await ask(deps, connection, asked);
  return review;
}

function stand(review: Review, hold: HoldRow): void {
  if (endsRun(hold)) review.stop ??= hold;
  else if (hold.scope.startsWith("source:")) review.heldSources.push(nameOf(hold.scope));
  else if (hold.scope.startsWith("lane:")) review.heldLanes.push(nameOf(hold.scope) as Lane);
}

function nameOf(scope: HoldScope): string {
  return scope.slice(scope.indexOf(":") + 1);
}

/** One request. Answered: the holds are over. Refused as before: the wheel has raised the hold anew. */
async function ask(deps: RunnerDeps, connection: Connection, holds: readonly HoldRow[]): Promise<Hold | null> {
  const ticket = ownTicket();
  try {
    const probe = { type: "describe" as const, key: "probe#hold", part: "account" as const };
    const { outcome } = await connection.wheel.perform(probe, ticket);
    if (outcome.type !== "applied") return holds[0]!;
  } catch (error) {
    if (error instanceof Halted) return connection.wheel.halted?.hold ?? holds[0]!;
    if (error instanceof Held) return error.hold;
    throw error;
  }
  await deps.ledger.closeHolds({ ids: holds.map((hold) => hold.id) }, deps.clock.wallMs());
  return null;
}
