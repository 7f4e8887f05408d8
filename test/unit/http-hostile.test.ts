/** Servers that answer what no server should: each exchange ends, in time and in bounds, and is never taken for a good one. */
import type { Socket } from "node:net";
import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";
import { afterEach, describe, expect, it } from "vitest";
import type { HttpResult } from "../../src/domain/wire.ts";
import { createTransport } from "../../src/http/transport.ts";
import { CANARY_TOKEN, tokenIn } from "../support/canary.ts";
import { httpReply, type RawServer, rawServer } from "../support/raw-server.ts";

const MEBIBYTE = 1 << 20;
const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function serve(answer: (socket: Socket, head: string) => void): Promise<RawServer> {
  const server = await rawServer(answer);
  closers.push(server.close);
  return server;
}

async function ask(answer: (socket: Socket, head: string) => void, bytesMax = MEBIBYTE): Promise<HttpResult> {
  const server = await serve(answer);
  const client = createTransport({ userAgent: "crmledger/test", allowPrivate: true });
  closers.push(client.close);
  const headers = { "x-api-token": CANARY_TOKEN, "content-type": "application/json" };
  const result = await client.send({
    method: "POST",
    url: server.url,
    headers,
    body: "{}",
    timeoutMs: 5_000,
    bytesMax,
  });
  expect(tokenIn(JSON.stringify(result))).toEqual([]);
  return result;
}

const lost = expect.objectContaining({ type: "failure", sent: "maybe" });

describe("a compressed reply", () => {
  const bomb = Buffer.alloc(64 * MEBIBYTE);
  it.each([
    ["gzip", gzipSync(bomb)],
    ["deflate", deflateSync(bomb)],
    ["br", brotliCompressSync(bomb, { params: { 1: 1 } })],
  ])("that grows to 64 MiB ends at the bound: %s", async (encoding, bytes) => {
    const result = await ask((socket) => socket.write(httpReply(200, { "content-encoding": encoding }, bytes)));
    expect(result).toEqual(expect.objectContaining({ type: "failure", sent: "maybe", code: "TOO_LARGE" }));
  });

  it("of two layers ends at the bound too, and of more is not unpacked", async () => {
    const layers = (count: number): string => Array.from({ length: count }, () => "gzip").join(", ");
    const twice = httpReply(200, { "content-encoding": layers(2) }, gzipSync(gzipSync(bomb)));
    expect(await ask((socket) => socket.write(twice))).toMatchObject({ sent: "maybe", code: "TOO_LARGE" });
    const many = httpReply(200, { "content-encoding": layers(1000) }, gzipSync("{}"));
    expect(await ask((socket) => socket.write(many))).toMatchObject({ sent: "maybe", code: "UNREADABLE" });
  });
});

describe("a reply that is no HTTP, or two at once", () => {
  const ok = '{"success":true,"data":{"id":7}}';
  it.each([
    ["two lengths", `HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 32\r\n\r\n${ok}`],
    [
      "a length and chunks",
      `HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n20\r\n${ok}\r\n0\r\n\r\n`,
    ],
    ["a negative length", `HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n${ok}`],
    ["a length in words", `HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n${ok}`],
    ["a length with a sign", `HTTP/1.1 200 OK\r\ncontent-length: +32\r\n\r\n${ok}`],
    ["a chunk of absurd size", `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\n${ok}`],
    ["a chunk whose size is none", `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n${ok}`],
    ["a header without a name", `HTTP/1.1 200 OK\r\n: x\r\ncontent-length: 32\r\n\r\n${ok}`],
    ["a blank in a header's name", `HTTP/1.1 200 OK\r\nx y: 1\r\ncontent-length: 32\r\n\r\n${ok}`],
    ["a zero byte in a header", `HTTP/1.1 200 OK\r\nx: \0\r\ncontent-length: 32\r\n\r\n${ok}`],
    ["no status", `HTTP/1.1 OK\r\ncontent-length: 32\r\n\r\n${ok}`],
    ["a version that is none", `HTTP/9.9 200 OK\r\ncontent-length: 32\r\n\r\n${ok}`],
    ["another protocol", "220 smtp.example.com ESMTP\r\n"],
    ["nothing", ""],
  ])("with %s is lost, never a success", async (_what, text) => {
    expect(await ask((socket) => socket.end(text))).toEqual(lost);
  });

  it("a second reply behind the first is given to nobody", async () => {
    const forged = httpReply(200, {}, '{"success":true,"data":{"id":666}}');
    const server = await serve((socket) => socket.write(Buffer.concat([httpReply(200, {}, ok), forged])));
    const client = createTransport({ userAgent: "crmledger/test", allowPrivate: true, connections: 1 });
    closers.push(client.close);
    const request = {
      method: "POST",
      url: server.url,
      headers: {},
      body: "{}",
      timeoutMs: 2_000,
      bytesMax: 1000,
    } as const;
    const results = [await client.send(request), await client.send(request)];
    expect(JSON.stringify(results)).not.toMatch(/:666\}/);
  });

  it.each([
    ["one of a megabyte", `x: ${"y".repeat(MEBIBYTE)}\r\n`],
    ["a hundred thousand", "x: y\r\n".repeat(100_000)],
  ])("a flood of headers is not kept: %s", async (_what, headers) => {
    expect(await ask((socket) => socket.end(`HTTP/1.1 200 OK\r\n${headers}content-length: 2\r\n\r\n{}`))).toEqual(lost);
  });

  it("interim replies without end stop at the total time", async () => {
    const result = await ask((socket) => {
      const drip = setInterval(() => socket.write("HTTP/1.1 103 Early Hints\r\n\r\n"), 5);
      socket.on("close", () => clearInterval(drip));
    });
    expect(result).toEqual(lost);
  }, 180_000);
});
