import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { closeSync, constants, fstatSync, openSync } from "node:fs";
import type { ClientRequest } from "node:http";
import { createRequire } from "node:module";
import { basename, resolve } from "node:path";
import type { Config } from "../config/config.ts";
import type { Clock } from "../domain/clock.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { LedgerListener } from "../telemetry/ledger-events.ts";
import type { Invocation } from "./command.ts";
import { STDOUT } from "./write-whole.ts";

/** A ledger of which others hear: traces, a log. `end` tells what is left, and never fails. */
export interface ToldLedger {
  ledger: Ledger;
  /** The same ledger with some verbs of another connection: what these do is told too. */
  withVerbs(verbs: Partial<Ledger>): Ledger;
  end(): Promise<void>;
}

export function untold(ledger: Ledger): ToldLedger {
  return { ledger, withVerbs: (verbs) => ({ ...ledger, ...verbs }), end: async () => undefined };
}

/** The same ledger, telling whoever config and environment ask for. Nothing is loaded where they ask for nobody. */
export async function tellOf(
  ledger: Ledger,
  invocation: Pick<Invocation, "io" | "talk">,
  config: Config,
  clock: Clock,
): Promise<ToldLedger> {
  const { env } = invocation.io;
  const path = logPlace(invocation.io, config);
  const log = path === null ? null : await openLog(path, invocation, clock);
  const asked = Object.keys(env).some((name) => name.startsWith("OTEL_"));
  const tracing = asked ? await openTracing(ledger, invocation, config, clock) : null;
  const listeners = [log, tracing].filter((listener) => listener !== null);
  if (listeners.length === 0) return untold(ledger);
  const { watchLedger } = await import("../telemetry/ledger-events.ts");
  return {
    ledger: watchLedger(ledger, listeners),
    withVerbs: (verbs) => watchLedger({ ...ledger, ...verbs }, listeners),
    end: async () => await tracing?.end().catch(() => undefined),
  };
}

/** The environment's, from where the command runs; else the config's. */
function logPlace({ env, cwd }: Invocation["io"], config: Config): string | null {
  return env.CRMLEDGER_LOG ? resolve(cwd, env.CRMLEDGER_LOG) : config.log;
}

async function openLog(path: string, { talk }: Pick<Invocation, "talk">, clock: Clock): Promise<LedgerListener> {
  const { createLog } = await import("../telemetry/log.ts");
  return createLog({ path, openFile: openLogFile, clock, warn: (message) => talk.warn(message) });
}

/** Appended to, made with mode 600 where it is not there. A pipe would keep the run waiting: until somebody reads, or while it is full. */
function openLogFile(path: string): number {
  if (basename(path) === STDOUT) throw new Error("- would be standard output, which carries data");
  const { O_WRONLY, O_APPEND, O_CREAT, O_NONBLOCK } = constants;
  const file = openSync(path, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK, 0o600);
  const kind = fstatSync(file);
  if (kind.isFile() || kind.isCharacterDevice()) return file;
  closeSync(file);
  throw new Error("it is a pipe, and no file");
}

type Listener = LedgerListener & { end(): Promise<void> };

async function openTracing(
  ledger: Ledger,
  { io, talk }: Pick<Invocation, "io" | "talk">,
  config: Config,
  clock: Clock,
): Promise<Listener | null> {
  const { readTraceSettings } = await import("../telemetry/trace-settings.ts");
  const settings = readTraceSettings(io.env);
  if (settings === null) return null;
  if (typeof settings === "string") {
    talk.warn(`no traces: ${settings}`);
    return null;
  }
  const { createTracing } = await import("../telemetry/tracing.ts");
  const { hostname, port, protocol } = new URL(config.crm.baseUrl);
  const requests = requestsBegun();
  const tracing = createTracing({
    ledger,
    clock,
    open: async () => (await import("../telemetry/span-sender.ts")).openSpanSender(settings, readVersion()),
    server: { address: hostname, port: Number(port) || (protocol === "http:" ? 80 : 443) },
    warn: (message) => talk.warn(message),
  });
  return {
    ...tracing,
    // A collector that goes on answering for ever would keep the process from its end.
    end: () => tracing.end().finally(requests.end),
  };
}

/** The exporter's: all others go through undici. Node tells of them, and their TLS settings stay the exporter's. */
function requestsBegun(): { end(): void } {
  const open = new Set<ClientRequest>();
  const hear = (message: unknown): void => {
    const { request } = message as { request: ClientRequest };
    open.add(request);
    request.once("close", () => open.delete(request));
  };
  subscribe(STARTED, hear);
  return {
    end() {
      unsubscribe(STARTED, hear);
      for (const request of open) request.destroy();
    },
  };
}

/** https://nodejs.org/docs/latest-v20.x/api/diagnostics_channel.html (read 2026-11-23). */
const STARTED = "http.client.request.start";

function readVersion(): string {
  // The same path from src/cli and from dist/cli.
  return (createRequire(import.meta.url)("../../package.json") as { version: string }).version;
}
