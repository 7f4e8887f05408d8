import { CrmledgerError, EXIT_CODES } from "../domain/errors.ts";
import { submissionName } from "../domain/submission.ts";
import type { Takeover } from "../ledger/takeover.ts";
import type { Finding, Wanted } from "../reconcile/adopt.ts";
import { type AdoptDocument, type AdoptItem, renderAdopt } from "../report/adopt-page.ts";
import { utcTime } from "../report/human.ts";
import { safeLine } from "../report/safe-text.ts";
import { type Applied, apply } from "./adopt-apply.ts";
import { type AdoptFiles, type Candidate, readFiles, sourceOfFiles } from "./adopt-files.ts";
import { type Looked, lookAtCrm } from "./adopt-look.ts";
import { checkMaps } from "./check-maps.ts";
import type { Invocation, Reply, RunCommand } from "./command.ts";
import { type Shop, withRun, withShop } from "./compose.ts";
import { holdDocument } from "./hold-document.ts";
import { canAsk, openQuestions } from "./questions.ts";
import { type ReconcileFlags, scopeOf } from "./reconcile-flags.ts";

interface AdoptFlags extends Pick<ReconcileFlags, "source" | "since" | "until"> {
  dryRun?: boolean;
  sendMissing?: boolean;
}

/** A submission with what was found of it, and what is done about it; null: left alone. */
interface Row {
  candidate: Candidate;
  wanted: Wanted;
  finding: Finding;
  rest: Takeover["rest"] | null;
}

/** Lines of the list that a person is asked about. */
const LIST_MAX = 50;

/** `crmledger adopt FILE...`: what an earlier script or Zap wrote without stamps, audited and taken over. */
export const run: RunCommand = (invocation) => {
  const flags = invocation.flags as AdoptFlags;
  if (invocation.args.filter((file) => file === "-").length > 1)
    throw new CrmledgerError("usage", "- can be given once");
  return withShop(invocation, flags.dryRun ? "openOrPretend" : "create", async (shop) => {
    const source = sourceOfFiles(shop, flags.source);
    await checkMaps(shop.config, [source]);
    const scope = scopeOf({ since: flags.since, until: flags.until }, shop.clock.wallMs());
    const files = await readFiles(shop, invocation, source, scope);
    return await withRun(shop, "adopt", async (runId) => {
      const options = { stamps: !flags.dryRun };
      const looked = await lookAtCrm(shop, invocation, runId, source, files.sought, options);
      const rows = (looked.found ?? []).map((found, index) => ({
        ...found,
        candidate: files.sought[index]!,
        rest: null,
      }));
      const chosen = flags.dryRun ? rows : await choose(invocation, rows, flags.sendMissing === true);
      const applied = await applyChosen(shop, runId, chosen, looked);
      const { total, tokens } = await shop.ledger.requestTotals(runId);
      const document = documentOf(invocation, files, chosen, looked, applied, { total, tokens }, flags);
      for (const warning of document.warnings) invocation.talk.warn(warning);
      const reply = replyOf(invocation, document, looked, applied);
      return {
        result: reply,
        summary: { counts: document.counts, takenOver: document.takenOver },
        exitCode: reply.exitCode,
      };
    });
  });
};

/**
 * What is sure is taken over; a person decides about what is probable; gaps are sent where that was asked for. What is there
 * in part, or may be there, is kept as history meanwhile: a copy of it in a spool would be sent as if nothing were there.
 */
async function choose(invocation: Invocation, rows: readonly Row[], sendMissing: boolean): Promise<Row[]> {
  const probable = rows.filter(({ finding }) => finding.verdict === "probably");
  const answer = probable.length === 0 ? "later" : await ask(invocation, probable);
  return rows.map((row) => ({ ...row, ...decide(row.finding, answer, sendMissing) }));
}

function decide(finding: Finding, answer: Answer, sendMissing: boolean): Partial<Row> {
  const { verdict } = finding;
  if (verdict === "matched" || (verdict === "probably" && answer === "yes")) return { rest: "leave" };
  if (verdict === "probably" && answer === "later") return { rest: "keep" };
  if (sendMissing) return { finding: verdict === "probably" ? personOnly(finding) : finding, rest: "write" };
  return verdict === "half" ? { rest: "keep" } : {};
}

const personOnly = (finding: Finding): Finding => ({ ...finding, deal: null, notes: finding.notes.map(() => null) });

type Answer = "yes" | "no" | "later";

async function ask({ io, globals }: Invocation, probable: readonly Row[]): Promise<Answer> {
  if (!canAsk(io) || globals.json) return "later";
  for (const { candidate, finding } of probable.slice(0, LIST_MAX)) {
    io.stderr.write(`  ${safeLine(nameOf(candidate))}  ${safeLine(finding.reason)}\n`);
  }
  if (probable.length > LIST_MAX) io.stderr.write(`  and ${probable.length - LIST_MAX} more\n`);
  const questions = openQuestions(io);
  try {
    const what = `${probable.length === 1 ? "Is this" : `Are these ${probable.length}`} the script's? y takes them over, n counts them as not there, Enter decides later`;
    const answer = await questions.ask(`${what}: `);
    return /^y(es)?$/i.test(answer) ? "yes" : /^no?$/i.test(answer) ? "no" : "later";
  } finally {
    questions.close();
  }
}

const nameOf = ({ item }: Candidate): string => submissionName(item.source, item.key);

async function applyChosen(
  shop: Shop,
  runId: Parameters<typeof apply>[1],
  rows: readonly Row[],
  { session }: Looked,
): Promise<Applied> {
  const { takeoverOf } = await import("../reconcile/adopt-orders.ts");
  const chosen = rows.flatMap(({ candidate, wanted, finding, rest }) => {
    if (rest === null) return [];
    return [{ candidate, takeover: takeoverOf(candidate.item, wanted, finding, rest, session.stampFields.deal!) }];
  });
  return await apply(shop, runId, chosen);
}

function documentOf(
  { args }: Invocation,
  files: AdoptFiles,
  rows: readonly Row[],
  looked: Looked,
  { verdicts, warnings }: Applied,
  requests: AdoptDocument["requests"],
  flags: AdoptFlags,
): AdoptDocument {
  const items = [...rows.map((row) => itemOf(row, looked, verdicts)), ...files.known.map(knownItem)];
  const counts = { matched: 0, probably: 0, half: 0, missing: 0, known: 0, doubles: 0, rejected: files.rejected };
  for (const { verdict, doubles } of items) {
    counts[verdict] += 1;
    counts.doubles += doubles.length;
  }
  const { hold, signal } = looked;
  return {
    files: [...args],
    dryRun: flags.dryRun === true,
    counts,
    items,
    requests,
    takenOver: rows.filter(({ candidate, rest }) => rest === "leave" && verdicts.has(nameOf(candidate))).length,
    queued: [...verdicts.values()].filter((verdict) => verdict === "queued").length,
    warnings: [...files.warnings, ...warnings],
    stopped: hold !== null ? "hold" : signal !== null ? "signal" : null,
    hold: hold === null ? null : holdDocument(hold),
  };
}

function itemOf(
  { candidate, finding, rest }: Row,
  { adapter, session }: Looked,
  verdicts: Applied["verdicts"],
): AdoptItem {
  const { source, key, submittedAtMs, content } = candidate.item;
  const { verdict, reason, person, deal, notes, doubles } = finding;
  const records = [
    ...(person === null ? [] : [{ type: "person" as const, id: person }]),
    ...(deal === null ? [] : [{ type: "deal" as const, id: deal.id }]),
    ...[...new Set(notes)].flatMap((id) => (id === null ? [] : [{ type: "note" as const, id }])),
  ];
  const done = verdicts.has(nameOf(candidate));
  return {
    ...{ source, key, verdict, reason, doubles },
    email: content.person?.email ?? null,
    submittedAt: utcTime(submittedAtMs),
    crm: records.map(({ type, id }) => ({ type, id, link: adapter.link(type, id, session) })),
    action: done ? ACTIONS[rest ?? "keep"] : "left",
  };
}

const ACTIONS = { leave: "taken", write: "queued", keep: "kept" } as const;

function knownItem({ item, reason }: AdoptFiles["known"][number]): AdoptItem {
  const { source, key, submittedAtMs, content } = item;
  const email = content.person?.email ?? null;
  const submittedAt = utcTime(submittedAtMs);
  return { source, key, email, submittedAt, verdict: "known", reason, crm: [], doubles: [], action: "left" };
}

function replyOf({ globals }: Invocation, document: AdoptDocument, looked: Looked, applied: Applied): Reply {
  return {
    json: document,
    text: (style) => renderAdopt(document, style, { all: globals.verbose }),
    exitCode: exitCodeOf(document, looked, applied),
  };
}

/** Whatever was not delivered, and is not on its way now, needs somebody who looks. */
function exitCodeOf({ items, dryRun }: AdoptDocument, { hold, signal }: Looked, { heldBack }: Applied): number {
  if (hold !== null) return hold.kind === "credentials" ? EXIT_CODES.credentialsRefused : EXIT_CODES.held;
  if (signal !== null) return signal === "SIGINT" ? 130 : 143;
  const isOpen = ({ verdict, action }: AdoptItem): boolean =>
    (action === "left" || action === "kept") &&
    (verdict === "half" || verdict === "missing" || (verdict === "probably" && !dryRun));
  return items.some(isOpen) || heldBack > 0 ? EXIT_CODES.attention : 0;
}
