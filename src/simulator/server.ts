/** The simulator on a real port of loopback. What goes wrong goes wrong on the socket. */
import { setMaxListeners } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Clock } from "../domain/clock.ts";
import type { Arrival, Delivery, Reply } from "./exchange.ts";
import { DRIP_MS_PER_BYTE, HUGE_BYTES, type Legs } from "./wire-time.ts";

export interface RunningServer {
  /** `http://127.0.0.1:PORT` */
  url: string;
  port: number;
  /** Breaks what is open and frees the port. */
  close(): Promise<void>;
}

export interface ServerParts {
  clock: Pick<Clock, "sleep">;
  takeLegs: () => Legs;
  onArrival: (arrival: Arrival) => Delivery;
}

const BODY_BYTES_MAX = 5_000_000;
const FILLER = Buffer.alloc(64 * 1024, " ");

/** @throws the system's error where the port can't be had. */
export async function serve(parts: ServerParts, where: { port?: number; host?: string }): Promise<RunningServer> {
  const host = where.host ?? "127.0.0.1";
  const closing = new AbortController();
  // Each request that is on its way listens to it, and there is no bound to those.
  setMaxListeners(0, closing.signal);
  const server = createServer((request, response) => {
    attend(parts, request, response, closing.signal).catch((error: unknown) => sayBug(response, error));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(where.port ?? 0, host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  const shown = host.includes(":") ? `[${host}]` : host;
  return { url: `http://${shown}:${port}`, port, close: () => close(server, closing) };
}

async function close(server: Server, closing: AbortController): Promise<void> {
  closing.abort();
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeAllConnections();
  await closed;
}

async function attend(
  parts: ServerParts,
  request: IncomingMessage,
  response: ServerResponse,
  signal: AbortSignal,
): Promise<void> {
  const body = await readBody(request);
  const { thereMs, backMs } = parts.takeLegs();
  if (thereMs > 0) await parts.clock.sleep(thereMs, signal);
  const headers = request.headers as Record<string, string | undefined>;
  const arrival = { method: request.method ?? "GET", target: request.url ?? "/", headers, body };
  const delivery = parts.onArrival(arrival);
  if (delivery.type === "hang") return;
  if (backMs > 0) await parts.clock.sleep(backMs, signal);
  if (!("reply" in delivery)) {
    request.socket.resetAndDestroy();
    return;
  }
  await write(parts, delivery.type, delivery.reply, response, signal);
}

/** What no fault asked for: a client that left, or a bug of the simulator, which must not look like a fault. */
function sayBug(response: ServerResponse, error: unknown): void {
  if (response.headersSent || response.destroyed) response.destroy();
  else response.writeHead(500, { "content-type": "text/plain" }).end(`The simulator failed: ${String(error)}\n`);
}

async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += (chunk as Buffer).length;
    if (bytes > BODY_BYTES_MAX) throw new Error("request too large");
    chunks.push(chunk as Buffer);
  }
  return bytes === 0 ? undefined : Buffer.concat(chunks).toString("utf8");
}

async function write(
  { clock }: ServerParts,
  type: Delivery["type"],
  { status, headers, body }: Reply,
  response: ServerResponse,
  signal: AbortSignal,
): Promise<void> {
  const bytes = Buffer.from(body, "utf8");
  const length = bytes.length + (type === "huge" ? HUGE_BYTES : 0);
  response.sendDate = false;
  response.writeHead(status, { ...headers, "content-length": String(length) });
  if (type === "truncated") {
    response.write(bytes.subarray(0, Math.floor(bytes.length / 2)), () => response.destroy());
  } else if (type === "drip") {
    for (let i = 0; i < bytes.length && !signal.aborted && !response.destroyed; i++) {
      response.write(bytes.subarray(i, i + 1));
      await clock.sleep(DRIP_MS_PER_BYTE, signal);
    }
    response.end();
  } else if (type === "huge") {
    for (let sent = 0; sent < HUGE_BYTES && !response.destroyed; sent += FILLER.length)
      if (!response.write(FILLER)) await drained(response);
    response.end(bytes);
  } else {
    response.end(bytes);
  }
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const go = () => {
      response.off("drain", go).off("close", go);
      resolve();
    };
    response.on("drain", go).on("close", go);
  });
}
