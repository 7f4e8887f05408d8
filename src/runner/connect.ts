/**
 * The first contact of a run: which account the credential belongs to, that it is the ledger's, and what the ledger
 * remembers of its set-up. Costs nothing where the credential is known to the ledger's account.
 */
import type { CatalogPart, CrmAccount } from "../domain/catalog.ts";
import { CrmledgerError } from "../domain/errors.ts";
import type { Hold } from "../domain/hold.ts";
import type { AccountId } from "../domain/ids.ts";
import type { Outcome } from "../domain/operation.ts";
import { ACCOUNT_PARTS, accountPart, type Contact, type ContactOptions, firstContact } from "./first-contact.ts";
import { Gates } from "./gates.ts";
import { instant } from "./instant.ts";
import { QuotaDesk } from "./quota-desk.ts";
import type { RunnerDeps } from "./runner.ts";
import { Session } from "./session.ts";
import { ownTicket } from "./ticket.ts";
import { Wheel } from "./wheel.ts";

export interface Connection {
  session: Session;
  wheel: Wheel;
  describe: (part: CatalogPart, cursor: string | undefined) => Promise<Outcome>;
}

/** A whole run's tries of one read that is not some submission's own. */
const READ_TRIES_MAX = 3;

/**
 * Opens the wheel on the ledger's account. A ledger that is not bound yet is bound to the account that the credential
 * names; where the CRM does not tell, gives the hold that this is.
 */
export async function connect(
  deps: RunnerDeps,
  tokensMax: number | null,
  options: ContactOptions = {},
): Promise<Connection | { stopped: Hold }> {
  const { ledger, clock, adapter } = deps;
  const known = await ledger.account();
  const contact: Contact = known ? { type: "bound", accountId: known.id } : await firstContact(deps, options);
  if (contact.type === "stopped") return { stopped: contact.hold };
  const { accountId } = contact;
  const session = new Session(deps);
  await session.remember(accountId);
  const saved = await ledger.buckets(accountId, deps.credential, instant(clock));
  const quota = new QuotaDesk(adapter.capabilities, deps.settings.limits, saved.states, clock);
  const gates = new Gates(deps.settings.breaker, await ledger.breakers(accountId), await ledger.holds());
  const wheel = new Wheel(deps, session, quota, gates, tokensMax);
  // What the first contact cost is part of what this run may spend.
  wheel.counts.tokens = (await ledger.requestTotals(deps.runId)).tokens;
  wheel.record({ buckets: quota.opening() });
  return { session, wheel, describe: describer(wheel) };
}

function describer(wheel: Wheel): Connection["describe"] {
  let serial = 0;
  return async (part, cursor) => {
    for (let attempt = 1; ; attempt += 1) {
      serial += 1;
      const key = `describe#${serial}`;
      const ticket = ownTicket(attempt > 1);
      const { outcome } = await wheel.perform({ type: "describe", key, part, cursor }, ticket);
      const again = outcome.type === "uncertain" || outcome.type === "deferred";
      if (!again || attempt >= READ_TRIES_MAX) return outcome;
    }
  };
}

/** How long the answer to "whose token is this" is trusted for a token that has not changed. */
const ACCOUNT_AGE_MAX_MS = 24 * 3_600_000;

/**
 * Asks the CRM whose credential this is, and binds or checks the ledger's account. The answer is remembered by credential,
 * so a run with a known one need not ask, and a changed token is always asked about before anything is written. Gives a
 * warning where a new token is another user's, who will own what is created from now on; else null.
 */
export async function checkAccount(
  deps: RunnerDeps,
  connection: Connection,
  ageMaxMs: number = ACCOUNT_AGE_MAX_MS,
): Promise<string | null> {
  const { session, describe } = connection;
  const { ledger, clock, adapter } = deps;
  const part = accountPart(deps);
  const knownAtMs = session.rememberedAtMs(part);
  if (knownAtMs !== null && clock.wallMs() - knownAtMs < ageMaxMs) return null;
  const outcome = await describe("account", undefined);
  const account = outcome.type === "applied" ? outcome.catalog?.account : undefined;
  if (!account) throw notReached(outcome);
  const named = { vendor: adapter.vendor, externalId: account.externalId, name: account.name };
  const bound = await ledger.bindAccount(named, clock.wallMs());
  session.bind(bound, account);
  const before = knownAtMs === null ? await lastAccount(ledger, bound) : null;
  await ledger.saveCatalog(bound, part, { account }, clock.wallMs());
  if (before === null || before.userId === account.userId) return null;
  return `the token's user changed from ${before.userName} to ${account.userName}: new records belong to ${account.userName}`;
}

/** What the CRM said of the credential that was used last. */
async function lastAccount(ledger: RunnerDeps["ledger"], bound: AccountId): Promise<CrmAccount | null> {
  const rows = (await ledger.loadCatalog(bound)).filter(({ part }) => part.startsWith(ACCOUNT_PARTS));
  const [last] = rows.sort((a, b) => b.fetchedAtMs - a.fetchedAtMs);
  return last?.catalog.account ?? null;
}

function notReached(outcome: Outcome): CrmledgerError {
  const message = "message" in outcome ? outcome.message : outcome.type;
  return new CrmledgerError("held", `the CRM could not be asked whose token this is: ${message}`, {
    hint: "Nothing was lost: all submissions wait in the ledger. The next run tries again.",
  });
}
