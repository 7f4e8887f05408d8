/** Fuzzes what a CRM answers: single replies over a real socket, and whole runs. */

import type { PackedRequest } from "../../../src/crm/adapter.ts";
import { pipedriveAdapter } from "../../../src/crm/pipedrive/adapter.ts";
import { withCredentials } from "../../../src/crm/wrappers/credentials.ts";
import { isWrite, type Outcome } from "../../../src/domain/operation.ts";
import type { HttpResult } from "../../../src/domain/wire.ts";
import { createTransport, type HttpClient } from "../../../src/http/transport.ts";
import { CANARY_TOKEN, tokenIn } from "../canary.ts";
import { goodReply, OPERATIONS, SESSION } from "../pipedrive-samples.ts";
import { type RawServer, rawServer } from "../raw-server.ts";
import type { Chance } from "./chance.ts";
import { type FuzzCase, type FuzzTarget, must } from "./fuzz-target.ts";
import { HOSTILE_NUMBERS, HOSTILE_TEXTS } from "./hostile-values.ts";
import { anyBytes, mutateBytes } from "./mutate-bytes.ts";
import { mutateJson, writeJson } from "./mutate-json.ts";
import { fuzzRun, makeRun } from "./run-target.ts";

/** The server closes when it has said everything: what comes late is the drip's test. */
const TIMEOUT_MS = 2_000;
const BYTES_MAX = 4 * 1024 * 1024;

export const REQUESTS: readonly PackedRequest[] = OPERATIONS.flatMap((operation) =>
  pipedriveAdapter.pack([operation], SESSION),
);

const STATUSES = [
  200, 200, 200, 201, 202, 204, 206, 299, 300, 302, 304, 400, 401, 402, 403, 404, 408, 409, 410, 413, 415, 422, 423,
  429, 429, 451, 499, 500, 501, 502, 503, 504, 520, 599, 600, 999, 99, 0,
];
const DATES = [
  "Fri, 20 Nov 2026 10:15:00 GMT",
  "Thu, 01 Jan 1970 00:00:00 GMT",
  "Fri, 31 Dec 9999 23:59:59 GMT",
  "tomorrow",
  "-1",
  "Infinity",
];
const COUNTS = [...HOSTILE_NUMBERS, "0", "1", "20", "-5", "99999999999999999999", "", "1,2", "2, 2", "two"];

function headersOf(chance: Chance): string[] {
  const some = (probability: number, header: () => string): string[] => (chance.maybe(probability) ? [header()] : []);
  return [
    ...some(
      0.8,
      () =>
        `content-type: ${chance.pick(["application/json; charset=utf-8", "text/html", "application/json; charset=utf-16", "", "x".repeat(5000)])}`,
    ),
    ...some(0.5, () => `date: ${chance.pick(DATES)}`),
    ...some(0.3, () => `retry-after: ${chance.pick([...COUNTS, ...DATES, "31536000"])}`),
    ...some(0.3, () => `x-ratelimit-limit: ${chance.pick(COUNTS)}`),
    ...some(0.3, () => `x-ratelimit-remaining: ${chance.pick(COUNTS)}`),
    ...some(0.3, () => `x-ratelimit-reset: ${chance.pick(COUNTS)}`),
    ...some(0.3, () => `x-daily-ratelimit-token-limit: ${chance.pick(COUNTS)}`),
    ...some(0.3, () => `x-daily-ratelimit-token-remaining: ${chance.pick(COUNTS)}`),
    ...some(0.1, () => `location: http://127.0.0.1:1/${CANARY_TOKEN}`),
    ...some(0.05, () => `set-cookie: ${chance.pick(HOSTILE_TEXTS).replaceAll(/[\r\n\0]/g, " ")}`),
    ...some(
      0.05,
      () => `content-encoding: ${chance.pick(["gzip", "br", "deflate", "zstd", "gzip, gzip", "identity", "x"])}`,
    ),
    ...some(0.03, () => `x-long: ${"y".repeat(chance.below(20_000))}`),
    ...some(0.02, () => Array.from({ length: 300 }, (_, index) => `x-${index}: 1`).join("\r\n")),
    ...some(0.03, () => "transfer-encoding: chunked"),
    ...some(0.03, () => `${chance.pick(["bad header", ": no name", "a b: c", "\u0000: x", " folded"])}`),
  ];
}

function bodyOf(request: PackedRequest, chance: Chance): Buffer {
  const good = goodReply(request).body;
  const change = chance.below(10);
  if (change < 5) return Buffer.from(writeJson(mutateJson(JSON.parse(good), chance), chance));
  if (change < 7) return mutateBytes(Buffer.from(good), chance, Buffer.from(goodReply(chance.pick(REQUESTS)).body));
  if (change === 7)
    return Buffer.from(`<html><body>${chance.pick(HOSTILE_TEXTS)} ${CANARY_TOKEN} ada@example.com</body></html>`);
  if (change === 8)
    return Buffer.from(
      JSON.stringify({
        success: false,
        error: `${chance.pick(HOSTILE_TEXTS)} ${CANARY_TOKEN}`,
        error_info: chance.pick(HOSTILE_TEXTS),
        code: chance.pick(["feature_capping_deals_limit", "ERR_X", 5, null]),
      }),
    );
  return anyBytes(chance);
}

function replyTo(request: PackedRequest, chance: Chance): Buffer {
  const status = chance.pick(STATUSES);
  const body = bodyOf(request, chance);
  const length = chance.maybe(0.85)
    ? [`content-length: ${chance.maybe(0.95) ? body.length : chance.pick([0, 1, body.length + 5, -1, "x", "1, 2"])}`]
    : [];
  const head = `HTTP/1.${chance.maybe(0.97) ? 1 : chance.pick(["0", "2", "x"])} ${String(status).padStart(3, "0")} ${chance.pick(["OK", "", "\u00ff"])}`;
  const whole = Buffer.concat([
    Buffer.from(`${[head, ...headersOf(chance), ...length].join("\r\n")}\r\n\r\n`, "latin1"),
    body,
  ]);
  return chance.maybe(0.05) ? mutateBytes(whole, chance, body) : whole;
}

/** What must hold of each reply, told from its bytes alone. */
function mustBeSound(request: PackedRequest, result: HttpResult, outcomes: readonly Outcome[]): void {
  must(outcomes.length === request.operations.length, "one outcome for each operation", outcomes);
  for (const outcome of outcomes) {
    must(tokenIn(JSON.stringify(outcome)).length === 0, "no token in an outcome", outcome);
    if (outcome.type === "applied") mustBeProved(request, result, outcome);
    if (result.type === "failure")
      must(
        outcome.type === (result.sent === "maybe" ? "uncertain" : "deferred"),
        "a lost answer is uncertain",
        outcome,
      );
    else if (result.status >= 200 && result.status < 300)
      must(outcome.type === "applied" || outcome.type === "uncertain", "a 2xx is no refusal", outcome);
    else if (result.status >= 500 || result.status === 408 || result.status < 200)
      must(outcome.type === "uncertain", "a failed server may have done it", outcome);
    else must(outcome.type !== "applied", "nothing but a 2xx is applied", outcome);
  }
}

function mustBeProved(
  request: PackedRequest,
  result: HttpResult,
  outcome: Extract<Outcome, { type: "applied" }>,
): void {
  must(result.type === "response" && result.status >= 200 && result.status < 300, "applied needs a 2xx", result);
  const body = JSON.parse(result.body) as { success?: unknown; data?: { id?: unknown } | null };
  must(body.success === true, "applied needs a reply that says success", result.body);
  const [operation] = request.operations;
  if (!request.write || operation === undefined) return;
  if (operation.type !== "createField" && operation.type !== "delete" && operation.type !== "merge")
    must(
      String(body.data?.id) === outcome.id && /^[1-9]\d*$/.test(String(outcome.id)),
      "applied names the record of the reply",
      { body, outcome },
    );
  if (operation.type === "update") must(outcome.id === operation.id, "an update is proved by its own record", outcome);
}

export function crmTarget(): FuzzTarget {
  let server: RawServer | null = null;
  let client: HttpClient | null = null;
  let reply: Buffer = Buffer.alloc(0);
  const close = async (): Promise<void> => {
    await server?.close();
    await client?.close();
    [server, client] = [null, null];
  };
  const exchange = async (request: PackedRequest, bytes: Buffer): Promise<HttpResult> => {
    server ??= await rawServer((socket) => void socket.end(reply));
    client ??= createTransport({ userAgent: "crmledger/fuzz", allowPrivate: true });
    reply = bytes;
    const url = new URL(request.http.url);
    const http = {
      ...request.http,
      url: `${server.url}${url.pathname}${url.search}`,
      timeoutMs: TIMEOUT_MS,
      bytesMax: BYTES_MAX,
    };
    const send = withCredentials(client.send, pipedriveAdapter, CANARY_TOKEN);
    return await send({ ...request, http });
  };
  return {
    name: "crm",
    makeCase(chance): FuzzCase {
      if (chance.maybe(0.02)) return makeRun(chance);
      const request = chance.below(REQUESTS.length);
      return { bytes: replyTo(REQUESTS[request]!, chance), params: { how: "reply", request } };
    },
    async run(one) {
      if (one.params.how === "run") return await fuzzRun(one);
      const request = REQUESTS[Number(one.params.request)]!;
      const result = await exchange(request, one.bytes);
      mustBeSound(request, result, pipedriveAdapter.classify(request, result, SESSION));
      for (const reading of pipedriveAdapter.limits(request, result)) {
        const numbers = Object.values(reading).filter((value) => typeof value === "number");
        must(
          numbers.every((value) => Number.isFinite(value) && value >= 0),
          "limits are numbers that can be counted with",
          reading,
        );
      }
      const serverMs = pipedriveAdapter.serverTimeMs(result);
      must(serverMs === null || Number.isFinite(serverMs), "the server's time is a time", serverMs);
      must(isWrite(request.operations[0]!) === request.write, "a write is known as one");
      must(!("polluted" in {}), "no prototype is changed");
    },
    renew: close,
    close,
  };
}
