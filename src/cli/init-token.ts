import { existsSync } from "node:fs";
import type { Invocation } from "./command.ts";
import { type CrmFound, contactCrm } from "./init-contact.ts";
import type { Ask } from "./questions.ts";
import { isToken, readTokenText } from "./read-config.ts";

/** Slips of the clipboard that a person is asked again after; then the last token is kept, with a warning. */
const TRIES_MAX = 5;
const QUESTION = "API token (not shown; empty: you write the file yourself): ";
const AGAIN = "API token again (not shown; empty: keep the one given): ";

/** `newToken` is to be written into the token's file; null: the file stays as it is, or is left to the user. */
export interface TokenAnswer {
  newToken: string | null;
  found: CrmFound | null;
}

/** Asks for the token, or takes the file that is there, and asks the CRM whose it is. */
export async function askToken(
  invocation: Invocation,
  ask: Ask,
  baseUrl: string | null,
  path: string,
): Promise<TokenAnswer> {
  const kept = await askAboutFile(ask, path);
  if (kept !== null) {
    const { found, good } = await tryToken(invocation, baseUrl, kept);
    if (good) return { newToken: null, found };
  }
  let last: string | null = null;
  for (let count = 0; count < TRIES_MAX; count += 1) {
    const token = await ask(last === null && kept === null ? QUESTION : AGAIN, true);
    if (token === "") break;
    last = token;
    const { found, good } = await tryToken(invocation, baseUrl, token);
    if (good) return { newToken: token, found };
  }
  if (last !== null || kept !== null) invocation.talk.warn("the token is kept, though the CRM did not take it");
  return { newToken: last, found: null };
}

/** The token of a file that is there and is to be used; null where there is none, or another shall replace it. */
async function askAboutFile(ask: Ask, path: string): Promise<string | null> {
  if (!existsSync(path)) return null;
  const answer = await ask(`${path} is there already. Use its token? (Y, or n to replace it): `);
  return /^n/i.test(answer) ? null : readTokenText(path);
}

/** `good`: the CRM took it, or could not be asked. What the CRM says is said. */
export async function tryToken(
  invocation: Invocation,
  baseUrl: string | null,
  token: string,
): Promise<{ found: CrmFound | null; good: boolean }> {
  const { talk } = invocation;
  if (!isToken(token)) {
    talk.warn("this is no token: it is empty, or has spaces or line breaks in it");
    return { found: null, good: false };
  }
  if ((invocation.flags as { offline?: boolean }).offline) return { found: null, good: true };
  const contact = await contactCrm(invocation, baseUrl, token);
  if (contact.type === "found") {
    talk.say(`This is the token of ${contact.found.user} at ${contact.found.account}.`);
    return { found: contact.found, good: true };
  }
  if (contact.type === "refused") {
    talk.warn(`the CRM does not take this token: ${contact.message}`);
    return { found: null, good: false };
  }
  talk.warn(`${contact.message}. The token is taken as it is; \`crmledger doctor\` asks again.`);
  return { found: null, good: true };
}
