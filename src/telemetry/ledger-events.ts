/**
 * What happens in a ledger, told as it is committed. Whatever the program does goes through the ledger's verbs, so that traces and
 * logs need no word of any other room, and tell nothing that is not written down.
 */
import type { Hold } from "../domain/hold.ts";
import type { RunId, SubmissionId } from "../domain/ids.ts";
import type { CountedBatch } from "../ledger/accounts.ts";
import type { Admitted } from "../ledger/arriving.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { Claim, HoldFilter, IngestResult, Recovered, RunStart, Turn, TurnResult } from "../ledger/rows.ts";

export type LedgerEvent =
  | { type: "runOpened"; run: RunId; start: RunStart }
  | { type: "runClosed"; run: RunId; stopped: string; exitCode: number }
  /** `inHand`: what the dead runs were at when they died; empty where nobody asked. */
  | { type: "recovered"; runs: readonly RunId[]; inHand: { run: RunId; submission: SubmissionId }[]; result: Recovered }
  | { type: "ingested"; batch: CountedBatch; result: IngestResult }
  | { type: "admitted"; run: RunId; source: string; admitted: Admitted }
  | { type: "claimed"; run: RunId; claims: Claim[] }
  | { type: "turn"; turn: Turn; result: TurnResult }
  | { type: "holdOpened"; hold: Hold }
  | { type: "holdsClosed"; filter: HoldFilter; count: number }
  | { type: "requeued"; submissions: readonly SubmissionId[]; count: number }
  | { type: "dropped"; submission: SubmissionId };

export interface LedgerListener {
  /** Awaited before a run is opened: what loads something loads it here, so that commands without a run do not. */
  prepare?(): Promise<void>;
  /** Must not throw and must not wait: the run does. */
  tell(event: LedgerEvent): void;
  /** It needs what dead runs had in hand. */
  wantsHands?: boolean;
}

/** The same ledger, which tells `listeners` of each commit. A listener that fails is told no more. */
export function watchLedger(ledger: Ledger, listeners: readonly LedgerListener[]): Ledger {
  const listening = new Set(listeners);
  const tell = (event: LedgerEvent): void => {
    for (const listener of listening) {
      try {
        listener.tell(event);
      } catch {
        listening.delete(listener);
      }
    }
  };
  return { ...ledger, ...runVerbs(ledger, tell, listeners), ...queueVerbs(ledger, tell), ...decisions(ledger, tell) };
}

type Tell = (event: LedgerEvent) => void;

function runVerbs(ledger: Ledger, tell: Tell, listeners: readonly LedgerListener[]) {
  const wantsHands = listeners.some((listener) => listener.wantsHands === true);
  return {
    openRun: async (start) => {
      for (const listener of listeners) await listener.prepare?.();
      const run = await ledger.openRun(start);
      tell({ type: "runOpened", run, start });
      return run;
    },
    closeRun: async (run, end) => {
      await ledger.closeRun(run, end);
      tell({ type: "runClosed", run, stopped: end.stopped, exitCode: end.exitCode });
    },
    recover: async (runs, now, settleMs) => {
      const inHand = wantsHands ? await ledger.inHandOf(runs).catch(() => []) : [];
      const result = await ledger.recover(runs, now, settleMs);
      tell({ type: "recovered", runs, inHand, result });
      return result;
    },
  } satisfies Partial<Ledger>;
}

function queueVerbs(ledger: Ledger, tell: Tell) {
  return {
    ingest: async (batch, now) => {
      const result = await ledger.ingest(batch, now);
      tell({ type: "ingested", batch, result });
      return result;
    },
    admit: async (run, source, records, options, now) => {
      const admitted = await ledger.admit(run, source, records, options, now);
      if (admitted.new + admitted.history > 0) tell({ type: "admitted", run, source, admitted });
      return admitted;
    },
    claim: async (request) => {
      const claims = await ledger.claim(request);
      if (claims.length > 0) tell({ type: "claimed", run: request.runId, claims });
      return claims;
    },
    turn: async (turn) => {
      const result = await ledger.turn(turn);
      tell({ type: "turn", turn, result });
      return result;
    },
  } satisfies Partial<Ledger>;
}

function decisions(ledger: Ledger, tell: Tell) {
  return {
    openHold: async (account, hold, nowMs) => {
      const row = await ledger.openHold(account, hold, nowMs);
      tell({ type: "holdOpened", hold });
      return row;
    },
    closeHolds: async (filter, nowMs) => {
      const count = await ledger.closeHolds(filter, nowMs);
      if (count > 0) tell({ type: "holdsClosed", filter, count });
      return count;
    },
    requeue: async (ids, replacements, now, by) => {
      const count = await ledger.requeue(ids, replacements, now, by);
      if (count > 0) tell({ type: "requeued", submissions: ids, count });
      return count;
    },
    drop: async (id, why, now, by) => {
      const dropped = await ledger.drop(id, why, now, by);
      if (dropped) tell({ type: "dropped", submission: id });
      return dropped;
    },
  } satisfies Partial<Ledger>;
}
