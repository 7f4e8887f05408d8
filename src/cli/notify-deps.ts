import { createHash } from "node:crypto";
import { statfsSync } from "node:fs";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { type ChannelSettings, defaultAlerts } from "../config/alert-settings.ts";
import type { Config } from "../config/config.ts";
import type { Transport } from "../domain/wire.ts";
import type { HttpClient } from "../http/transport.ts";
import type { Channel } from "../notify/channels.ts";
import type { Surroundings } from "../notify/facts.ts";
import type { NotifierDeps } from "../notify/notifier.ts";
import { changedNames } from "./changed-names.ts";
import { closedFiles } from "./closed-files.ts";
import type { Invocation } from "./command.ts";
import { credentialName, type Shop } from "./compose.ts";
import { isGone } from "./gone-run.ts";
import { countHeld } from "./held-files.ts";
import { quietTime } from "./quiet.ts";
import { readToken } from "./read-config.ts";
import { programRunner } from "./run-program.ts";

/** All channels are told at once; with what a run's start may still have to tell it stays within 10 s. */
export const CHANNEL_TIMEOUT_MS = 8_000;

/** The channels of a config. What the ledger calls them shows nothing of an address. */
export function channelsOf(config: Config): Channel[] {
  const channels = config.alerts.to.map(channelOf);
  return channels.filter((one, index) => channels.findIndex(({ name }) => name === one.name) === index);
}

function channelOf(settings: ChannelSettings): Channel {
  const { type } = settings;
  const named = (secret: string): string =>
    `${type}:${createHash("sha256").update(`crmledger channel\n${type}\n${secret}`).digest("hex").slice(0, 16)}`;
  if (type === "command") {
    const { argv, shown } = settings;
    return { type, argv, name: named(argv.join("\n")), label: `command ${shown.split(/\s/)[0]}` };
  }
  const url = settings.url.reveal();
  return { type, url, name: named(url), label: `${type} ${new URL(url).host}` };
}

/** A way out for alerts and heartbeats, through the proxy of the environment. Nothing is loaded before it is used. */
export interface Outside {
  send: Transport;
  close(): Promise<void>;
}

export function openOutside({ io, talk }: Pick<Invocation, "io" | "talk">, config: Config): Outside {
  for (const one of config.alerts.to) if (one.type !== "command") keepUrl(talk, one.url.reveal());
  if (config.heartbeat !== null) keepUrl(talk, config.heartbeat.reveal());
  let client: Promise<HttpClient> | null = null;
  const open = async (): Promise<HttpClient> => {
    const [{ createTransport }, { proxySettings }] = await Promise.all([
      import("../http/transport.ts"),
      import("../http/proxy.ts"),
    ]);
    // The config names these addresses on purpose: one's own network among them.
    return createTransport({ userAgent: "crmledger", allowPrivate: true, ...proxySettings(io.env) });
  };
  return {
    send: async (request) => {
      client ??= open();
      return await (await client).send(request);
    },
    close: async () => await (await client)?.close(),
  };
}

/** A shorter path is no secret, and blanking it out would tear holes into other texts. */
const SECRET_PATH_MIN = 20;

/** What follows the host is the secret. */
function keepUrl(talk: Invocation["talk"], url: string): void {
  const { pathname, search } = new URL(url);
  const path = pathname + search;
  talk.keepSecret(path.length >= SECRET_PATH_MIN ? path : url);
}

export function notifierDeps(shop: Shop, invocation: Invocation, outside: Outside): NotifierDeps {
  const { config, ledger, clock } = shop;
  return {
    ledger,
    clock,
    host: hostname(),
    channels: channelsOf(config),
    send: outside.send,
    runProgram: programRunner(dirname(config.file), invocation.io.env, [tokenOf(config)]),
    timeoutMs: CHANNEL_TIMEOUT_MS,
  };
}

/** What a look takes into account beside the ledger. */
export function surroundingsOf(
  shop: Pick<Shop, "ledger" | "ledgerPath" | "now"> & { config: Config | null },
): Surroundings {
  const { config, ledgerPath } = shop;
  const token = config === null ? "" : tokenOf(config);
  return {
    now: shop.now(),
    credential: config === null || token === "" ? "" : credentialName(config.crm.type, token),
    settings: config?.alerts ?? defaultAlerts(),
    freeBytes: freeBytes(dirname(ledgerPath)),
    changedNames: () => changedNames(shop),
    closedFiles: closedFiles(config),
    heldFiles: () => countHeld(shop.ledger),
    quietMs: quietTime(config),
    stateOf: (run) => (isGone(run) ? "died" : "working"),
  };
}

/** Looking must do without a token too: then only the company's budget is known. */
function tokenOf(config: Config): string {
  try {
    return readToken(config);
  } catch {
    return "";
  }
}

function freeBytes(folder: string): number | null {
  try {
    const { bavail, bsize, blocks } = statfsSync(folder);
    return blocks > 0 ? bavail * bsize : null;
  } catch {
    return null;
  }
}
