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
