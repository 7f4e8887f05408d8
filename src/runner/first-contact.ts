/**
 * The very first request of a ledger, before there is an account to keep its quota under: whose token is this? It is the
 * one request that goes past the wheel, once in a ledger's life (and again while it is refused).
 */
import type { PackedRequest } from "../crm/adapter.ts";
import type { CatalogPart } from "../domain/catalog.ts";
import { endsRun, type Hold } from "../domain/hold.ts";
import type { AccountId } from "../domain/ids.ts";
import { sha256 } from "../domain/json.ts";
import type { Outcome } from "../domain/operation.ts";
import type { HttpResult } from "../domain/wire.ts";
import { instant } from "./instant.ts";
import { QuotaDesk } from "./quota-desk.ts";
import type { RunnerDeps } from "./runner.ts";

const PART: CatalogPart = "account";

export type Contact = { type: "bound"; accountId: AccountId } | { type: "stopped"; hold: Hold };

export interface ContactOptions {
  /** Nothing is written to the CRM's records after it, so what only keeps writes back does not stop it. */
  readsOnly?: boolean;
}

/** What every such row's name in the ledger's catalog begins with. */
export const ACCOUNT_PARTS = `${PART}:`;

/** Where the answer is remembered: the same token at another address is asked about again. */
export function accountPart(deps: Pick<RunnerDeps, "credential" | "baseUrl">): string {
  return `${ACCOUNT_PARTS}${deps.credential}@${sha256(deps.baseUrl).slice(0, 16)}`;
}

/** Binds the ledger to the credential's account. Rejects with `accountMismatch` only by way of a race with another process. */
export async function firstContact(deps: RunnerDeps, options: ContactOptions = {}): Promise<Contact> {
  const { ledger, clock, adapter } = deps;
  const standing = (await ledger.holds()).find(
    (hold) => endsRun(hold) && !options.readsOnly && (hold.kind === "paused" || hold.kind === "staleLedger"),
  );
  if (standing) return { type: "stopped", hold: standing };
  const { request, result, outcome, latencyMs } = await ask(deps);
  const account = outcome.type === "applied" ? outcome.catalog?.account : undefined;
  if (!account) {
    const hold = holdFor(outcome, clock.wallMs(), deps.redact);
    await ledger.openHold(null, hold, clock.wallMs());
    return { type: "stopped", hold };
  }
  const named = { vendor: adapter.vendor, externalId: account.externalId, name: account.name };
  const accountId = await ledger.bindAccount(named, clock.wallMs());
  await ledger.saveCatalog(accountId, accountPart(deps), { account }, clock.wallMs());
  await record(deps, accountId, request, result, latencyMs);
  for (const kind of ["credentials", "outage", "burst", "blocked", "dailyQuota"] as const) {
    await ledger.closeHolds({ kind }, clock.wallMs());
  }
  return { type: "bound", accountId };
}

async function ask(deps: RunnerDeps) {
  const session = {
    baseUrl: deps.baseUrl,
    timeoutMs: deps.timeoutMs,
    catalog: { fields: {}, labels: {} },
    stampFields: {},
  };
  const [request] = deps.adapter.pack([{ type: "describe", key: "first", part: PART }], session);
  const sentMs = deps.clock.monoMs();
  const result = await deps.send(request!);
  const outcome = deps.adapter.classify(request!, result, session)[0]!;
  return { request: request!, result, outcome, latencyMs: deps.clock.monoMs() - sentMs };
}

/** Once there is an account to keep it under, it counts as every request does: in the quota and in the run's totals. */
async function record(
  deps: RunnerDeps,
  accountId: AccountId,
  request: PackedRequest,
  result: HttpResult,
  latencyMs: number,
): Promise<void> {
  const { ledger, clock, runId, credential, adapter, settings } = deps;
  const now = instant(clock);
  const quota = new QuotaDesk(adapter.capabilities, settings.limits, [], clock);
  const empty = { finished: [], buckets: [], mirror: [], gone: [], plans: [], steps: [], submissions: [], release: [] };
  const turn = { ...empty, runId, accountId, credential, now, leaseUntilMs: now.wallMs };
  const { http, group, route, write, charges } = request;
  const intent = { ref: 1, lane: "operational" as const, group, method: http.method, route, write, charges };
  const { granted } = await ledger.turn({
    ...turn,
    buckets: quota.opening(),
    begin: [{ ...intent, timeoutMs: http.timeoutMs, steps: [], onBehalfOf: [] }],
  });
  const status = result.type === "response" ? result.status : null;
  const ended = { status, outcome: "applied" as const, error: null, latencyMs, rateLimited: false };
  const finished = granted.map(({ requestId }) => ({
    requestId,
    ...ended,
    endedMonoMs: now.monoMs,
    endedAtMs: now.wallMs,
  }));
  const departure = { ...quota.depart(charges), sentMonoMs: now.monoMs - latencyMs };
  quota.land({ charges, readings: adapter.limits(request, result), departure, answered: true });
  await ledger.turn({ ...turn, finished, buckets: quota.learn(() => undefined), begin: [] });
}

function holdFor(outcome: Outcome, nowMs: number, redact: (text: string) => string): Hold {
  const message = redact("message" in outcome ? outcome.message : `the CRM answered ${outcome.type}`);
  const hold = "hold" in outcome ? outcome.hold : undefined;
  if (hold) {
    return {
      ...hold,
      message: redact(hold.message),
      untilMs: hold.forMs === null ? null : nowMs + hold.forMs,
      probe: true,
    };
  }
  return {
    kind: "outage",
    scope: "account",
    untilMs: null,
    probe: true,
    message: `the CRM could not be asked whose token this is: ${message}`,
  };
}
