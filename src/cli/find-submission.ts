import { CrmledgerError } from "../domain/errors.ts";
import { emailKey, normalizeEmail, phoneKey } from "../domain/identity.ts";
import type { SubmissionId } from "../domain/ids.ts";
import type { Ledger } from "../ledger/ledger.ts";

export interface Found {
  id: SubmissionId;
  source: string;
  key: string;
}

const NAMES_SHOWN = 10;

/**
 * The submission that `text` names: `SOURCE/KEY`, or the key alone where only one source has it. Rejects with
 * `inputUnreadable` where none is there, with `usage` where several are.
 */
export async function findSubmission(ledger: Ledger, text: string): Promise<Found> {
  const found = await ledger.findByName(text, []);
  const exact = found.filter((one) => `${one.source}/${one.key}` === text);
  const candidates = exact.length > 0 ? exact : found;
  if (candidates.length === 1) return candidates[0]!;
  if (candidates.length === 0) throw notThere(text);
  const names = candidates.slice(0, NAMES_SHOWN).map((one) => `${one.source}/${one.key}`);
  throw new CrmledgerError("usage", `Several sources have the key ${text}`, {
    hint: `Name one of: ${names.join(", ")}`,
  });
}

/** The same, or all submissions of an e-mail address or a phone number in E.164, newest first. */
export async function findStories(ledger: Ledger, text: string): Promise<Found[]> {
  const email = normalizeEmail(text);
  const phone = text.replace(/[\s()./-]/g, "");
  const keys = email !== null ? [emailKey(email)] : /^\+\d{6,15}$/.test(phone) ? [phoneKey(phone)] : [];
  if (keys.length === 0) return [await findSubmission(ledger, text)];
  const found = await ledger.findByName(text, keys);
  if (found.length === 0) throw notThere(text);
  return found;
}

function notThere(text: string): CrmledgerError {
  const what = text.includes("@") ? "that person" : text;
  return new CrmledgerError("inputUnreadable", `The ledger has no submission of ${what}`, {
    hint: "IDs are SOURCE/KEY; rejected records are in `crmledger rejects`.",
  });
}
