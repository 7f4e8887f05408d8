/**
 * The transport: the only code that speaks HTTP, and the only importer of undici. One request, one exchange: no retry (undici's
 * RetryAgent would repeat writes), no redirect followed (the token must not go to another origin), a bound on time and size.
 */
import { lookup as dnsLookup, type LookupAddress, type LookupOptions } from "node:dns";
import { Agent, type Dispatcher, ProxyAgent } from "undici";
import type { HttpRequest, HttpResult, MayLeave, Transport } from "../domain/wire.ts";
import { createPrivateAddressTest } from "./address.ts";
import { BodyError, Reply } from "./body.ts";
import { type Flight, failureOf } from "./failure.ts";
import { bypassesProxy } from "./proxy.ts";

type LookupDone = (error: NodeJS.ErrnoException | null, address: string | LookupAddress[], family?: number) => void;
export type Lookup = (hostname: string, options: LookupOptions, done: LookupDone) => void;

export interface TransportOptions {
  userAgent: string;
  /** Time to connect, TLS included. Default 5000. */
  connectTimeoutMs?: number;
  /** Sockets for each origin. Default 64, the most requests in flight that the config allows. */
  connections?: number;
  /** Whether host names may lead to loopback and private addresses. Default false. Through a proxy, the proxy resolves. */
  allowPrivate?: boolean;
  /** For https; see `proxySettings`. */
  proxyUrl?: string;
  noProxy?: string;
  /** Resolves names; the system's resolver by default. */
  lookup?: Lookup;
}

export interface HttpClient {
  send: Transport;
  /** Waits for exchanges in flight, then closes the sockets. */
  close(): Promise<void>;
}

const CONNECT_TIMEOUT_MS = 5000;
const CONNECTIONS_MAX = 64;
const KEEP_ALIVE_MS = 10_000;

/** Certificates are always verified, also where NODE_TLS_REJECT_UNAUTHORIZED says otherwise. */
export function createTransport(options: TransportOptions): HttpClient {
  const timeout = options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS;
  const isPrivate = options.allowPrivate === true ? () => false : createPrivateAddressTest();
  const pool = {
    connections: options.connections ?? CONNECTIONS_MAX,
    pipelining: 1,
    keepAliveTimeout: KEEP_ALIVE_MS,
    // The one total time of a request bounds these.
    headersTimeout: 0,
    bodyTimeout: 0,
  };
  const connect = {
    timeout,
    rejectUnauthorized: true,
    lookup: guardedLookup(options.lookup ?? (dnsLookup as Lookup), isPrivate),
  };
  const direct = new Agent({ ...pool, connect });
  const tls = { timeout, rejectUnauthorized: true };
  const proxy =
    options.proxyUrl === undefined
      ? null
      : new ProxyAgent({ ...pool, uri: options.proxyUrl, requestTls: tls, proxyTls: tls });
  return {
    send: (request, mayLeave = () => true) =>
      exchange(request, options, (url) => choose(url, direct, proxy, options.noProxy, isPrivate), mayLeave),
    close: async () => {
      await Promise.all([direct.close(), proxy?.close()]);
    },
  };
}

function choose(
  url: URL,
  direct: Agent,
  proxy: ProxyAgent | null,
  noProxy: string | undefined,
  isPrivate: (address: string) => boolean,
): Dispatcher {
  if (proxy !== null && !bypassesProxy(url, noProxy)) return proxy;
  // A literal address is never looked up.
  if (isPrivate(url.hostname)) throw privateAddress();
  return direct;
}

async function exchange(
  request: HttpRequest,
  options: TransportOptions,
  dispatcherOf: (url: URL) => Dispatcher,
  mayLeave: MayLeave,
): Promise<HttpResult> {
  const flight: Flight = { started: false, answered: false, timedOut: false };
  const abort = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let host = "the request";
  // The client looks at the signal only once a socket is there; a request that waits for one must end in time too.
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      flight.timedOut = true;
      abort.abort();
      reject(abort.signal.reason);
    }, request.timeoutMs);
  });
  const departure = { flight, mayLeave, signal: abort.signal };
  try {
    const url = new URL(request.url);
    host = url.host;
    return await Promise.race([deadline, ask(url, request, options, dispatcherOf(url), departure)]);
  } catch (error) {
    if (error instanceof BodyError && !flight.timedOut)
      return { type: "failure", sent: "maybe", code: error.code, message: `${host}: ${error.message}` };
    return failureOf(error, flight, host);
  } finally {
    clearTimeout(timer);
  }
}

interface Departure {
  flight: Flight;
  mayLeave: MayLeave;
  /** What is under way when it aborts ends then; what still waits for a socket never leaves. */
  signal: AbortSignal;
}

function ask(
  url: URL,
  request: HttpRequest,
  options: TransportOptions,
  dispatcher: Dispatcher,
  { flight, mayLeave, signal }: Departure,
): Promise<HttpResult> {
  return new Promise((resolve, reject) => {
    const reply = new Reply(request.bytesMax, resolve, reject);
    dispatcher.dispatch(
      {
        origin: url.origin,
        path: `${url.pathname}${url.search}`,
        method: request.method as Dispatcher.HttpMethod,
        headers: { "user-agent": options.userAgent, "accept-encoding": "gzip", ...request.headers },
        body: request.body ?? null,
      },
      {
        // The moment at which a connected socket takes the request; until then nothing can have left.
        onRequestStart: (controller) => {
          if (signal.aborted) return controller.abort(signal.reason);
          if (!mayLeave()) return controller.abort(paused());
          flight.started = true;
          signal.addEventListener("abort", () => controller.abort(signal.reason), { once: true });
        },
        onResponseStart: (controller, status, headers) => {
          if (status < 200) return;
          flight.answered = true;
          reply.begin(controller, status, flatten(headers));
        },
        onResponseData: (_, chunk) => reply.take(chunk),
        onResponseEnd: () => reply.end(),
        onResponseError: (_, error) => reply.fail(error),
      },
    );
  });
}

function flatten(headers: Record<string, string | string[] | undefined>): Record<string, string> {
  const flat: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) flat[name.toLowerCase()] = Array.isArray(value) ? value.join(", ") : value;
  }
  return flat;
}

/** Checks each resolved address inside the connection's own look-up, so that no second look-up can differ from it. */
function guardedLookup(lookup: Lookup, isPrivate: (address: string) => boolean): Lookup {
  return (hostname, options, done) => {
    lookup(hostname, options, (error, found, family) => {
      if (error !== null) return done(error, found, family);
      const addresses = typeof found === "string" ? [found] : found.map((entry) => entry.address);
      if (addresses.some(isPrivate)) return done(privateAddress(), found, family);
      return done(null, found, family);
    });
  };
}

function paused(): NodeJS.ErrnoException {
  return Object.assign(new Error("it was too late for the request to leave"), { code: "PAUSED" });
}

function privateAddress(): NodeJS.ErrnoException {
  return Object.assign(new Error("the host's address is in a private network"), { code: "PRIVATE_ADDRESS" });
}
