import { CrmledgerError } from "../domain/errors.ts";
import type { BucketState, BucketUse } from "../domain/quota.ts";
import { driftText } from "../ingest/shape-words.ts";
import type { RunRow } from "../ledger/rows.ts";
import { DRIFTS_TOLD_MS } from "../notify/facts.ts";
import { utcTime } from "../report/human.ts";
import { lastDayOf } from "../report/last-day.ts";
import { measuredLine } from "../report/measurement-words.ts";
import { type RunDocument, renderStatus, type StatusDocument } from "../report/status-page.ts";
import { breakerDocuments } from "./breaker-documents.ts";
import { changedNames } from "./changed-names.ts";
import type { Invocation, Reply, RunCommand } from "./command.ts";
import { credentialName, withLedgerOnly } from "./compose.ts";
import { isGone } from "./gone-run.ts";
import { holdDocument } from "./hold-document.ts";
import { monitorReply } from "./monitor.ts";
import { surroundingsOf } from "./notify-deps.ts";
import { quietDocuments } from "./quiet.ts";
import { readToken } from "./read-config.ts";
import { sampleDocument } from "./sample-documents.ts";
import type { StatusFiles } from "./status-files.ts";
import { refuseStdout, STDOUT } from "./write-whole.ts";

type Shop = Parameters<Parameters<typeof withLedgerOnly>[1]>[0];

const DAY_MS = 24 * 3_600_000;
const FINDINGS_MAX = 100;

/** `crmledger status`. */
export const run: RunCommand = async (invocation) => {
  const { watch, check } = invocation.flags;
  if (watch && (check || invocation.globals.json)) {
    throw new CrmledgerError("usage", "--watch goes neither with --check nor with --json", {
      hint: "--check and --json answer once.",
    });
  }
  refuseUnclear(invocation);
  if (check) return await monitorReply(() => withLedgerOnly(invocation, statusDocument));
  return await withLedgerOnly(invocation, async (shop) => {
    const ask = (): Promise<Reply> => statusReply(shop, invocation);
    return watch ? await (await import("./status-watch.ts")).watchStatus(shop, invocation, ask) : await ask();
  });
};

/** Standard output holds one thing. */
function refuseUnclear({ flags, globals }: Invocation): void {
  const { html, prometheus } = flags as StatusFiles;
  if (flags.check && (html ?? prometheus) !== undefined) {
    throw new CrmledgerError("usage", "--check goes neither with --html nor with --prometheus", {
      hint: "Write the file with a second `crmledger status`.",
    });
  }
  if (html === STDOUT && prometheus === STDOUT)
    refuseStdout("--html", html, "--prometheus is", "Name a file for one of them.");
  const taken = globals.json ? "--json" : flags.watch ? "--watch" : null;
  if (taken === null) return;
  refuseStdout("--html", html, `${taken} is`, "Name a file.");
  refuseStdout("--prometheus", prometheus, `${taken} is`, "Name a file.");
}

async function statusReply(shop: Shop, invocation: Invocation): Promise<Reply> {
  const [told, { outlook, lookupsDocument }] = await Promise.all([statusDocument(shop), import("./forecast.ts")]);
  const nowMs = shop.clock.wallMs();
  const { forecast, why } = await outlook(shop);
  const [lookups, samples] = await Promise.all([lookupsDocument(shop.ledger), shop.ledger.history(nowMs - DAY_MS)]);
  const document = { ...told, lastDay: lastDayOf(samples, nowMs), forecast, lookups, lookupChoice: why };
  const { html, prometheus } = invocation.flags as StatusFiles;
  const wanted = html !== undefined || prometheus !== undefined;
  const files = wanted ? await import("./status-files.ts") : null;
  const printed = (await files?.writeStatusFiles(shop, invocation, document)) ?? null;
  return { json: document, text: (style) => printed ?? renderStatus(document, style, nowMs), exitCode: 0 };
}

export async function statusDocument(shop: Shop): Promise<StatusDocument> {
  const { ledger, clock } = shop;
  const [queue, lag, holds, [lastRun, laterRun], lastCheck, quota] = await Promise.all([
    ledger.queue(),
    ledger.lag(clock.wallMs()),
    ledger.holds(),
    lastRunsOf(ledger),
    lastCheckOf(ledger),
    quotaDocument(shop),
  ]);
  return {
    queue: { ...queue },
    lagSeconds: { oldest: lag.oldestSeconds, p50: lag.p50Seconds, p95: lag.p95Seconds },
    quota,
    holds: holds.map(holdDocument),
    samples: (await ledger.samples()).map(sampleDocument),
    breakers: await breakerDocuments(ledger, holds),
    quiet: await quietDocuments(shop),
    alerts: await alertDocuments(shop),
    fieldFindings: await fieldFindings(ledger),
    changedNames: await nameDocuments(shop),
    sourceDrifts: await driftDocuments(shop),
    measured: await measuredDocument(ledger),
    lastRun: lastRun === null ? null : runDocument(lastRun),
    laterRun: laterRun === null ? null : runDocument(laterRun),
    lastCheck,
  };
}

/** What the CRM echoed otherwise than it was sent, newest first. */
async function fieldFindings(ledger: Shop["ledger"]): Promise<StatusDocument["fieldFindings"]> {
  const rows = await ledger.fieldFindings(FINDINGS_MAX);
  return rows.map(({ entity, field, finding, count, firstAtMs, lastAtMs, lastSubmission }) => {
    const [firstAt, lastAt] = [utcTime(firstAtMs), utcTime(lastAtMs)];
    return { entity, field, finding, count, firstAt, lastAt, lastSubmission };
  });
}

/** What the last `doctor --measure` saw. */
async function measuredDocument(ledger: Shop["ledger"]): Promise<StatusDocument["measured"]> {
  const account = await ledger.account();
  const last = account === null ? null : await ledger.lastMeasurement(account.id);
  if (last === null) return null;
  const { atMs, lags, roundTrip, clock, burst } = last;
  return { at: utcTime(atMs), lags, roundTrip, clock, burst, message: measuredLine(last) };
}

/** What changed of the records of sources. */
async function driftDocuments({ ledger, clock }: Shop): Promise<StatusDocument["sourceDrifts"]> {
  const drifts = await ledger.sourceDrifts(clock.wallMs() - DRIFTS_TOLD_MS);
  return drifts.map((one) => ({
    ...{ source: one.source, path: one.path, drift: one.drift, message: driftText(one) },
    ...{ count: one.count, since: one.since, before: one.before, after: one.after, mapped: one.mapped },
    ...{ example: one.lastKey === null ? null : `${one.source}/${one.lastKey}`, foundAt: utcTime(one.foundAtMs) },
  }));
}

/** What the CRM calls otherwise now while something here goes by the old name. */
async function nameDocuments(shop: Shop): Promise<StatusDocument["changedNames"]> {
  const found = await changedNames(shop);
  return found.map(({ change, message, fix, uses, waiting, sinceMs }) => {
    return { change, message, fix, uses, waiting, since: utcTime(sinceMs) };
  });
}

/** Made by the same function as the messages are; what must last for a while to be one is shown once it has. */
async function alertDocuments(shop: Shop): Promise<StatusDocument["alerts"]> {
  const [{ loadFacts }, { conditionsOf }, open] = await Promise.all([
    import("../notify/facts.ts"),
    import("../notify/conditions.ts"),
    shop.ledger.alerts(),
  ]);
  const facts = await loadFacts(shop.ledger, surroundingsOf(shop));
  return conditionsOf(facts).flatMap(({ kind, subject, level, message, hint, sinceMs, lastsMs }) => {
    const row = open.find((one) => one.kind === kind && one.subject === subject);
    const isShown = sinceMs !== null || lastsMs === 0 || row?.toldAtMs != null;
    const since = utcTime(sinceMs ?? row?.sinceMs ?? facts.nowMs);
    return isShown ? [{ kind, subject, level, message, hint, since }] : [];
  });
}

/** Kinds of runs that send, or take records in, besides sync. */
const OTHER_KINDS = ["retry-failed", "import", "rejects", "ingest", "adopt"];

/** The newest sync tells how things stand; a doctor's or an import's run in between does not hide it. And what came after it. */
async function lastRunsOf(ledger: Shop["ledger"]): Promise<[last: RunRow | null, later: RunRow | null]> {
  const sync = await ledger.lastRun("sync");
  if (sync === null) return [await ledger.lastRun(), null];
  const others = await Promise.all(OTHER_KINDS.map((kind) => ledger.lastRun(kind)));
  const later = others.filter((run) => run !== null && run.id > sync.id).sort((a, b) => b!.id - a!.id);
  return [sync, later[0] ?? null];
}

/** The last `reconcile` that ended, with what is open now: accepted ones, and what a later check found mended, are not. */
async function lastCheckOf(ledger: Shop["ledger"]): Promise<StatusDocument["lastCheck"]> {
  const check = await ledger.lastCheck();
  if (check?.endedAtMs == null) return null;
  const open = await ledger.countDiscrepancies({ states: ["new", "open"] });
  const countOf = (name: string) => open.filter((row) => row.class === name).reduce((sum, row) => sum + row.count, 0);
  const kinds: Record<string, number> = {};
  for (const { kind, count } of open) kinds[kind] = (kinds[kind] ?? 0) + count;
  const { source, sinceMs, untilMs } = check.scope;
  const scope = { source, since: utcTime(sinceMs), until: utcTime(untilMs) };
  return { endedAt: utcTime(check.endedAtMs), ...scope, breaks: countOf("break"), edits: countOf("edit"), kinds };
}

function runDocument(run: RunRow): RunDocument {
  const { id, kind, startedAtMs, endedAtMs, exitCode } = run;
  const stopped = endedAtMs === null && isGone(run) ? "died" : run.stopped;
  return { run: String(id), kind, startedAt: utcTime(startedAtMs), endedAt: utcTime(endedAtMs), stopped, exitCode };
}

async function quotaDocument({ ledger, config, now }: Shop): Promise<StatusDocument["quota"]> {
  const account = await ledger.account();
  const { states, use } =
    account === null ? { states: [], use: [] } : await ledger.buckets(account.id, credentialOf(config), now());
  const limits = config?.drain.limits;
  const burst = bucketOf(states, use, "window");
  const daily = bucketOf(states, use, "day");
  return {
    burst: {
      limit: burst.state?.limit ?? limits?.burst ?? null,
      usedByUs: burst.used,
      usedByOthers: burst.state?.usedByOthers ?? 0,
    },
    daily: {
      limit: daily.state?.limit ?? limits?.dailyTokens ?? limits?.planDailyTokens ?? null,
      usedByUs: daily.used,
      usedByOthers: daily.state?.usedByOthers ?? 0,
      remaining: daily.state?.remaining ?? null,
      resetsAt: utcTime(daily.state?.resetsAtMs ?? null),
    },
  };
}

/** An adapter lists the general window before special ones such as that of searches. */
function bucketOf(states: readonly BucketState[], use: readonly BucketUse[], kind: BucketState["kind"]) {
  const ofKind = states.filter((state) => state.kind === kind);
  const state = ofKind.find((one) => one.bucket === "burst") ?? ofKind[0] ?? null;
  return { state, used: use.find((one) => one.bucket === state?.bucket)?.used ?? 0 };
}

/** Status must answer without a token too: then only the company's budget is known. */
function credentialOf(config: Shop["config"]): string {
  try {
    return config === null ? "" : credentialName(config.crm.type, readToken(config));
  } catch {
    return "";
  }
}
