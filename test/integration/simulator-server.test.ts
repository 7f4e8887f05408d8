import { connect } from "node:net";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { RunningServer } from "../../src/simulator/server.ts";
import { createSimulator, type Simulator } from "../../src/simulator/simulator.ts";
import { createSystemClock } from "../support/system-clock.ts";

let simulator: Simulator;
let server: RunningServer;

beforeEach(async () => {
  simulator = createSimulator({ clock: createSystemClock(100), limits: null });
  server = await simulator.serve();
});
afterEach(() => server.close());

const makePerson = (init: RequestInit = {}) =>
  fetch(`${server.url}/api/v2/persons`, {
    method: "POST",
    redirect: "manual",
    headers: { "x-api-token": "simulator-token", "content-type": "application/json", connection: "close" },
    body: JSON.stringify({ name: "Ada" }),
    ...init,
  });

/** Every byte that the server sends until the connection ends, and whether it ended with a reset. */
function rawExchange(): Promise<{ text: string; reset: boolean }> {
  const body = '{"name":"Ada"}';
  const head = [
    "POST /api/v2/persons HTTP/1.1",
    "Host: localhost",
    "X-Api-Token: simulator-token",
    "Content-Type: application/json",
    `Content-Length: ${body.length}`,
    "Connection: close",
  ];
  return new Promise((resolve) => {
    const socket = connect(server.port, "127.0.0.1");
    let text = "";
    let reset = false;
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1");
    });
    socket.on("error", () => {
      reset = true;
    });
    socket.on("close", () => resolve({ text, reset }));
    socket.write(`${head.join("\r\n")}\r\n\r\n${body}`);
  });
}

describe("the simulator's server", () => {
  it("speaks HTTP: status, headers, JSON; two requests on one connection", async () => {
    const made = await makePerson();
    expect(made.status).toBe(200);
    expect(made.headers.get("content-type")).toContain("application/json");
    expect(Date.parse(made.headers.get("date")!)).toBeGreaterThan(Date.now() - 60_000);
    const { data } = (await made.json()) as { data: { id: number } };
    const got = await fetch(`${server.url}/api/v2/persons/${data.id}`, {
      headers: { "x-api-token": "simulator-token" },
    });
    expect(((await got.json()) as { data: { name: string } }).data.name).toBe("Ada");
  });

  it("refuses without a token, and takes one as bearer", async () => {
    expect((await makePerson({ headers: { "content-type": "application/json" } })).status).toBe(401);
    const headers = { authorization: "Bearer simulator-token", "content-type": "application/json" };
    expect((await makePerson({ headers })).status).toBe(200);
  });

  it.each([
    ["resetBefore", 0],
    ["resetAfter", 1],
  ] as const)("%s: the connection is reset without a byte", async (kind, made) => {
    simulator.failNext({ kind });
    expect(await rawExchange()).toEqual({ text: "", reset: true });
    expect(simulator.records.persons).toHaveLength(made);
  });

  it("truncated: the head promises more than comes", async () => {
    simulator.failNext({ kind: "truncated" });
    const { text } = await rawExchange();
    const promised = Number(/content-length: (\d+)/i.exec(text)![1]);
    const came = text.slice(text.indexOf("\r\n\r\n") + 4);
    expect(came.length).toBe(Math.floor(promised / 2));
    expect(simulator.records.persons).toHaveLength(1);
  });

  it("drip: the whole reply comes, byte by byte", async () => {
    simulator.failNext({ kind: "drip" });
    const response = await makePerson();
    const sizes: number[] = [];
    for await (const chunk of response.body!) sizes.push(chunk.length);
    expect(sizes.length).toBeGreaterThan(20);
    expect(sizes.reduce((a, b) => a + b, 0)).toBe(Number(response.headers.get("content-length")));
  });

  it("hang: nothing comes until the client gives up, with and without the effect", async () => {
    for (const [kind, made] of [
      ["hang", 0],
      ["hangAfter", 1],
    ] as const) {
      simulator.failNext({ kind });
      const given = new AbortController();
      const before = simulator.requests.total;
      const answer = makePerson({ signal: given.signal });
      await vi.waitUntil(() => simulator.requests.total > before, { timeout: 120_000, interval: 1 });
      setTimeout(() => given.abort(), 100);
      await expect(answer).rejects.toThrow();
      expect(simulator.records.persons).toHaveLength(made);
    }
  });

  it("hugeBody: more than anyone wants to read", async () => {
    simulator.failNext({ kind: "hugeBody" });
    const response = await makePerson();
    let bytes = 0;
    for await (const chunk of response.body!) {
      bytes += chunk.length;
      if (bytes > 20_000_000) break;
    }
    expect(bytes).toBeGreaterThan(20_000_000);
  });

  it("redirect and HTML pages come as such", async () => {
    simulator.failNext({ kind: "redirect" });
    const away = await makePerson();
    expect([away.status, away.headers.get("location")]).toEqual([302, "https://login.example.com/"]);
    simulator.failNext({ kind: "html403" });
    const blocked = await makePerson();
    expect(blocked.headers.get("content-type")).toContain("text/html");
    expect(await blocked.text()).toContain("Error 1015");
  });

  it("frees its port on close, also with a request hanging", async () => {
    simulator.failNext({ kind: "hang" });
    const hanging = makePerson().then(
      () => "answered",
      () => "broken",
    );
    await expect.poll(() => simulator.requests.total).toBe(1);
    await server.close();
    expect(await hanging).toBe("broken");
    server = await simulator.serve({ port: server.port });
    expect((await makePerson()).status).toBe(200);
  });

  it("says so when the port is taken", async () => {
    await expect(simulator.serve({ port: server.port })).rejects.toThrow("EADDRINUSE");
  });
});
