import type { Capabilities, CrmAdapter, CrmSession } from "../crm/adapter.ts";
import { CrmledgerError } from "../domain/errors.ts";
import type { Hold } from "../domain/hold.ts";
import type { AccountId, RunId } from "../domain/ids.ts";
import type { CheckScope } from "../ledger/checks.ts";
import { LookupFailed } from "../mirror/lookup-failed.ts";
import type { CheckReport } from "../reconcile/reconcile.ts";
import { createProgress } from "../report/progress.ts";
import { awaitTurn } from "./check-turn.ts";
import { type Invocation, showsProgress } from "./command.ts";
import { type CrmLine, openCrmLine, type Shop, withRun } from "./compose.ts";
import type { StopSignal } from "./io.ts";
import { findNotIngested } from "./not-ingested.ts";
import { quietTime } from "./quiet.ts";

/** Names of fields are for people to read: an hour is fresh enough. */
const CATALOG_AGE_MAX_MS = 3_600_000;

/** What a check found out; `report` is null where a hold or a signal stopped it before the end. */
export interface Checked {
  report: CheckReport | null;
  accountId: AccountId;
  adapter: CrmAdapter & { capabilities: Capabilities };
  session: CrmSession;
  requests: { total: number; tokens: number };
  hold: Hold | null;
  signal: StopSignal | null;
  notes: string[];
  durationMs: number;
}

/** A check under a run of its own: source's side first (it costs nothing), then the CRM's. */
export async function checkAll(
  shop: Shop,
  invocation: Invocation,
  scope: CheckScope,
  against: readonly string[],
): Promise<Checked> {
  const startedMs = shop.clock.monoMs();
  const side = await findNotIngested(shop, invocation, scope, against);
  return await withRun(shop, "reconcile", async (runId) => {
    const line = await openCrmLine(shop, invocation, runId, () => undefined);
    try {
      const checked = await checkAt(shop, invocation, line, runId, scope, side);
      const { total, tokens } = await shop.ledger.requestTotals(runId);
      const result = { ...checked, requests: { total, tokens }, durationMs: shop.clock.monoMs() - startedMs };
      const exitCode = checked.hold === null ? 0 : 75;
      const { report } = checked;
      return { result, summary: { checked: report?.checked ?? null, matched: report?.matched ?? null }, exitCode };
    } finally {
      await line.close();
    }
  });
}

type Side = Awaited<ReturnType<typeof findNotIngested>>;

async function checkAt(
  shop: Shop,
  invocation: Invocation,
  line: CrmLine,
  runId: RunId,
  scope: CheckScope,
  side: Side,
): Promise<Omit<Checked, "requests" | "durationMs">> {
  const { ledger, clock, failpoint } = shop;
  const [{ openDesk }, { createMirror }, { runCheck }] = await Promise.all([
    import("../runner/desk.ts"),
    import("../mirror/create-mirror.ts"),
    import("../reconcile/check.ts"),
  ]);
  const signal = invocation.signals.graceful();
  const progress = createProgress(invocation.io.stderr, "Checking", showsProgress(invocation));
  const { deps } = line;
  const desk = await openDesk(deps, { lane: "background", signal });
  const base = { accountId: desk.accountId, adapter: deps.adapter, notes: side.notes };
  try {
    await desk.catalog(["fields:person", "fields:organization", "fields:deal"], CATALOG_AGE_MAX_MS);
    const mirrorDeps = desk.mirrorDeps();
    const stopped = { ...base, session: desk.crmSession(), report: null };
    try {
      const turn = await awaitTurn(shop, invocation, signal);
      const report = await runCheck(
        {
          ...{ ledger, clock, runId, failpoint },
          accountId: desk.accountId,
          adapter: deps.adapter,
          session: desk.crmSession(),
          read: desk.read,
          crmTimeMs: desk.crmTimeMs,
          mirror: createMirror(mirrorDeps),
          mirrorDeps,
          quietMs: quietTime(shop.config),
          progress: ({ entity, records, expected }) => {
            const total = Math.max(records, expected);
            if (total > 0) progress.update(records, total, `${entity}s`);
          },
        },
        { scope, notIngested: side.rows },
      ).finally(() => turn.release());
      return { ...base, session: desk.crmSession(), report, hold: null, signal: null };
    } catch (error) {
      const received = invocation.signals.received();
      if (received !== null) return { ...stopped, hold: null, signal: received };
      if (error instanceof CrmledgerError && (error.code === "held" || error.code === "credentialsRefused")) {
        return { ...stopped, hold: desk.hold() ?? holdOf(error), signal: null };
      }
      // The CRM did not answer although it was asked more than once: what was seen is kept, and the next check goes on.
      if (error instanceof LookupFailed) return { ...stopped, hold: desk.hold() ?? holdOf(error), signal: null };
      throw error;
    }
  } finally {
    progress.stop();
    await desk.close();
  }
}

function holdOf({ code, message }: { code: string; message: string }): Hold {
  const kind = code === "credentialsRefused" ? "credentials" : "outage";
  return { kind, scope: "account", untilMs: null, probe: true, message };
}
