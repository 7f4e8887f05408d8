import type { Config } from "../config/config.ts";
import type { CrmAdapter, CrmSession } from "../crm/adapter.ts";
import type { Clock } from "../domain/clock.ts";
import { CrmledgerError } from "../domain/errors.ts";
import type { SubmissionId } from "../domain/ids.ts";
import { submissionName } from "../domain/submission.ts";
import { recordOf } from "../intake/json-text.ts";
import type { DiscrepancyRow } from "../ledger/checks.ts";
import type { Ledger, VersionRow } from "../ledger/ledger.ts";
import { type Attempt, HELD_BACK_UNTIL_MS, type HoldRow, type Story } from "../ledger/rows.ts";
import { utcTime } from "../report/human.ts";
import { type AttemptDocument, renderStory, type StepDocument, type StoryDocument } from "../report/story-page.ts";
import type { Reply, RunCommand } from "./command.ts";
import { sessionForLinks, withLedgerOnly } from "./compose.ts";
import { discrepanciesOf } from "./discrepancies.ts";
import { findStories } from "./find-submission.ts";
import { holdDocument } from "./hold-document.ts";
import { holdsOf } from "./holds-of.ts";
import { quietOf } from "./quiet.ts";
import { sampleOf } from "./sample-documents.ts";
import { traceIdIn } from "./trace-id.ts";

/** `crmledger show ID|EMAIL`. Of several submissions of a person the newest is shown and the others are named. */
export const run: RunCommand = (invocation) =>
  withLedgerOnly(invocation, async (shop) => {
    const [first, ...others] = await findStories(shop.ledger, invocation.args[0]!);
    const names = others.map((one) => `${one.source}/${one.key}`);
    if (names.length > 0) invocation.talk.say(`${names.length} older of this person: ${names.slice(0, 10).join(", ")}`);
    return await storyReply(shop, first!.id, names);
  });

/** The story of one submission as a reply, with links to the CRM where the account is known. */
export async function storyReply(
  shop: { ledger: Ledger; config: Config | null; clock: Clock },
  id: SubmissionId,
  others: readonly string[],
): Promise<Reply> {
  const { ledger } = shop;
  const story = await ledger.story(id);
  if (story === null) throw new CrmledgerError("inputUnreadable", "That submission is not in the ledger any more");
  const crm = await sessionForLinks(shop);
  const found = await discrepanciesOf({ ledger }, { submissionId: id, states: ["new", "open", "accepted"] });
  const document = {
    ...storyDocument(story, await ledger.versions(id), crm, holdsOf(story, await ledger.holds())),
    discrepancies: found.map(discrepancyDocument),
    quiet: quietOf(shop, story.submission),
    sample: await sampleOf(ledger, story),
    trace: await traceIdIn(ledger, id),
  };
  return { json: { ...document, others }, text: (style) => renderStory(document, style), exitCode: 0 };
}

function storyDocument(
  story: Story,
  versions: readonly VersionRow[],
  crm: { adapter: CrmAdapter; session: CrmSession } | null,
  holds: readonly HoldRow[],
): Omit<StoryDocument, "discrepancies" | "sample" | "quiet" | "trace"> {
  return {
    submission: { ...submissionDocument(story.submission), ...otherVersions(story.submission, versions) },
    steps: story.steps.map((step) => stepDocument(step, crm)),
    lookups: story.lookups.map(attemptDocument),
    waits: story.waits.map((wait) => ({
      at: utcTime(wait.atMs),
      kind: wait.kind,
      until: utcTime(wait.untilMs),
      detail: wait.detail,
    })),
    holds: holds.map(holdDocument),
    replaced: story.replaced.map(({ atMs, by, content, raw }) => ({
      at: utcTime(atMs),
      by,
      content: content === null ? null : recordOf(content),
      raw: raw === null ? null : recordOf(raw),
    })),
  };
}

function discrepancyDocument(row: DiscrepancyRow): StoryDocument["discrepancies"][number] {
  const { id, kind, state, entity, crmId, message, expected, actual, repair, repairs, why } = row;
  const crm = entity === null || crmId === null ? null : { type: entity, id: crmId };
  return { id, class: row.class, kind, state, crm, message, expected, actual, repair, repairs, why };
}

/** The first version of a revision, and the versions that came after this one. */
function otherVersions({ id, source }: Story["submission"], versions: readonly VersionRow[]) {
  const name = ({ key }: VersionRow): string => submissionName(source, key);
  const [first] = versions;
  return {
    revises: first === undefined || first.id === id ? null : name(first),
    revisedBy: versions.filter((version) => version.id > id).map(name),
  };
}

function submissionDocument(
  submission: Story["submission"],
): Omit<StoryDocument["submission"], "revises" | "revisedBy"> {
  const { id, source, key, state, lane, attempts, origin, error } = submission;
  const waits = (state === "waiting" || state === "uncertain") && submission.dueAtMs < HELD_BACK_UNTIL_MS;
  return {
    number: id,
    source,
    key,
    state,
    lane,
    submittedAt: utcTime(submission.submittedAtMs),
    receivedAt: utcTime(submission.receivedAtMs),
    dueAt: waits ? utcTime(submission.dueAtMs) : null,
    failedAt: utcTime(submission.failedAtMs),
    doneAt: utcTime(submission.doneAtMs),
    attempts,
    origin,
    error: error === null ? null : { code: error.code, message: error.message, hint: error.hint ?? null },
    content: submission.content,
    raw: submission.raw === null ? null : recordOf(submission.raw),
  };
}

function stepDocument(
  step: Story["steps"][number],
  crm: { adapter: CrmAdapter; session: CrmSession } | null,
): StepDocument {
  const link = step.crmId === null || crm === null ? null : crm.adapter.link(step.entity, step.crmId, crm.session);
  return {
    step: step.name,
    state: step.state,
    action: step.action,
    crmId: step.crmId,
    link,
    explanation: step.explanation,
    error: step.error === null ? null : `${step.error.code}: ${step.error.message}`,
    attempts: step.history.map(attemptDocument),
  };
}

function attemptDocument({ at, ...attempt }: Attempt): AttemptDocument {
  return { at: utcTime(at), ...attempt };
}
