import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it } from "vitest";
import { bypassesProxy, proxySettings } from "../../src/http/proxy.ts";
import { createTransport } from "../../src/http/transport.ts";

describe("the proxy", () => {
  it("is read from the environment, lower case first", () => {
    expect(proxySettings({ HTTPS_PROXY: "http://a:1", https_proxy: "http://b:2", NO_PROXY: "x" })).toEqual({
      proxyUrl: "http://b:2",
      noProxy: "x",
    });
    expect(proxySettings({ HTTPS_PROXY: "" })).toEqual({});
  });

  it.each([
    ["https://acme.pipedrive.com", undefined, false],
    ["https://acme.pipedrive.com", "", false],
    ["https://acme.pipedrive.com", "*", true],
    ["https://acme.pipedrive.com", "pipedrive.com", true],
    ["https://acme.pipedrive.com", ".pipedrive.com", true],
    ["https://acme.pipedrive.com", "*.pipedrive.com", true],
    ["https://acme.pipedrive.com", "other.com, ACME.pipedrive.com", true],
    ["https://acme.pipedrive.com", "drive.com", false],
    ["https://acme.pipedrive.com", "pipedrive.com:8443", false],
    ["https://acme.pipedrive.com:8443", "pipedrive.com:8443", true],
    ["http://localhost:3000", undefined, true],
  ])("for %s with NO_PROXY %s is passed by: %s", (url, noProxy, expected) => {
    expect(bypassesProxy(new URL(url), noProxy)).toBe(expected);
  });

  it("is asked for a tunnel, and its refusal means that nothing was sent", async () => {
    const tunnels: string[] = [];
    const proxy = createServer().on("connect", (request, socket) => {
      tunnels.push(request.url ?? "");
      socket.end("HTTP/1.1 403 Forbidden\r\n\r\n");
    });
    await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
    const { port } = proxy.address() as AddressInfo;
    const http = createTransport({ userAgent: "t", proxyUrl: `http://127.0.0.1:${port}` });
    const result = await http.send({
      method: "GET",
      url: "https://acme.pipedrive.com/api/v2/persons",
      headers: { "x-api-token": "secret" },
      timeoutMs: 3000,
      bytesMax: 1000,
    });
    expect(result).toMatchObject({ type: "failure", sent: "no" });
    expect(tunnels).toEqual(["acme.pipedrive.com:443"]);
    await http.close();
    proxy.close();
  });
});
