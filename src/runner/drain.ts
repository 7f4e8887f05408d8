/** Drains the ledger's queue to the CRM: claims, prepares, drives, until nothing is due or something stops it. */

import type { Hold } from "../domain/hold.ts";
import type { DrainLimits } from "../domain/settings.ts";
import { createMirror } from "../mirror/create-mirror.ts";
import { MISHAP_WAIT_MS } from "./conclude.ts";
import { type Connection, checkAccount, connect } from "./connect.ts";
import type { DriveContext } from "./context.ts";
import { driveLoop } from "./drive-loop.ts";
import { drainNothing, emptyReport } from "./empty-queue.ts";
import { KeyedLocks } from "./keyed-locks.ts";
import { KnownOrganizations } from "./known-organizations.ts";
import { mirrorDeps } from "./mirror-deps.ts";
import { needCatalog } from "./need-catalog.ts";
import { settleSamples } from "./retry-samples.ts";
import { type Review, reviewHolds } from "./review-holds.ts";
import type { DrainReport, RunnerDeps } from "./runner.ts";
import type { Session } from "./session.ts";
import { StampWatch } from "./stamp-watch.ts";
import { Halted, Held } from "./stops.ts";
import { Tally } from "./tally.ts";
import { ownTicket } from "./ticket.ts";
import { endWaitsOver } from "./waits-over.ts";
import { LEASE_MS } from "./wheel.ts";
import { ChainStop } from "./work.ts";

const NOTES_CUT =
  "a run died, and more notes were made at the CRM since than are looked through: one that it had written may be written again; `crmledger reconcile` names it";
const ENTITIES = ["person", "organization", "deal"] as const;

/**
 * One drain. Resolves with its report whatever the CRM does; rejects only where this machine fails (ledger, disk), where the
 * account is another one, or on a bug that is not one submission's. `signal` ends it early: steps in flight are finished and recorded.
 */
export async function drain(deps: RunnerDeps, limits: DrainLimits, signal: AbortSignal): Promise<DrainReport> {
  return (await drainNothing(deps, limits)) ?? (await drainQueue(deps, limits, signal));
}

/** The same for a queue that is known not to be empty, or behind a sample that has ended. */
export async function drainQueue(deps: RunnerDeps, limits: DrainLimits, signal: AbortSignal): Promise<DrainReport> {
  const told = await settleSamples(deps);
  const nothing = told.length > 0 ? await drainNothing(deps, limits) : null;
  if (nothing !== null) return { ...nothing, warnings: [...told, ...nothing.warnings] };
  const drained = await drainOver(deps, limits, signal);
  return { ...drained, warnings: [...told, ...drained.warnings] };
}

async function drainOver(deps: RunnerDeps, limits: DrainLimits, signal: AbortSignal): Promise<DrainReport> {
  const tally = new Tally();
  const connection = await connect(deps, limits.tokensMax);
  if ("stopped" in connection)
    return { ...(await emptyReport(deps.ledger)), stopped: "hold", hold: connection.stopped };
  const context = openContext(deps, connection, tally);
  const { wheel } = context;
  const end = new AbortController();
  const halt = (): void => wheel.halt("signal");
  signal.addEventListener("abort", halt, { once: true });
  if (signal.aborted) halt();
  if (limits.durationMaxMs !== null) {
    void deps.clock.sleep(limits.durationMaxMs, end.signal).then(() => {
      if (!end.signal.aborted) wheel.halt("maxDuration");
    });
  }
  void keepLeases(context, end.signal);
  try {
    const watch = new StampWatch(deps, connection);
    const started = await start(context, watch);
    if ("report" in started) {
      await watch.keep();
      return { ...(await report(context, limits, null, false)), ...started.report };
    }
    context.isDelivering = await deps.ledger.deliveredSince(deps.clock.wallMs() - MISHAP_WAIT_MS);
    const limited = await driveLoop(context, limits, started.review);
    await wheel.quiet();
    await watch.keep();
    deps.failpoint("drain.end");
    return await report(context, limits, started.review, limited);
  } finally {
    end.abort();
    signal.removeEventListener("abort", halt);
  }
}

function openContext(deps: RunnerDeps, connection: Connection, tally: Tally): DriveContext {
  let reads = 0;
  return {
    ...connection,
    deps,
    tally,
    mirror: undefined as never,
    locks: new KeyedLocks(),
    organizations: new KnownOrganizations(deps.clock),
    writers: new Map(),
    lostNotes: [],
    isDelivering: false,
    readKey: () => {
      reads += 1;
      return `read#${reads}`;
    },
  };
}

type Started = { review: Review } | { report: Partial<DrainReport> };

/** First contact: holds, account, set-up. Costs nothing where all of it is known. */
async function start(context: DriveContext, watch: StampWatch): Promise<Started> {
  const { deps, session, wheel } = context;
  try {
    const review = await reviewHolds(deps, context);
    if (review.stop) {
      await wheel.quiet();
      return { report: { stopped: "hold", hold: review.stop } };
    }
    await endWaitsOver(deps, context, review.ownCount);
    const newUser = await checkAccount(deps, context);
    if (newUser !== null) context.tally.warnings.add(newUser);
    await needCatalog(context, ["fields:person", "fields:organization", "fields:deal"]);
    if (missingStamps(session).length > 0) {
      await needCatalog(
        context,
        missingStamps(session).map((entity) => `fields:${entity}` as const),
        0,
      );
    }
    const missing = missingStamps(session);
    await wheel.quiet();
    if (missing.length > 0) return { report: { setupMissing: setupMissing(missing) } };
    await watch.look();
    await wheel.quiet();
    if (wheel.halted) return { report: {} };
    context.mirror = makeMirror(context, watch);
    context.lostNotes = watch.lostNotes.records;
    if (watch.lostNotes.isCut) context.tally.warnings.add(NOTES_CUT);
    return { review };
  } catch (error) {
    if (error instanceof Halted) {
      await wheel.quiet();
      return { report: {} };
    }
    if (error instanceof Held) return { report: { hold: error.hold } };
    if (error instanceof ChainStop && "error" in error.verdict) {
      await wheel.quiet();
      const { message } = error.verdict.error;
      context.tally.warnings.add(message);
      return {
        report: { hold: { kind: "outage", scope: "account", untilMs: null, probe: true, message }, stopped: "hold" },
      };
    }
    throw error;
  }
}

function missingStamps(session: Session) {
  const stamps = session.stampFields();
  return ENTITIES.filter((entity) => stamps[entity] === undefined);
}

function setupMissing(entities: readonly string[]): { message: string; hint: string } {
  const message = `the CRM has no text field called crmledger for: ${entities.join(", ")}`;
  return {
    message,
    hint: "Run `crmledger doctor --fix` once, or make it by hand. Nothing was sent; all submissions wait.",
  };
}

function makeMirror(context: DriveContext, watch: StampWatch): DriveContext["mirror"] {
  const { deps, session, wheel } = context;
  const ticket = ownTicket();
  const own = mirrorDeps(deps, session, (operation) => wheel.perform(operation, ticket));
  return createMirror({ ...own, onPage: (records) => watch.page(records) });
}

/** Holds of our own count end with it; that of a lane whose work was not due in this run still says why it waits. */
async function closeOwnCounts(context: DriveContext, review: Review | null, raised: Hold | null): Promise<void> {
  const { ledger, clock } = context.deps;
  const nowMs = clock.wallMs();
  const over: number[] = [];
  for (const { id, scope, untilMs } of review?.ownCount ?? []) {
    if (scope === raised?.scope || context.wheel.board.heldBack.has(scope)) continue;
    const lane = scope.startsWith("lane:") ? scope.slice("lane:".length) : null;
    const lasts = lane !== null && untilMs !== null && untilMs > nowMs;
    if (!lasts || (await ledger.queue({ lane })).waiting === 0) over.push(id);
  }
  if (over.length > 0) await ledger.closeHolds({ ids: over }, nowMs);
}

/** A hold of a lane or a group that kept back what was not even due in this run. */
async function lesserHold(context: DriveContext, limits: DrainLimits): Promise<Hold | null> {
  const lesser = (await context.deps.ledger.holds()).find(
    ({ kind, scope }) =>
      scope.startsWith("group:") ||
      (kind === "dailyQuota" && scope.startsWith("source:")) ||
      (scope.startsWith("lane:") && (!limits.lane || scope.endsWith(limits.lane))),
  );
  if (!lesser) return null;
  const { kind, scope, untilMs, probe, message } = lesser;
  return { kind, scope, untilMs, probe, message };
}

/** A long look-up or a long wait must not cost the leases of what is in hand. */
async function keepLeases(context: DriveContext, end: AbortSignal): Promise<void> {
  while (!end.aborted) {
    await context.deps.clock.sleep(LEASE_MS / 3, end);
    if (!end.aborted) context.wheel.touch();
  }
}

async function report(
  context: DriveContext,
  limits: DrainLimits,
  review: Review | null,
  limited: boolean,
): Promise<DrainReport> {
  const { deps, wheel, tally } = context;
  const { ledger, runId } = deps;
  const raised = wheel.halted?.hold ?? null;
  await closeOwnCounts(context, review, raised);
  const queue = await ledger.queue();
  const totals = await ledger.requestTotals(runId);
  const { drained } = tally;
  const waits = queue.pending + queue.waiting > 0;
  const keptBack = waits ? ([...wheel.board.heldBack.values()][0] ?? (await lesserHold(context, limits))) : null;
  return {
    drained,
    remaining: queue.pending + queue.waiting + queue.uncertain,
    warnings: tally.allWarnings(),
    requests: { ...totals, retried: wheel.counts.retried },
    lookups: context.mirror ? { ...context.mirror.counts } : { mirror: 0, search: 0 },
    stopped: wheel.halted?.reason ?? (limited ? "limit" : "drained"),
    hold: raised ?? keptBack,
    heldSources: [...new Set([...tally.heldSources, ...(review?.brokenSources ?? [])])],
    setupMissing: null,
  };
}
