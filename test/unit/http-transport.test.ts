import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { HttpRequest, HttpResult } from "../../src/domain/wire.ts";
import { createTransport, type HttpClient, type TransportOptions } from "../../src/http/transport.ts";
import { httpReply, type RawServer, rawServer } from "../support/raw-server.ts";
import { selfSigned } from "../support/self-signed.ts";

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

function client(options: Partial<TransportOptions> = {}): HttpClient {
  return createTransport({ userAgent: "crmledger/test", allowPrivate: true, connectTimeoutMs: 20_000, ...options });
}

async function server(answer: (socket: Socket, head: string) => void): Promise<RawServer> {
  const raw = await rawServer(answer);
  closers.push(raw.close);
  return raw;
}

const request = (url: string, more: Partial<HttpRequest> = {}): HttpRequest => ({
  method: "POST",
  url,
  headers: { "content-type": "application/json" },
  body: '{"a":1}',
  timeoutMs: 20_000,
  bytesMax: 1 << 20,
  ...more,
});

/** One exchange with a server that answers so. */
async function exchange(answer: (socket: Socket, head: string) => void, more: Partial<HttpRequest> = {}) {
  const raw = await server(answer);
  const http = client();
  const result = await http.send(request(raw.url, more));
  return { result, counts: raw.counts };
}

const failed = (sent: "no" | "maybe", code: string) => expect.objectContaining({ type: "failure", sent, code });

describe("an exchange", () => {
  it("brings status, headers in lower case and the body as text", async () => {
    let seen = "";
    const { result } = await exchange((socket, head) => {
      seen = head;
      socket.write(httpReply(201, { "X-Thing": "a", "Set-Cookie": "b=1" }, '{"name":"Jürgen"}'));
    });
    expect(result).toMatchObject({ type: "response", status: 201, body: '{"name":"Jürgen"}' });
    expect(result.type === "response" && result.headers["x-thing"]).toBe("a");
    expect(seen).toMatch(/^POST \/ HTTP\/1\.1/);
    expect(seen).toMatch(/user-agent: crmledger\/test/);
  });

  it("joins a header that comes several times", async () => {
    const { result } = await exchange((socket) => {
      socket.write("HTTP/1.1 200 OK\r\nvia: a\r\nvia: b\r\ncontent-length: 0\r\n\r\n");
    });
    expect(result).toMatchObject({ headers: { via: "a, b" }, body: "" });
  });

  it("keeps connections for later requests", async () => {
    const raw = await server((socket) => socket.write(httpReply(200, {}, "{}")));
    const http = client();
    for (let turn = 0; turn < 20; turn++) await http.send(request(raw.url));
    expect(raw.counts.requests).toBe(20);
    expect(raw.counts.connections).toBeLessThanOrEqual(2);
    await http.close();
  });

  const encodings = [
    ["gzip", gzipSync],
    ["deflate", deflateSync],
    ["br", brotliCompressSync],
  ] as const;
  it.each(encodings)("reads a body in %s", async (encoding, compress) => {
    const { result } = await exchange((socket) => {
      socket.write(httpReply(200, { "content-encoding": encoding }, compress("hello".repeat(1000))));
    });
    expect(result).toMatchObject({ type: "response", body: "hello".repeat(1000) });
  });

  it("does not follow a redirect, and sends nothing to where it points", async () => {
    const other = await server((socket) => socket.write(httpReply(200, {}, "{}")));
    for (const status of [301, 302, 303, 307, 308]) {
      const { result, counts } = await exchange((socket) => {
        socket.write(httpReply(status, { location: `${other.url}/steal` }, ""));
      });
      expect(result).toMatchObject({ type: "response", status });
      expect(counts.requests).toBe(1);
    }
    expect(other.counts.connections).toBe(0);
  });
});

describe("before anything was sent", () => {
  it("knows a refused connection", async () => {
    const raw = await server(() => {});
    await raw.close();
    expect(await client().send(request(raw.url))).toEqual(failed("no", "ECONNREFUSED"));
  });

  it("knows a name that does not resolve", async () => {
    const lookup: TransportOptions["lookup"] = (_host, _options, done) =>
      done(Object.assign(new Error("nope"), { code: "ENOTFOUND" }), []);
    expect(await client({ lookup }).send(request("http://crm.example.com"))).toEqual(failed("no", "ENOTFOUND"));
  });

  it("knows a connection that is not accepted in time", async () => {
    const lookup: TransportOptions["lookup"] = () => {};
    const http = client({ lookup, connectTimeoutMs: 200 });
    const result = await http.send(request("http://crm.example.com", { timeoutMs: 10_000 }));
    expect(result).toEqual(failed("no", "CONNECT_TIMEOUT"));
  });

  it("gives up a connection at the request's own time too", async () => {
    const lookup: TransportOptions["lookup"] = () => {};
    const result = await client({ lookup, connectTimeoutMs: 60_000 }).send(
      request("http://crm.example.com", { timeoutMs: 100 }),
    );
    expect(result).toEqual(failed("no", "TIMEOUT"));
  });

  it("sends nothing where it became too late while the connection opened", async () => {
    const raw = await server((socket) => socket.write(httpReply(200, {}, "{}")));
    let late = false;
    const lookup: TransportOptions["lookup"] = (_host, _options, done) => {
      late = true;
      done(null, [{ address: "127.0.0.1", family: 4 }]);
    };
    const http = client({ lookup });
    const url = raw.url.replace("127.0.0.1", "crm.example.com");
    expect(await http.send(request(url), () => !late)).toEqual(failed("no", "PAUSED"));
    expect(await http.send(request(url))).toMatchObject({ type: "response" });
    expect(raw.counts.requests).toBe(1);
  });

  it("ends a request that waits for a free connection at its own time, and never sends it later", async () => {
    let release = () => {};
    const raw = await server((socket) => {
      release = () => socket.write(httpReply(200, {}, "{}"));
    });
    const http = client({ connections: 1 });
    const first = http.send(request(raw.url));
    expect(await http.send(request(raw.url, { timeoutMs: 100 }))).toEqual(failed("no", "TIMEOUT"));
    release();
    expect(await first).toMatchObject({ status: 200 });
    await http.close();
    expect(raw.counts.requests).toBe(1);
  });

  it("never speaks to a server whose certificate nobody vouches for, whatever the environment says", async () => {
    vi.stubEnv("NODE_TLS_REJECT_UNAUTHORIZED", "0");
    let requests = 0;
    const tls = createHttpsServer(selfSigned("localhost"), () => (requests += 1));
    await new Promise<void>((resolve) => tls.listen(0, "127.0.0.1", resolve));
    closers.push(async () => void tls.close());
    const { port } = tls.address() as AddressInfo;
    const result = await client().send(request(`https://localhost:${port}`));
    expect(result).toEqual(failed("no", "DEPTH_ZERO_SELF_SIGNED_CERT"));
    expect(requests).toBe(0);
    vi.unstubAllEnvs();
  });

  it("refuses a header that would split the request", async () => {
    const raw = await server(() => {});
    const result = await client().send(request(raw.url, { headers: { "x-api-token": "a\r\nhost: evil" } }));
    expect(result).toEqual(failed("no", "INVALID_REQUEST"));
    expect(raw.counts.connections).toBe(0);
  });

  it("keeps out of the private network, also when the name's address changes between look-ups", async () => {
    const raw = await server((socket) => socket.write(httpReply(200, {}, "{}")));
    let asked = 0;
    // A rebinding resolver: the first answer is public, the second is this machine.
    const lookup: TransportOptions["lookup"] = (_host, _options, done) => {
      asked += 1;
      done(null, [{ address: asked === 1 ? "203.0.113.1" : "127.0.0.1", family: 4 }]);
    };
    const http = client({ allowPrivate: false, lookup, connectTimeoutMs: 100 });
    const url = `http://crm.example.com:${raw.port}`;
    const results = [await http.send(request(url, { timeoutMs: 300 })), await http.send(request(url))];
    expect(results[1]).toEqual(failed("no", "PRIVATE_ADDRESS"));
    expect(await http.send(request(raw.url))).toEqual(failed("no", "PRIVATE_ADDRESS"));
    expect(raw.counts.connections).toBe(0);
  });
});

describe("after the connection is up", () => {
  it("calls a reset before the reply maybe sent, and does not try again", async () => {
    const { result, counts } = await exchange((socket) => socket.resetAndDestroy());
    expect(result).toEqual(failed("maybe", "RESET"));
    expect(counts.requests).toBe(1);
  });

  it("does not repeat a request on a kept connection that the server closes", async () => {
    const raw = await server((socket, head) => {
      if (head.startsWith("GET")) socket.write(httpReply(200, {}, "{}"));
      else socket.destroy();
    });
    const http = client();
    await http.send(request(raw.url, { method: "GET", body: undefined }));
    expect(await http.send(request(raw.url))).toEqual(failed("maybe", "RESET"));
    expect(await http.send(request(raw.url, { method: "PUT" }))).toEqual(failed("maybe", "RESET"));
    expect(raw.counts.requests).toBe(3);
  });

  it("ends at the total time when the server says nothing", async () => {
    const results: HttpResult[] = [];
    // On a machine that is busy just then, the time may be over before the request left.
    for (const timeoutMs of [150, 1_500, 15_000]) {
      const { result, counts } = await exchange(() => {}, { timeoutMs });
      results.push(result);
      if (counts.requests > 0) break;
    }
    expect(results.pop()).toEqual(failed("maybe", "TIMEOUT"));
    expect(results).toEqual(results.map(() => failed("no", "TIMEOUT")));
  });

  it("ends at the total time when the server drips", async () => {
    const { result } = await exchange(
      (socket) => {
        // Whole after twenty seconds.
        socket.write("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n");
        const drip = setInterval(() => socket.write("x"), 20);
        socket.on("close", () => clearInterval(drip));
      },
      { timeoutMs: 1_000 },
    );
    expect(result).toEqual(failed("maybe", "TIMEOUT"));
  });

  it("calls a reply cut at any byte maybe sent, never a response", async () => {
    const whole = httpReply(200, { "content-type": "application/json" }, '{"success":true,"data":{"id":7}}');
    let end = 0;
    const raw = await server((socket) => socket.end(whole.subarray(0, end)));
    const http = client();
    const outcomes: HttpResult[] = [];
    for (end = 1; end < whole.length; end++) outcomes.push(await http.send(request(raw.url)));
    expect(outcomes.filter((result) => result.type !== "failure" || result.sent !== "maybe")).toEqual([]);
    end = whole.length;
    expect(await http.send(request(raw.url))).toMatchObject({ type: "response", status: 200 });
  });

  it.each(["gzip", "br"])("calls a cut %s body maybe sent", async (encoding) => {
    const bytes = (encoding === "gzip" ? gzipSync : brotliCompressSync)('{"success":true,"data":{"id":7}}');
    const { result } = await exchange((socket) => {
      socket.write(httpReply(200, { "content-encoding": encoding }, bytes.subarray(0, -6)));
    });
    expect(result).toMatchObject({ type: "failure", sent: "maybe" });
  });

  it("calls a chunked body without its end truncated", async () => {
    const { result } = await exchange((socket) => {
      socket.end("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n");
    });
    expect(result).toEqual(failed("maybe", "TRUNCATED"));
  });

  it("can't read what is no HTTP, or compressed in another way", async () => {
    expect((await exchange((socket) => socket.write("SSH-2.0-hello\r\n\r\n"))).result).toEqual(
      failed("maybe", "UNREADABLE"),
    );
    const { result } = await exchange((socket) => socket.write(httpReply(200, { "content-encoding": "zstd" }, "x")));
    expect(result).toEqual(failed("maybe", "UNREADABLE"));
    const broken = await exchange((socket) => socket.write(httpReply(200, { "content-encoding": "gzip" }, "not gzip")));
    expect(broken.result).toEqual(failed("maybe", "UNREADABLE"));
  });
});

describe("a reply that is too large", () => {
  const MEBIBYTE = 1 << 20;

  it("is cut off at the bound", async () => {
    let written = 0;
    const { result } = await exchange(
      (socket) => {
        socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${40 * MEBIBYTE}\r\n\r\n`);
        const block = Buffer.alloc(64 * 1024, "x");
        const pump = () => {
          while (!socket.destroyed && written < 40 * MEBIBYTE) {
            written += block.length;
            if (!socket.write(block)) return void socket.once("drain", pump);
          }
        };
        pump();
      },
      { bytesMax: 4 * MEBIBYTE },
    );
    expect(result).toEqual(failed("maybe", "TOO_LARGE"));
    expect(written).toBeLessThan(40 * MEBIBYTE);
  });

  it("counts after decompression, so that a bomb stays small", async () => {
    const bomb = gzipSync(Buffer.alloc(64 * MEBIBYTE));
    expect(bomb.length).toBeLessThan(MEBIBYTE);
    const before = process.memoryUsage().rss;
    const { result } = await exchange((socket) => socket.write(httpReply(200, { "content-encoding": "gzip" }, bomb)));
    expect(result).toEqual(failed("maybe", "TOO_LARGE"));
    expect(process.memoryUsage().rss - before).toBeLessThan(50 * MEBIBYTE);
  });

  it("takes one of exactly the bound", async () => {
    const { result } = await exchange((socket) => socket.write(httpReply(200, {}, "x".repeat(1000))), {
      bytesMax: 1000,
    });
    expect(result).toMatchObject({ type: "response", status: 200 });
  });
});
