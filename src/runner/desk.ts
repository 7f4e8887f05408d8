/** A connection for reads and for set-up, outside of a drain but through the same wheel: doctor, init, reconcile. */
import { CrmledgerError } from "../domain/errors.ts";
import type { Read } from "../mirror/mirror.ts";
import { checkAccount, connect } from "./connect.ts";
import { mirrorDeps } from "./mirror-deps.ts";
import { needCatalog } from "./need-catalog.ts";
import type { Desk, DeskOptions, RunnerDeps } from "./runner.ts";
import { Halted, Held } from "./stops.ts";
import { ownTicket } from "./ticket.ts";
import { ChainStop } from "./work.ts";

/**
 * Rejects with `credentialsRefused`, `accountMismatch` or `held` where the CRM can't be used. A pause, and the hold of an old
 * ledger, keep back what would be written, so they do not stop it.
 */
export async function openDesk(deps: RunnerDeps, options: DeskOptions = {}): Promise<Desk> {
  const { lane = "operational", signal } = options;
  const isNew = (await deps.ledger.account()) === null;
  const connection = await connect(deps, null, { readsOnly: true });
  if ("stopped" in connection) throw heldError(connection.stopped.message, connection.stopped.kind);
  const { session, wheel } = connection;
  const told = async <T>(task: () => Promise<T>): Promise<T> => {
    try {
      return await task();
    } catch (error) {
      throw asError(error, wheel.halted?.hold?.message ?? null, wheel.halted?.hold?.kind ?? null);
    }
  };
  const halt = (): void => wheel.halt("signal");
  signal?.addEventListener("abort", halt, { once: true });
  if (signal?.aborted) halt();
  // The first contact of a new ledger has just asked.
  if (!isNew) await told(() => checkAccount(deps, connection, 0));
  let serial = 0;
  const read: Read = (operation) =>
    told(async () => {
      serial += 1;
      return await wheel.perform({ ...operation, key: `desk#${serial}` }, ownTicket(false, lane));
    });
  return {
    accountId: session.accountId,
    clockSkewMs: () => session.skewMs,
    catalog: (parts, ageMaxMs) =>
      told(async () => {
        await needCatalog(connection, parts, ageMaxMs);
        return session.catalog;
      }),
    perform: async (operation) => (await read(operation)).outcome,
    read,
    crmSession: () => session.crm(),
    crmTimeMs: (ourMs) => session.crmTimeMs(ourMs),
    mirrorDeps: () => mirrorDeps(deps, session, read),
    totals: () => deps.ledger.requestTotals(deps.runId),
    hold: () => wheel.halted?.hold ?? [...wheel.board.heldBack.values()][0] ?? null,
    close: async () => {
      signal?.removeEventListener("abort", halt);
      await wheel.quiet();
    },
  };
}

const WAITS = "Nothing was sent; all submissions wait in the ledger.";

function asError(error: unknown, message: string | null, kind: string | null): unknown {
  if (error instanceof Halted || error instanceof Held) return heldError(message ?? error.message, kind);
  if (error instanceof ChainStop && "error" in error.verdict) return heldError(error.verdict.error.message, null);
  return error;
}

function heldError(message: string, kind: string | null): CrmledgerError {
  if (kind !== "credentials") return new CrmledgerError("held", message, { hint: WAITS });
  const hint = "Put a valid API token where crm.apiTokenFile or crm.apiToken names it, then run `crmledger doctor`.";
  return new CrmledgerError("credentialsRefused", message, { hint: `${hint} ${WAITS}` });
}
