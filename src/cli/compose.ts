import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { hostname } from "node:os";
import type { Config } from "../config/config.ts";
import { ledgerPlace } from "../config/find-config.ts";
import type { CrmAdapter, CrmSession } from "../crm/adapter.ts";
import type { Clock } from "../domain/clock.ts";
import { CrmledgerError } from "../domain/errors.ts";
import { type Failpoint, NO_FAILPOINT } from "../domain/failpoint.ts";
import type { RunId } from "../domain/ids.ts";
import type { Ledger, RunLock } from "../ledger/ledger.ts";
import type { Now } from "../ledger/rows.ts";
import type { RunnerDeps, RunnerEvent } from "../runner/runner.ts";
import type { Invocation } from "./command.ts";
import { shellWord } from "./cron-line.ts";
import { isGone } from "./gone-run.ts";
import { deadImports } from "./import-lock.ts";
import { userNameOf } from "./local-user.ts";
import { findConfig, readConfig, readToken } from "./read-config.ts";
import { createRealClock, realRandom } from "./real-clock.ts";
import { tellOf, untold } from "./telling.ts";

/** What nearly every command works with. Close it at the end. */
export interface Shop {
  config: Config;
  ledger: Ledger;
  /** The ledger with some verbs of another connection. */
  withVerbs(verbs: Partial<Ledger>): Ledger;
  /** Absolute path, or `:memory:`. */
  ledgerPath: string;
  clock: Clock;
  now(): Now;
  failpoint: Failpoint;
}

export type LedgerWish =
  /** It must be there. */
  | "open"
  /** It must be there; one whose move was broken off will do. */
  | "openMoving"
  /** It is made where it is missing. */
  | "create"
  /** An empty one in memory stands in for a missing one: a dry run writes nothing. */
  | "openOrPretend";

/** Reads the config, opens the ledger, gives both to `work` and closes the ledger whatever happens. */
export async function withShop<T>(
  invocation: Invocation,
  wish: LedgerWish,
  work: (shop: Shop) => Promise<T>,
): Promise<T> {
  const config = readConfig(invocation.globals, invocation.io, invocation.talk);
  return await withLedger(invocation, config, wish, (opened) => work({ config, ...opened }));
}

/** The same for commands that only look into the ledger: `config` is null where `--ledger` names it and no config is there. */
export async function withLedgerOnly<T>(
  invocation: Invocation,
  work: (shop: Omit<Shop, "config"> & { config: Config | null }) => Promise<T>,
  wish: "open" | "openMoving" = "open",
): Promise<T> {
  const { globals, io } = invocation;
  const alone = ledgerPlace(globals.ledger, io.env, io.cwd, null) !== null && findConfig(globals, io) === null;
  const config = alone ? null : readConfig(globals, io, invocation.talk);
  return await withLedger(invocation, config, wish, (opened) => work({ config, ...opened }));
}

async function withLedger<T>(
  invocation: Invocation,
  config: Config | null,
  wish: LedgerWish,
  work: (opened: Omit<Shop, "config">) => Promise<T>,
): Promise<T> {
  const { globals, io } = invocation;
  const path = ledgerPlace(globals.ledger, io.env, io.cwd, config?.ledger ?? null)!;
  const pretend = wish === "openOrPretend" && !existsSync(path);
  const clock = io.clock ?? createRealClock();
  const ledgerPath = pretend ? ":memory:" : path;
  const { openSqliteLedger } = await import("../ledger/sqlite/open.ts");
  const uid = process.getuid?.();
  const failpoint = io.failpoint ?? NO_FAILPOINT;
  const wanted = {
    ...{ path: ledgerPath, create: wish === "create", evenMoving: wish === "openMoving" },
    ...{ nowMs: clock.wallMs(), uid, failpoint },
  };
  const opened = await openSqliteLedger(wanted).catch((error: unknown) => {
    throw withOwnersName(error, ledgerPath, findConfig(globals, io));
  });
  const { ledger, withVerbs, end } =
    pretend || config === null ? untold(opened) : await tellOf(opened, invocation, config, clock);
  try {
    return await work({ ledger, withVerbs, ledgerPath, clock, now: () => nowOf(clock), failpoint });
  } finally {
    await end();
    await opened.close();
  }
}

/** The ledger knows its owner's number; the line that helps names the user, and the config, which `sudo` would not find. */
function withOwnersName(error: unknown, path: string, config: string | null): unknown {
  if (!(error instanceof CrmledgerError) || error.code !== "ledgerOwner") return error;
  const { ownerUid, uid } = error.details as { ownerUid: number; uid: number };
  const owner = shellWord(userNameOf(ownerUid));
  const place = config === null ? "" : ` --config ${shellWord(config)}`;
  return new CrmledgerError(
    "ledgerOwner",
    `The ledger ${path} belongs to ${userNameOf(ownerUid)}, and this is ${userNameOf(uid)}.`,
    {
      hint: `Run it as its owner: sudo -u ${owner} crmledger ...${place} (files made by another user would lock the owner out).`,
      details: error.details,
      cause: error,
    },
  );
}

export function nowOf(clock: Clock): Now {
  return { wallMs: clock.wallMs(), monoMs: clock.monoMs(), bootId: clock.bootId };
}

/** Opens a run of `kind`, gives its id to `work`, and closes the run with what `work` found. `lock`: what the run holds. */
export async function withRun<T>(
  shop: Pick<Shop, "ledger" | "ledgerPath" | "clock" | "now" | "failpoint">,
  kind: string,
  work: (runId: RunId) => Promise<{ result: T; summary: unknown; exitCode: number }>,
  lock: RunLock | null = null,
): Promise<T> {
  // Such runs claim nothing; what they had half-way in would be in the way.
  const open = await shop.ledger.openRuns();
  const unlocked = open.filter((run) => run.lockName === null && isGone(run));
  const gone = [...unlocked, ...(await deadImports(shop.ledgerPath, open, lock))];
  if (gone.length > 0)
    await shop.ledger.recover(
      gone.map(({ id }) => id),
      shop.now(),
      0,
    );
  const runId = await shop.ledger.openRun({
    kind,
    pid: process.pid,
    host: hostname(),
    lockName: lock?.name ?? null,
    now: shop.now(),
  });
  let end = { stopped: "error", exitCode: 1, summary: null as unknown };
  try {
    shop.failpoint("run.opened");
    const { result, summary, exitCode } = await work(runId);
    shop.failpoint("run.end");
    end = { stopped: "drained", exitCode, summary };
    return result;
  } catch (error) {
    end.exitCode = error instanceof CrmledgerError ? error.exitCode : 1;
    throw error;
  } finally {
    // Where the ledger itself is the trouble this fails too: the first error is the one that tells.
    await shop.ledger.closeRun(runId, { ...end, nowMs: shop.clock.wallMs() }).catch(() => undefined);
  }
}

/** A way to the CRM for one run. Close it at the end. */
export interface CrmLine {
  deps: RunnerDeps;
  close(): Promise<void>;
}

/** Builds what the runner needs to speak to the CRM: the adapter, the token, the transport. Sends nothing. */
export async function openCrmLine(
  shop: Pick<Shop, "config" | "ledger" | "clock" | "failpoint">,
  invocation: Invocation,
  runId: RunId,
  observe: (event: RunnerEvent) => void,
): Promise<CrmLine> {
  const { config, ledger, clock } = shop;
  const token = readToken(config);
  invocation.talk.keepSecret(token);
  const [
    { createTransport },
    { proxySettings },
    { adapterOf },
    { withCredentials },
    { createRedactor },
    { loadPhoneNormalizer },
  ] = await Promise.all([
    import("../http/transport.ts"),
    import("../http/proxy.ts"),
    import("../crm/registry.ts"),
    import("../crm/wrappers/credentials.ts"),
    import("../crm/wrappers/redactor.ts"),
    import("../intake/phone.ts"),
  ]);
  const adapter = adapterOf(config.crm.type);
  const host = new URL(config.crm.baseUrl).hostname;
  const client = createTransport({
    userAgent: USER_AGENT,
    // Only the vendor's own names must not lead into the local network; another host was named on purpose.
    allowPrivate: !adapter.hostSuffixes.some((suffix) => host.endsWith(suffix)),
    ...proxySettings(invocation.io.env),
  });
  const deps: RunnerDeps = {
    ledger,
    adapter,
    send: withCredentials(client.send, adapter, token),
    clock,
    random: realRandom,
    phone: await loadPhoneNormalizer(),
    baseUrl: config.crm.baseUrl,
    timeoutMs: config.crm.timeoutMs,
    credential: credentialName(config.crm.type, token),
    runId,
    settings: config.drain,
    redact: createRedactor([token]),
    observe,
    failpoint: shop.failpoint,
  };
  return { deps, close: () => client.close() };
}

const USER_AGENT = "crmledger";

/** Names a credential in the ledger without revealing it. */
export function credentialName(vendor: string, token: string): string {
  return createHash("sha256").update(`crmledger credential\n${vendor}\n${token}`).digest("hex").slice(0, 32);
}

/** What pages of records need: no request is made with it. */
export async function sessionForLinks(
  shop: Pick<Shop, "ledger"> & { config: Config | null },
): Promise<{ adapter: CrmAdapter; session: CrmSession } | null> {
  const account = await shop.ledger.account();
  if (shop.config === null || account === null) return null;
  const parts = await shop.ledger.loadCatalog(account.id);
  const catalog: CrmSession["catalog"] = { fields: {}, labels: {} };
  for (const part of parts)
    Object.assign(catalog, { ...part.catalog, fields: { ...catalog.fields, ...part.catalog.fields } });
  const { baseUrl, timeoutMs, type } = shop.config.crm;
  const { adapterOf } = await import("../crm/registry.ts");
  return { adapter: adapterOf(type), session: { baseUrl, timeoutMs, catalog, stampFields: {} } };
}
