import type { CrmAdapter, CrmSession } from "../crm/adapter.ts";
import { CrmledgerError } from "../domain/errors.ts";
import type { Hold } from "../domain/hold.ts";
import type { RunId } from "../domain/ids.ts";
import type { SourceSettings } from "../domain/settings.ts";
import { LookupFailed } from "../mirror/lookup-failed.ts";
import type { Finding, Wanted } from "../reconcile/adopt.ts";
import { createProgress } from "../report/progress.ts";
import type { Desk, RunnerDeps } from "../runner/runner.ts";
import type { Candidate } from "./adopt-files.ts";
import { type Invocation, showsProgress } from "./command.ts";
import { openCrmLine, type Shop } from "./compose.ts";
import type { StopSignal } from "./io.ts";

/** Names of fields are for people to read: an hour is fresh enough. */
const CATALOG_AGE_MAX_MS = 3_600_000;
/** A plan asks for one part after another, of which there are seven. */
const PLAN_ROUNDS_MAX = 10;

export interface Looked {
  /** In the order of what was sought; null where a hold or a signal stopped the look. */
  found: { wanted: Wanted; finding: Finding }[] | null;
  adapter: CrmAdapter;
  session: CrmSession;
  hold: Hold | null;
  signal: StopSignal | null;
}

/** Looks for the candidates at the CRM. Nothing is changed there; with `stamps` its stamp field of deals must be there. */
export async function lookAtCrm(
  shop: Shop,
  invocation: Invocation,
  runId: RunId,
  source: SourceSettings,
  candidates: readonly Candidate[],
  options: { stamps: boolean },
): Promise<Looked> {
  const line = await openCrmLine(shop, invocation, runId, () => undefined);
  const signal = invocation.signals.graceful();
  const { openDesk } = await import("../runner/desk.ts");
  try {
    const desk = await openDesk(line.deps, { lane: "background", signal });
    const looked = { adapter: line.deps.adapter, hold: null, signal: null };
    try {
      await desk.catalog(["fields:person", "fields:organization", "fields:deal"], CATALOG_AGE_MAX_MS);
      if (options.stamps) needStampField(desk.crmSession());
      const found = await lookWith(invocation, line.deps, desk, source, candidates);
      return { ...looked, found, session: desk.crmSession() };
    } catch (error) {
      const stopped = { ...looked, found: null, session: desk.crmSession() };
      const received = invocation.signals.received();
      if (received !== null) return { ...stopped, signal: received };
      const hold = desk.hold();
      if (hold !== null && error instanceof CrmledgerError && error.code === "held") return { ...stopped, hold };
      throw error instanceof LookupFailed ? unanswered(error) : error;
    } finally {
      await desk.close();
    }
  } finally {
    await line.close();
  }
}

function unanswered(error: LookupFailed): CrmledgerError {
  return new CrmledgerError("held", error.message, {
    hint: "Nothing was taken over. Run it again later.",
    cause: error,
  });
}

function needStampField({ stampFields }: CrmSession): void {
  if (stampFields.deal !== undefined) return;
  throw new CrmledgerError("crmSetupMissing", "the CRM has no text field called crmledger for deals", {
    hint: "Run `crmledger doctor --fix` once, or make it by hand. Nothing was taken over; --dry-run works without it.",
  });
}

async function lookWith(
  invocation: Invocation,
  deps: RunnerDeps,
  desk: Desk,
  source: SourceSettings,
  candidates: readonly Candidate[],
): Promise<{ wanted: Wanted; finding: Finding }[]> {
  const [{ createMirror }, { lookFor }, { match }] = await Promise.all([
    import("../mirror/create-mirror.ts"),
    import("../reconcile/adopt-look.ts"),
    import("../reconcile/adopt-match.ts"),
  ]);
  const wanted = await planAll(deps, desk, source, candidates);
  const progress = createProgress(invocation.io.stderr, "Looking", showsProgress(invocation));
  try {
    const sight = await lookFor(
      {
        adapter: deps.adapter,
        read: desk.read,
        clock: deps.clock,
        mirror: createMirror(desk.mirrorDeps()),
        crmTimeMs: desk.crmTimeMs,
        plan: planContext(deps, desk, source),
        progress: (what, records) => progress.update(records, records, what),
      },
      wanted,
    );
    const findings = match(wanted, sight, deps.adapter.sameNote);
    return wanted.map((one, index) => ({ wanted: one, finding: findings[index]! }));
  } finally {
    progress.stop();
  }
}

function planContext({ adapter, phone }: RunnerDeps, desk: Desk, { plan }: SourceSettings) {
  const { catalog } = desk.crmSession();
  const { noteLengthMax } = adapter.capabilities;
  return { catalog, codec: adapter.codec, phone, noteLengthMax, country: plan.persons.country };
}

async function planAll(
  deps: RunnerDeps,
  desk: Desk,
  source: SourceSettings,
  candidates: readonly Candidate[],
): Promise<Wanted[]> {
  const { wantedOf } = await import("../reconcile/adopt-wanted.ts");
  const wanted: Wanted[] = [];
  for (const { item } of candidates) {
    let result = wantedOf(item, source.plan, planContext(deps, desk, source));
    for (let round = 1; result.type === "needs" && round < PLAN_ROUNDS_MAX; round += 1) {
      await desk.catalog(result.parts, CATALOG_AGE_MAX_MS);
      result = wantedOf(item, source.plan, planContext(deps, desk, source));
    }
    if (result.type === "needs")
      throw new CrmledgerError("held", "the CRM's set-up was read, and still lacks what a plan needs");
    wanted.push(result.wanted);
  }
  return wanted;
}
