import { CrmledgerError } from "../domain/errors.ts";
import { renderFailed } from "../report/failed-list.ts";
import type { Invocation, Reply, RunCommand } from "./command.ts";
import { withLedgerOnly } from "./compose.ts";
import { doubtFields } from "./doubt-fields.ts";
import { failedDocument } from "./failed-document.ts";
import { type Found, findSubmission } from "./find-submission.ts";
import { currentUser } from "./local-user.ts";
import { mend } from "./mend.ts";
import { storyReply } from "./show.ts";

type Shop = Parameters<Parameters<typeof withLedgerOnly>[1]>[0];

/** `crmledger failed [show|edit|drop ID]`. */
export const run: RunCommand = (invocation) => {
  const [action, id] = invocation.args;
  if (action === undefined) return withLedgerOnly(invocation, listFailed);
  const act = { show, edit, drop }[action];
  if (act === undefined) {
    throw new CrmledgerError("usage", `failed does not know ${JSON.stringify(action)}`, {
      hint: "crmledger failed [show|edit|drop ID]",
    });
  }
  if (id === undefined)
    throw new CrmledgerError("usage", `failed ${action} needs an ID`, { hint: "IDs: crmledger failed" });
  return withLedgerOnly(invocation, async (shop) => act(shop, await findSubmission(shop.ledger, id), invocation));
};

async function listFailed(shop: Shop): Promise<Reply> {
  const document = failedDocument(await shop.ledger.failed({}), await shop.ledger.samples());
  return { json: document, text: (style) => renderFailed(document, style), exitCode: 0 };
}

function show(shop: Shop, found: Found): Promise<Reply> {
  return storyReply(shop, found.id, []);
}

async function edit(shop: Shop, found: Found, invocation: Invocation): Promise<Reply> {
  const { raw, error } = (await failedStory(shop, found)).submission;
  if (raw === null) {
    throw new CrmledgerError("inputUnreadable", `The record of ${nameOf(found)} was erased`, {
      hint: "Only its accounting row is left; it can be dropped.",
    });
  }
  if (shop.config === null) {
    throw new CrmledgerError("configMissing", "failed edit needs the config, whose map reads the record", {
      hint: "Name it with --config FILE.",
    });
  }
  const { source, key } = found;
  const by = userOf(invocation);
  const mended = await mend(shop.config, { source, key, raw }, invocation, async (replacement) => {
    const requeued = await shop.ledger.requeue([found.id], new Map([[found.id, replacement]]), shop.now(), by);
    if (requeued === 0) throw notFailed(found);
    if (error !== null) await doubtFields(shop.ledger, [error]);
  });
  if (!mended) return sayDone("unchanged", found, "Nothing was changed.");
  return sayDone(
    "requeued",
    found,
    "Changed and put back in the queue; the record as it came is kept. Send it with: crmledger sync",
  );
}

async function drop(shop: Shop, found: Found, invocation: Invocation): Promise<Reply> {
  const why = (invocation.flags.why as string | undefined)?.trim();
  if (!why) throw new CrmledgerError("usage", "failed drop needs --why", { hint: 'e.g. --why "spam"' });
  await failedStory(shop, found);
  const dropped = await shop.ledger.drop(found.id, why, shop.now(), userOf(invocation));
  if (!dropped) throw notFailed(found);
  return sayDone("dropped", found, "Set aside. It stays in the ledger and counts as dropped.");
}

const userOf = ({ io }: Invocation): string => (io.user ?? currentUser()).name;

async function failedStory(shop: Shop, found: Found) {
  const story = await shop.ledger.story(found.id);
  if (story === null || story.submission.state !== "failed") throw notFailed(found);
  return story;
}

function notFailed(found: Found): CrmledgerError {
  return new CrmledgerError("usage", `${nameOf(found)} has not failed`, {
    hint: `See: crmledger show ${nameOf(found)}`,
  });
}

function sayDone(state: string, found: Found, sentence: string): Reply {
  const { source, key } = found;
  return { json: { source, key, result: state }, text: () => `${nameOf(found)}: ${sentence}\n`, exitCode: 0 };
}

const nameOf = ({ source, key }: Found): string => `${source}/${key}`;
