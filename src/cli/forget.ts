import { existsSync, readdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { CrmledgerError, EXIT_CODES } from "../domain/errors.ts";
import { emailKey, normalizeEmail, phoneKey } from "../domain/identity.ts";
import { type Mentions, mentionsOf } from "../domain/mentions.ts";
import type { ForgottenFiles } from "../ingest/forget-files.ts";
import type { PersonFound } from "../ledger/care.ts";
import { type ForgetDocument, renderForget } from "../report/forget-text.ts";
import { createStyle } from "../report/style.ts";
import type { Invocation, Reply, RunCommand } from "./command.ts";
import { type Shop, sessionForLinks, withShop } from "./compose.ts";
import { findSubmission } from "./find-submission.ts";
import { canAsk, openQuestions } from "./questions.ts";
import { lockRunsOut, refuseRunning } from "./runs-out.ts";

/** `crmledger forget EMAIL|PHONE|ID`: shows what there is of a person, asks, and erases it. */
export const run: RunCommand = (invocation) =>
  withShop(invocation, "open", async (shop) => {
    const locks = invocation.flags.dryRun === true ? [] : await lockRunsOut(shop.ledgerPath);
    try {
      if (locks.length > 0) await refuseRunning(shop);
      return await forgetPerson(shop, invocation);
    } finally {
      for (const lock of locks) lock.release();
    }
  });

async function forgetPerson(shop: Shop, invocation: Invocation): Promise<Reply> {
  const { ledger } = shop;
  const asked = await askedFor(shop, invocation.args[0]!);
  const person = await ledger.findPerson(asked);
  const mentions = mentionsOf(person.keys, asked.keys);
  const seen = await inFiles(shop, mentions, true);
  const found = await documentOf(shop, person, seen);
  if (invocation.flags.dryRun === true) return replyOf({ ...found, dryRun: true });
  refuseInHand(person);
  if (!(await isWanted(invocation, found))) {
    invocation.talk.say("Nothing was erased.");
    return replyOf(found);
  }
  // While somebody made up their mind one may have begun.
  await refuseRunning(shop);
  // The files first: broken off, the same command finds the rest by what the ledger still has.
  const files = await inFiles(shop, mentions, false);
  shop.failpoint("forget.files");
  const result = await ledger.forget(person, asked.keys, shop.now());
  if (result.type === "busy") throw inHand(["a submission"]);
  shop.failpoint("forget.ledger");
  await ledger.scrub();
  shop.failpoint("forget.end");
  const open = result.unsure.map(
    (id) => `reject ${id} names others too: crmledger rejects, take or drop it, then forget again`,
  );
  const left = [...open, ...found.left];
  const reply = replyOf({ ...found, forgotten: true, rejects: result.rejects, files: shown(files), left });
  return files.left.length + open.length > 0 ? { ...reply, exitCode: EXIT_CODES.attention } : reply;
}

function replyOf(document: ForgetDocument): Reply {
  return { json: document, text: (style) => renderForget(document, style), exitCode: 0 };
}

async function askedFor({ ledger, config }: Shop, text: string) {
  const email = normalizeEmail(text);
  if (email !== null && !text.includes("/")) return { keys: [emailKey(email)], submissions: [] };
  const { loadPhoneNormalizer } = await import("../intake/phone.ts");
  const mayBePhone = /^[+\d][\d\s()./-]{5,}$/.test(text);
  const phone = mayBePhone ? (await loadPhoneNormalizer())(text, config.plan.persons.country ?? undefined) : null;
  const named = await ledger.findByName(text, []);
  if (phone !== null && named.length > 0) {
    throw new CrmledgerError("usage", "That is the key of a submission, and may be a phone number", {
      hint: `Write SOURCE/KEY, such as ${named[0]!.source}/${named[0]!.key}, or the number with its country's +.`,
    });
  }
  if (phone !== null) return { keys: [phoneKey(phone)], submissions: [] };
  if (mayBePhone && named.length === 0) {
    throw new CrmledgerError("usage", "That number has no country, and no submission has it as its key", {
      hint: "Nothing was erased. Write a phone number with its country, such as +44 1234 567890.",
    });
  }
  return { keys: [], submissions: [(await findSubmission(ledger, text)).id] };
}

function refuseInHand({ inHand: names }: PersonFound): void {
  if (names.length > 0) throw inHand(names);
}

function inHand(names: readonly string[]): CrmledgerError {
  return new CrmledgerError("held", `${names.join(", ")}: a write of it may or may not have happened yet`, {
    hint: "Nothing was erased. `crmledger sync` settles it; then forget again.",
  });
}

/** Whoever does not sit at a terminal says `--yes`. */
async function isWanted(invocation: Invocation, found: ForgetDocument): Promise<boolean> {
  const { io, globals, flags } = invocation;
  if (flags.yes === true) return true;
  if (!canAsk(io) || globals.json) {
    throw new CrmledgerError("usage", "forget erases for good, and nobody is here to be asked", {
      hint: "Nothing was erased. Look with --dry-run, then say --yes.",
    });
  }
  io.stderr.write(renderForget(found, createStyle({ isTTY: true, columns: io.stderr.columns }, globals, io.env)));
  const questions = openQuestions(io);
  try {
    return /^y(es)?$/i.test(await questions.ask("Erase this for good? [y/N]: "));
  } finally {
    questions.close();
  }
}

async function inFiles(shop: Shop, mentions: Mentions, dryRun: boolean): Promise<ForgottenFiles> {
  const { forgetInFiles, keepPlaces } = await import("../ingest/forget-files.ts");
  const sum: ForgottenFiles = { deleted: 0, records: 0, left: [], blanked: [] };
  for (const source of Object.values(shop.config.sources)) {
    if (source.spool === null) continue;
    const { deleted, records, left, blanked } = await forgetInFiles(
      source,
      source.spool,
      mentions,
      dryRun,
      shop.failpoint,
      await shop.ledger.fileProgress(source.name),
    );
    await keepPlaces(shop.ledger, source.name, blanked);
    sum.deleted += deleted;
    sum.records += records;
    sum.left.push(...left);
  }
  return sum;
}

const shown = ({ deleted, records, left }: ForgottenFiles) => ({ deleted, records, left });

async function documentOf(shop: Shop, person: PersonFound, files: ForgottenFiles): Promise<ForgetDocument> {
  const links = await sessionForLinks(shop);
  const atCrm = new Map<string, { entity: "person" | "organization" | "deal" | "note"; crmId: string }>();
  for (const record of person.records) atCrm.set(`${record.entity}:${record.crmId}`, record);
  for (const crmId of person.mirror) atCrm.set(`person:${crmId}`, { entity: "person", crmId });
  const crm = [...atCrm.values()].map(({ entity, crmId }) => ({
    ...{ type: entity as string, id: crmId as string },
    link: links?.adapter.link(entity, crmId as never, links.session) ?? null,
  }));
  const copies = oldCopies(shop.ledgerPath).map((path) => `${path}: the ledger before an upgrade; delete it`);
  const left = [
    ...copies,
    "backups, exports, reports and logs that were made before, and what the source itself keeps",
  ];
  const { length } = person.submissions;
  return {
    dryRun: false,
    forgotten: false,
    submissions: length,
    mirror: person.mirror.length,
    rejects: null,
    files: shown(files),
    crm,
    left,
  };
}

function oldCopies(ledgerPath: string): string[] {
  const [folder, name] = [dirname(ledgerPath), basename(ledgerPath)];
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((other) => other.startsWith(`${name}.before-v`))
    .map((other) => join(folder, other));
}
