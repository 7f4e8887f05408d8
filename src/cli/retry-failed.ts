import { CrmledgerError } from "../domain/errors.ts";
import type { SubmissionId } from "../domain/ids.ts";
import type { FailedFilter, FailedRow } from "../ledger/rows.ts";
import { count, counted } from "../report/human.ts";
import { safeLine } from "../report/safe-text.ts";
import type { Invocation, Reply, RunCommand } from "./command.ts";
import { type Shop, withShop } from "./compose.ts";
import { doubtFields } from "./doubt-fields.ts";
import { failedDocument } from "./failed-document.ts";
import { findSubmission } from "./find-submission.ts";
import { currentUser } from "./local-user.ts";
import { tellNotChosen } from "./retry-none.ts";
import { drainAll, drainSample, nameOf, previewSample, type Sampled, sampleText, sendSample } from "./retry-sample.ts";
import { todaysContents } from "./todays-contents.ts";

interface RetryFlags {
  cause?: string;
  source?: string;
  since?: { agoMs: number } | { atMs: number };
  limit?: number;
  all?: boolean;
  dryRun?: boolean;
  drain?: boolean;
}

/** `crmledger retry-failed`: failed ones back into the queue, through today's map; of a cause one goes first. */
export const run: RunCommand = (invocation) =>
  withShop(invocation, "open", async (shop) => {
    const flags = invocation.flags as RetryFlags;
    const filter = await filterOf(shop, invocation, flags);
    if (!flags.dryRun) await settleEarlier(shop, invocation);
    const rows = await shop.ledger.failed(filter);
    await tellNotChosen(shop, invocation, filter, rows);
    const alone = rows.length === 1 && rows[0]!.sampleId == null;
    if (flags.cause !== undefined && filter.ids === undefined && rows.length > 0 && !alone)
      return await retryBehindSample(shop, invocation, flags.cause, rows);
    const requeued = flags.dryRun ? rows.length : await requeue(shop, invocation, rows);
    const reply = replyOf(rows, requeued, flags);
    if (!flags.drain || flags.dryRun) return reply;
    return withDrained(reply, await drainAll(shop, invocation));
  });

/** What became of samples that were sent before is carried out first: their rest is not asked for twice. */
async function settleEarlier(shop: Shop, invocation: Invocation): Promise<void> {
  const { settleSamples } = await import("../runner/retry-samples.ts");
  const told = await settleSamples({ ...shop, todaysContents: (rows) => todaysContents(shop, invocation, rows) });
  for (const sentence of told) invocation.talk.warn(sentence);
}

async function retryBehindSample(
  shop: Shop,
  invocation: Invocation,
  cause: string,
  rows: readonly FailedRow[],
): Promise<Reply> {
  const { dryRun = false, drain = false } = invocation.flags as RetryFlags;
  if (!dryRun) await doubtFieldsOf(shop, rows);
  const sampled = await (dryRun ? previewSample(shop, cause, rows) : sendSample(shop, invocation, cause, rows));
  const reply = sampledReply(cause, dryRun ? rows : sampled.requeued, sampled, invocation.flags);
  if (!drain || dryRun) return reply;
  if (sampled.sample === null) return withDrained(reply, await drainAll(shop, invocation));
  return await withSampleDrained(shop, invocation, reply, sampled.sample);
}

function sampledReply(cause: string, rows: readonly FailedRow[], sampled: Sampled, flags: RetryFlags): Reply {
  const { sample } = sampled;
  const reply = replyOf(rows, rows.length, flags);
  return {
    json: { ...(reply.json as object), sample: sample && { id: nameOf(sample), waiting: sample.waiting } },
    text: (style) => reply.text(style) + sampleText(cause, sampled),
    exitCode: 0,
  };
}

async function withSampleDrained(
  shop: Shop,
  invocation: Invocation,
  reply: Reply,
  sample: NonNullable<Sampled["sample"]>,
): Promise<Reply> {
  const { outcome, first, rest } = await drainSample(shop, invocation, sample.sampleId);
  const last = rest ?? first;
  const json = reply.json as { sample: object };
  const name = safeLine(nameOf(sample));
  const ends = {
    done: `${name} went through: the other ${count(sample.waiting)} went back to the queue.\n`,
    failed: `${name} did not go through: the other ${count(sample.waiting)} stay failed, no try spent. See: crmledger show ${name}\n`,
    waiting: `${name} has not ended: the other ${count(sample.waiting)} go on waiting for it, and the next sync with them.\n`,
  };
  return {
    json: { ...json, sample: { ...json.sample, outcome, sync: first.json }, sync: last.json },
    text: (style) => reply.text(style) + first.text(style) + ends[outcome] + (rest?.text(style) ?? ""),
    exitCode: outcome === "failed" && last.exitCode === 0 ? 3 : last.exitCode,
  };
}

async function filterOf(shop: Shop, { args }: Invocation, flags: RetryFlags): Promise<FailedFilter> {
  const { cause, source, since, limit, all } = flags;
  const narrowed =
    args.length > 0 || cause !== undefined || source !== undefined || since !== undefined || limit !== undefined;
  if (!narrowed && !all) throw await nothingChosen(shop);
  const ids: SubmissionId[] = [];
  for (const name of args) ids.push((await findSubmission(shop.ledger, name)).id);
  const sinceMs = since === undefined ? undefined : "atMs" in since ? since.atMs : shop.clock.wallMs() - since.agoMs;
  return { ...(args.length > 0 && { ids }), cause, source, sinceMs, limit };
}

const CAUSES_SHOWN = 20;

async function nothingChosen({ ledger }: Shop): Promise<CrmledgerError> {
  const { causes } = failedDocument(await ledger.failed({}), []);
  const shown = causes.slice(0, CAUSES_SHOWN).map((cause) => `${safeLine(cause.cause)} (${cause.count})`);
  const more = causes.length > shown.length ? [`and ${causes.length - shown.length} more`] : [];
  const list = [...shown, ...more].join(", ");
  return new CrmledgerError("usage", "retry-failed needs an ID, --cause, --source, --since, --limit or --all", {
    hint: causes.length === 0 ? "Nothing has failed." : `Causes: ${list}`,
    details: { causes: causes.map(({ cause, count }) => ({ cause, count })) },
  });
}

async function requeue(shop: Shop, invocation: Invocation, rows: readonly FailedRow[]): Promise<number> {
  const contents = await todaysContents(shop, invocation, rows);
  await doubtFieldsOf(shop, rows);
  return await shop.ledger.requeue(
    rows.map((row) => row.id),
    contents,
    shop.now(),
    (invocation.io.user ?? currentUser()).name,
  );
}

const doubtFieldsOf = ({ ledger }: Shop, rows: readonly FailedRow[]): Promise<void> =>
  doubtFields(
    ledger,
    rows.map((row) => row.error),
  );

function replyOf(rows: readonly FailedRow[], requeued: number, { dryRun = false, drain = false }: RetryFlags): Reply {
  const submissions = rows.map(({ source, key }) => ({ source, key }));
  const names = submissions.slice(0, 20).map(({ source, key }) => `  ${safeLine(`${source}/${key}`)}\n`);
  const more = submissions.length > names.length ? `  and ${submissions.length - names.length} more\n` : "";
  const what = counted(requeued, "submission");
  const send = drain ? "" : "Send them with: crmledger sync\n";
  const next = requeued === 0 ? "" : dryRun ? "Nothing was changed.\n" : send;
  return {
    json: { requeued: dryRun ? 0 : requeued, submissions, ...(dryRun && { dryRun: true }) },
    text: () => `${dryRun ? "Would put back" : "Put back"} ${what}\n${names.join("")}${more}${next}`,
    exitCode: 0,
  };
}

/** One document: the requeue's, with the summary of the drain in it. */
function withDrained(reply: Reply, drained: Reply): Reply {
  return {
    json: { ...(reply.json as object), sync: drained.json },
    text: (style) => reply.text(style) + drained.text(style),
    exitCode: drained.exitCode,
  };
}
