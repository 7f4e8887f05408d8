import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { pipedriveAdapter } from "../../src/crm/pipedrive/adapter.ts";
import { adapterOf } from "../../src/crm/registry.ts";
import { withCredentials } from "../../src/crm/wrappers/credentials.ts";
import { createRedactor } from "../../src/crm/wrappers/redactor.ts";
import type { HttpRequest, HttpResult } from "../../src/domain/wire.ts";
import { OPERATIONS, SESSION } from "../support/pipedrive-samples.ts";

describe("withCredentials", () => {
  it("adds the token to what is sent and leaves the packed request without it", async () => {
    const sent: HttpRequest[] = [];
    const send = withCredentials(
      async (request) => {
        sent.push(request);
        return { type: "failure", sent: "no", code: "X", message: "" };
      },
      pipedriveAdapter,
      "0123456789abcdef",
    );
    const [packed] = pipedriveAdapter.pack(OPERATIONS, SESSION);
    await send(packed!);
    expect(sent[0]?.headers["x-api-token"]).toBe("0123456789abcdef");
    expect(sent[0]?.headers.accept).toBe("application/json");
    expect(JSON.stringify(packed)).not.toContain("0123456789abcdef");
  });
});

describe("what comes back", () => {
  const secret = "0123456789abcdef";
  const [packed] = pipedriveAdapter.pack(OPERATIONS, SESSION);

  const replies: HttpResult[] = [
    { type: "failure", sent: "maybe", code: "RESET", message: `reset at x?api_token=${secret}` },
    { type: "response", status: 400, headers: { "x-echo": secret }, body: `{"error":"bad token ${secret}"}` },
    { type: "response", status: 200, headers: {}, body: `{"data":{"name":"${secret}"}}` },
  ];

  it.each(replies)("never holds the token: $type", async (reply) => {
    const send = withCredentials(async () => reply, pipedriveAdapter, secret);
    const got = await send(packed!);
    expect(JSON.stringify(got)).toBe(JSON.stringify(reply).replaceAll(secret, "[redacted]"));
  });
});

describe("the redactor of a long token", () => {
  const token = ["7f3a91c05be2468d", "9e17a2b34c56d78f", "90ab12cd"].join("");
  const address = "https://hooks.example.com/services/T024/B031/wXyZ0123456789abcdefghij";
  const redact = createRedactor([token, address]);

  it.each([12, 13, 20, 39])("takes out %i characters of its beginning or end, however the text goes on", (length) => {
    for (const part of [token.slice(0, length), token.slice(-length)]) {
      expect(redact(`invalid token "${part}..."`)).toBe('invalid token "[redacted]..."');
      expect(redact(`${part}z`)).toBe("[redacted]z");
      expect(redact(encodeURIComponent(`="${part}`))).toBe(`${encodeURIComponent('="')}[redacted]`);
    }
    const base64 = Buffer.from(`user:${token.slice(0, length + 8)}`).toString("base64");
    expect(redact(base64)).toContain("[redacted]");
  });

  it("leaves what only begins or ends alike, and of an address what many share", () => {
    expect(redact(`${token.slice(0, 11)} ${token.slice(-11)}`)).toBe(`${token.slice(0, 11)} ${token.slice(-11)}`);
    expect(redact("https://hooks.example.com/help")).toBe("https://hooks.example.com/help");
    expect(redact(`see ${address} or ...${address.slice(-20)}`)).toBe("see [redacted] or ...[redacted]");
  });

  it("looks at a page of records in no time", () => {
    const page = "7f3a91c05be".repeat(100_000);
    expect(redact(page)).toBe(page);
    expect(redact(`${token.slice(0, 12)}${page}`)).toBe(`[redacted]${page}`);
  });
});

describe("the redactor", () => {
  const token = 'to/k+en=0123 456789"abc';
  const redact = createRedactor([token, "", "short"]);

  it("takes the token out in every form that it may come back in", () => {
    const forms = [
      token,
      encodeURIComponent(token),
      encodeURIComponent(token).toLowerCase().replace("0123", "0123"),
      encodeURIComponent(token).replaceAll("%20", "+"),
      JSON.stringify(token),
      Buffer.from(token).toString("base64"),
      Buffer.from(token).toString("base64url"),
      Buffer.from(`user:${token}`).toString("base64"),
      Buffer.from(`me:${token}:x`).toString("base64"),
    ];
    for (const form of forms) {
      const redacted = redact(`before ${form} after`);
      expect(redacted).toMatch(/^before .*\[redacted\].* after$/);
      expect(redacted.length).toBeLessThan(`before ${form} after`.length);
    }
  });

  it("takes it out wherever it stands in base64 text", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 20 }), fc.string({ maxLength: 20 }), (before, after) => {
        const text = Buffer.from(`${before}${token}${after}`).toString("base64");
        const left = redact(text).split("[redacted]");
        expect(left.length).toBe(2);
        // What is left decodes to the surroundings, and to no more than two characters of the token.
        expect(Buffer.from(left[0] ?? "", "base64").toString("latin1")).not.toContain(token.slice(0, 3));
      }),
    );
  });

  it("leaves other text alone, and short or empty secrets too", () => {
    expect(redact("a short text")).toBe("a short text");
    expect(createRedactor([])("x")).toBe("x");
  });
});

describe("the registry", () => {
  it("knows Pipedrive, and names what it knows when asked for another", () => {
    expect(adapterOf("pipedrive").vendor).toBe("pipedrive");
    expect(() => adapterOf("constructor")).toThrow(
      expect.objectContaining({ code: "configInvalid", hint: expect.stringContaining("pipedrive") }),
    );
  });
});
