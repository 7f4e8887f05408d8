import { CrmledgerError } from "../domain/errors.ts";
import type { SubmissionId } from "../domain/ids.ts";
import type { FailedFilter, FailedRow } from "../ledger/rows.ts";
import { counted } from "../report/human.ts";
import { safeLine } from "../report/safe-text.ts";
import type { Invocation, Reply, RunCommand } from "./command.ts";
import { type Shop, withShop } from "./compose.ts";
import { doubtFields } from "./doubt-fields.ts";
import { failedDocument } from "./failed-document.ts";
import { findSubmission } from "./find-submission.ts";
import { currentUser } from "./local-user.ts";
import { limitsOf, runSync } from "./sync.ts";
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

/** `crmledger retry-failed`: failed ones back into the queue, through today's map. */
export const run: RunCommand = (invocation) =>
  withShop(invocation, "open", async (shop) => {
    const flags = invocation.flags as RetryFlags;
    const rows = await shop.ledger.failed(await filterOf(shop, invocation, flags));
    const requeued = flags.dryRun ? rows.length : await requeue(shop, invocation, rows);
    const reply = replyOf(rows, requeued, flags.dryRun === true);
    if (!flags.drain || flags.dryRun) return reply;
    return await withDrain(shop, invocation, reply);
  });

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
  const { causes } = failedDocument(await ledger.failed({}));
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
  await doubtFields(
    shop.ledger,
    rows.map((row) => row.error),
  );
  return await shop.ledger.requeue(
    rows.map((row) => row.id),
    contents,
    shop.now(),
    (invocation.io.user ?? currentUser()).name,
  );
}

function replyOf(rows: readonly FailedRow[], requeued: number, dryRun: boolean): Reply {
  const submissions = rows.map(({ source, key }) => ({ source, key }));
  const names = submissions.slice(0, 20).map(({ source, key }) => `  ${safeLine(`${source}/${key}`)}\n`);
  const more = submissions.length > names.length ? `  and ${submissions.length - names.length} more\n` : "";
  const what = counted(requeued, "submission");
  const next = requeued === 0 ? "" : dryRun ? "Nothing was changed.\n" : "Send them with: crmledger sync\n";
  return {
    json: { requeued: dryRun ? 0 : requeued, submissions, ...(dryRun && { dryRun: true }) },
    text: () => `${dryRun ? "Would put back" : "Put back"} ${what}\n${names.join("")}${more}${next}`,
    exitCode: 0,
  };
}

/** As `sync --join`, without reading spools. One document: the requeue's, with the summary of the drain in it. */
async function withDrain(shop: Shop, invocation: Invocation, reply: Reply): Promise<Reply> {
  const drained = await runSync(shop, invocation, {
    kind: "retry-failed",
    ingest: false,
    join: true,
    yes: false,
    limits: limitsOf({}),
  });
  return {
    json: { ...(reply.json as object), sync: drained.json },
    text: (style) => reply.text(style) + drained.text(style),
    exitCode: drained.exitCode,
  };
}
