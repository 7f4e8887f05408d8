import { randomUUID } from "node:crypto";
import { CrmledgerError } from "../domain/errors.ts";
import type { Transport } from "../domain/wire.ts";
import type { Heartbeat } from "../notify/heartbeat.ts";
import type { SyncSummary } from "../report/sync-summary.ts";
import type { Invocation, Reply } from "./command.ts";
import type { Shop } from "./compose.ts";
import { exitCodeOfError, exitCodeOfSignal } from "./exit-code.ts";
import { notifierDeps, openOutside, surroundingsOf } from "./notify-deps.ts";
import { readConfig } from "./read-config.ts";

/** Two pings and what lies between them stay within the time that a run may spend on telling. */
const PING_TIMEOUT_MS = 4_000;

/** Who is told of a run. Nothing here ever fails a run or changes how it ends. */
export interface RunWatch {
  /** The run has its lock. In the background alerts are told, and, where the run `beats`, the heartbeat. */
  begun(beats: boolean): void;
  /** The run ended with this reply and is closed: alerts and the heartbeat are told. */
  ended(reply: Reply): Promise<void>;
}

/** Watches one run. What can only be seen before it is looked at here: that none ended well for long. */
export async function watchRun(shop: Shop, invocation: Invocation): Promise<RunWatch> {
  const outside = openOutside(invocation, shop.config);
  const deps = notifierDeps(shop, invocation, outside);
  const { look, deliver } = await import("../notify/notifier.ts");
  const known = await openHeartbeat(shop.config, outside.send);
  await quietly(invocation, () => look(deps, surroundingsOf(shop), ["noRun"]));
  let atStart: Promise<unknown> = Promise.resolve();
  let heartbeat: Heartbeat | null = null;
  return {
    begun(beats) {
      heartbeat = beats ? known : null;
      heartbeat?.start();
      atStart = quietly(invocation, async () => warn(invocation, await deliver(deps)));
    },
    async ended(reply) {
      const alerts = async (): Promise<void> => {
        await look(deps, surroundingsOf(shop));
        await atStart;
        warn(invocation, await deliver(deps));
      };
      await Promise.all([
        quietly(invocation, alerts),
        quietly(invocation, async () => await beat(heartbeat, invocation, reply)),
      ]);
      await outside.close();
    },
  };
}

/** Looks and tells where no run is watched: after a check, and by the sync that finds another one at work. */
export async function lookAndTell(shop: Shop, invocation: Invocation): Promise<void> {
  const outside = openOutside(invocation, shop.config);
  const deps = notifierDeps(shop, invocation, outside);
  await quietly(invocation, async () => {
    const { look, deliver } = await import("../notify/notifier.ts");
    await look(deps, surroundingsOf(shop));
    warn(invocation, await deliver(deps));
  });
  await outside.close();
}

/** Tells the heartbeat of a sync that could not even begin: no ledger, no room, a map that can't be read. */
export async function tellNotBegun(invocation: Invocation, error: unknown): Promise<void> {
  const isNoFailure = error instanceof CrmledgerError && ["alreadyRunning", "usage"].includes(error.code);
  if (isNoFailure) return;
  await quietly(invocation, async () => {
    // A config that can't be read names no heartbeat: then its silence tells.
    const config = readConfig(invocation.globals, invocation.io, invocation.talk);
    if (config.heartbeat === null) return;
    const outside = openOutside(invocation, config);
    const heartbeat = await openHeartbeat(config, outside.send);
    const code = error instanceof CrmledgerError ? error.code : "unexpected";
    const trouble = await heartbeat?.end(exitCodeOfError(error), { error: code });
    if (trouble) invocation.talk.warn(`the heartbeat was not taken (${trouble})`);
    await outside.close();
  });
}

async function openHeartbeat({ heartbeat }: Shop["config"], send: Transport): Promise<Heartbeat | null> {
  if (heartbeat === null) return null;
  const { createHeartbeat } = await import("../notify/heartbeat.ts");
  return createHeartbeat(heartbeat.reveal(), randomUUID(), send, PING_TIMEOUT_MS);
}

async function beat(heartbeat: Heartbeat | null, { signals, talk }: Invocation, reply: Reply): Promise<void> {
  const signal = signals.received();
  const exitCode = signal === null ? reply.exitCode : exitCodeOfSignal(signal);
  const trouble = await heartbeat?.end(exitCode, countsOf(reply.json as SyncSummary));
  if (trouble) talk.warn(`the heartbeat was not taken (${trouble})`);
}

/** Counts and machine words only: warnings and errors may name a record. */
function countsOf(summary: SyncSummary) {
  const { run, ingested, drained, remaining, requests, stopped, hold, durationMs } = summary;
  return { run, ingested, drained, remaining, requests, stopped, hold: hold?.kind ?? null, durationMs };
}

function warn({ talk }: Invocation, troubles: readonly string[]): void {
  for (const trouble of troubles) talk.warn(trouble);
}

/** Where telling fails for a reason that nobody thought of, the run's own outcome is still the one that counts. */
async function quietly(invocation: Invocation, work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    invocation.talk.detail(`alerts: ${error instanceof Error ? error.message : String(error)}`);
  }
}
