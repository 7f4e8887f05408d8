/**
 * What every adapter promises, whatever its vendor. A few lines per vendor run it: see adapter-pipedrive.test.ts and
 * docs/adapters/writing-an-adapter.md.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { CrmAdapter, CrmSession, PackedRequest } from "../../src/crm/adapter.ts";
import type { FieldDef } from "../../src/domain/catalog.ts";
import type { Operation, Outcome, Ref } from "../../src/domain/operation.ts";
import { OPERATION_GROUPS } from "../../src/domain/operation.ts";
import type { HttpFailure, HttpResponse } from "../../src/domain/wire.ts";

export interface AdapterUnderTest {
  name: string;
  adapter: CrmAdapter;
  session: CrmSession;
  /** One of each kind that the adapter takes, with distinct keys, parents first. */
  operations: readonly Operation[];
  /** What the vendor answers when all goes well. */
  reply(request: PackedRequest): HttpResponse | Promise<HttpResponse>;
  /** Names of the headers that carry limits. */
  limitHeaders: readonly string[];
  /** A text field. */
  textField: FieldDef;
}

const WRITES: readonly Operation["type"][] = ["create", "update", "merge", "delete", "createField"];
const SECRET = "s3cr3t-t0ken-0123456789abcdef";
/** Longer replies are cut at a sample of offsets, so that the suite stays quick. */
const OFFSETS_MAX = 400;

const response = (status: number, body: string, headers: Record<string, string> = {}): HttpResponse => ({
  type: "response",
  status,
  headers: { "content-type": "application/json", ...headers },
  body,
});
const failure = (sent: HttpFailure["sent"], code: string): HttpFailure => ({
  type: "failure",
  sent,
  code,
  message: code,
});
const certain = (outcome: Outcome): boolean => outcome.type === "applied" || outcome.type === "refused";
const refKeys = (operation: Operation): string[] =>
  operation.type === "create" || operation.type === "update"
    ? Object.values(operation.links).flatMap((ref: Ref) => ("op" in ref ? [ref.op] : []))
    : [];

/** Without what names an operation that was not chosen. */
function withParents(chosen: readonly Operation[]): Operation[] {
  const kept: Operation[] = [];
  for (const operation of chosen)
    if (refKeys(operation).every((key) => kept.some((parent) => parent.key === key))) kept.push(operation);
  return kept;
}

export function adapterSuite(under: AdapterUnderTest): void {
  describe(`adapter contract: ${under.name}`, () => {
    packing(under);
    certainty(under);
    refusals(under);
    limits(under);
    values(under);
  });
}

function packing({ adapter, session, operations }: AdapterUnderTest): void {
  it("packs every operation into exactly one request, parents before children", () => {
    fc.assert(
      fc.property(fc.subarray([...operations]), (chosen) => {
        const some = withParents(chosen);
        const packed = adapter.pack(some, session).flatMap((request) => request.operations);
        expect(new Set(packed)).toEqual(new Set(some));
        expect(packed).toHaveLength(some.length);
        for (const [index, operation] of packed.entries())
          for (const key of refKeys(operation))
            expect(packed.slice(0, index).map((parent) => parent.key)).toContain(key);
      }),
    );
  });

  it("packs the same operations into the same requests", () => {
    expect(adapter.pack(operations, session)).toEqual(adapter.pack(operations, session));
  });

  it("declares what each request costs and whether it changes anything", () => {
    const known = adapter.capabilities.buckets.map((bucket) => bucket.name);
    for (const request of adapter.pack(operations, session)) {
      expect(known).toEqual(expect.arrayContaining(request.charges.map((charge) => charge.bucket)));
      for (const charge of request.charges) expect(charge.amount).toBeGreaterThan(0);
      const writes = request.operations.some((op) => WRITES.includes(op.type));
      expect(request.write).toBe(writes);
      expect(OPERATION_GROUPS).toContain(request.group);
      expect(request.operations.length).toBeLessThanOrEqual(adapter.capabilities.packMax);
      expect(request.http.timeoutMs).toBe(session.timeoutMs);
    }
  });

  it("goes to the base URL only, and keeps ids and values out of the route", () => {
    for (const { http, route } of adapter.pack(operations, session)) {
      expect(new URL(http.url).origin).toBe(new URL(session.baseUrl).origin);
      expect(route).toMatch(/^\/[\w/:.-]*$/);
      expect(route.split("/")).not.toContainEqual(expect.stringMatching(/^\d+$/));
    }
  });

  it("puts no credential into a request that may be stored", () => {
    const headers = adapter.authorize(SECRET);
    expect(Object.values(headers).join()).toContain(SECRET);
    for (const request of adapter.pack(operations, session))
      for (const name of Object.keys(headers)) expect(Object.keys(request.http.headers)).not.toContain(name);
  });

  it("is plain data, so that a request can be stored", () => {
    const requests = adapter.pack(operations, session);
    expect(JSON.parse(JSON.stringify(requests))).toEqual(requests);
  });
}

function certainty({ adapter, session, operations, reply }: AdapterUnderTest): void {
  const requests = adapter.pack(operations, session);

  it("takes a merge and a delete among its operations", () => {
    expect(operations.map(({ type }) => type)).toEqual(expect.arrayContaining(["merge", "delete"]));
  });

  it("says applied for a good reply, with the id of what was written", async () => {
    for (const request of requests) {
      const outcomes = adapter.classify(request, await reply(request), session);
      expect(outcomes).toHaveLength(request.operations.length);
      for (const [index, outcome] of outcomes.entries()) {
        expect([request.operations[index], outcome]).toEqual([
          expect.anything(),
          expect.objectContaining({ type: "applied" }),
        ]);
        const { type } = request.operations[index]!;
        if (type === "create" || type === "update") expect(outcome).toHaveProperty("id", expect.stringMatching(/./));
        const operation = request.operations[index]!;
        if (operation.type === "merge") expect(outcome).toHaveProperty("id", operation.into);
        if (operation.type === "delete") expect(outcome).toHaveProperty("id", operation.id);
      }
    }
  });

  it("never calls a reply that was cut anywhere applied or refused", async () => {
    for (const request of requests) {
      const whole = await reply(request);
      const step = Math.max(1, Math.floor(whole.body.length / OFFSETS_MAX));
      for (let end = 0; end < whole.body.length; end += step) {
        const outcomes = adapter.classify(request, { ...whole, body: whole.body.slice(0, end) }, session);
        expect(outcomes.filter(certain)).toEqual([]);
      }
    }
  });

  it("calls a 2xx that can't be read uncertain", () => {
    const bodies = ["", "null", "[]", "{}", '"ok"', "<html>", '{"success":true}', '{"success":true,"data":null}'];
    const ids = [null, 0, -1, "", "7", 1.5, 2 ** 53, {}, []];
    bodies.push(
      ...ids.map((id) => JSON.stringify({ success: true, data: { id }, results: [{ ref: "x", status: "ok", id }] })),
    );
    for (const request of requests.filter((candidate) => candidate.write))
      for (const body of bodies)
        for (const status of [200, 201, 202, 204, 207])
          for (const outcome of adapter.classify(request, response(status, body), session))
            expect([body, outcome]).toEqual([body, expect.objectContaining({ type: "uncertain" })]);
  });

  it("gives one outcome for each operation, whatever comes", () => {
    const anything = fc.oneof(fc.string(), fc.json(), fc.constantFrom("<html>", "{", '{"success":false,"error":{}}'));
    fc.assert(
      fc.property(
        fc.constantFrom(...requests),
        fc.integer({ min: 100, max: 599 }),
        anything,
        (request, status, body) => {
          const outcomes = adapter.classify(request, response(status, body), session);
          expect(outcomes).toHaveLength(request.operations.length);
          if (status < 200 || status >= 300) expect(outcomes.some((outcome) => outcome.type === "applied")).toBe(false);
          if (status < 300 || status >= 500) expect(outcomes.some((outcome) => outcome.type === "refused")).toBe(false);
        },
      ),
      { numRuns: 500 },
    );
  });

  it("tells what was never sent from what may have been", () => {
    for (const request of requests) {
      for (const outcome of adapter.classify(request, failure("no", "ECONNREFUSED"), session))
        expect(outcome).toMatchObject({ type: "deferred", reason: "unsent" });
      for (const code of ["TIMEOUT", "RESET", "TRUNCATED", "TOO_LARGE"])
        for (const outcome of adapter.classify(request, failure("maybe", code), session))
          expect(outcome).toMatchObject({ type: "uncertain", code });
    }
  });
}

const HTML = "<!doctype html><title>Access denied</title>";
const ERROR = '{"success":false,"error":"no"}';
const CAP = '{"success":false,"error":"limit","code":"feature_capping_deals_limit"}';
const REFUSALS: readonly { what: string; reply: HttpResponse; outcome: object }[] = [
  {
    what: "a bad token",
    reply: response(401, ERROR),
    outcome: { type: "refused", hold: { kind: "credentials", scope: "credential" } },
  },
  {
    what: "an unpaid account",
    reply: response(402, ERROR),
    outcome: { type: "refused", hold: { kind: "credentials", scope: "credential" } },
  },
  {
    what: "a block page",
    reply: response(403, HTML),
    outcome: { type: "refused", hold: { kind: "blocked", scope: "account" } },
  },
  { what: "a plan's cap", reply: response(403, CAP), outcome: { type: "refused", hold: { kind: "planCap" } } },
  {
    what: "a redirect",
    reply: response(302, "", { location: "https://elsewhere.example.com" }),
    outcome: { type: "refused", hold: { kind: "outage", scope: "account" } },
  },
  { what: "a validation error", reply: response(400, ERROR), outcome: { type: "refused" } },
  { what: "an unprocessable request", reply: response(422, ERROR), outcome: { type: "refused" } },
  { what: "a burst", reply: response(429, ERROR), outcome: { type: "deferred", reason: "burst" } },
  { what: "a request timeout", reply: response(408, ERROR), outcome: { type: "uncertain" } },
  { what: "a server error", reply: response(500, ERROR), outcome: { type: "uncertain" } },
  { what: "a gateway error", reply: response(502, HTML), outcome: { type: "uncertain" } },
  { what: "maintenance", reply: response(503, ERROR, { "retry-after": "5" }), outcome: { type: "uncertain" } },
];

function refusals({ adapter, session, operations }: AdapterUnderTest): void {
  const requests = adapter.pack(operations, session);
  it.each(REFUSALS)("knows $what ($reply.status)", ({ reply, outcome }) => {
    for (const request of requests)
      for (const got of adapter.classify(request, reply, session)) expect(got).toMatchObject(outcome);
  });

  it("holds no group but the refused one for a plan's cap, and nothing for another 403", () => {
    for (const request of requests) {
      const [capped] = adapter.classify(request, response(403, CAP), session);
      expect(capped).toMatchObject({ hold: { scope: `group:${request.group}` } });
      const [forbidden] = adapter.classify(request, response(403, ERROR), session);
      expect(forbidden).not.toHaveProperty("hold");
    }
  });
}

function limits({ adapter, session, operations, limitHeaders, reply }: AdapterUnderTest): void {
  const requests = adapter.pack(operations, session);
  const junk = fc.oneof(
    fc.string(),
    fc.constantFrom(
      "-1",
      "NaN",
      "1e9",
      "0x10",
      "Infinity",
      " ",
      "3.5",
      "99999999999999999999",
      "Wed, 21 Oct 2026 07:28:00 GMT",
    ),
    fc.integer().map(String),
  );

  it("never throws on headers, and reads nothing but whole counts from them", () => {
    const headers = fc.dictionary(fc.constantFrom(...limitHeaders, "retry-after", "date"), junk);
    fc.assert(
      fc.property(fc.constantFrom(...requests), fc.constantFrom(200, 429, 503), headers, (request, status, found) => {
        const result = { ...response(status, "{}"), headers: found };
        for (const { bucket, exceeded: _, ...numbers } of adapter.limits(request, result)) {
          expect(adapter.capabilities.buckets.map((known) => known.name)).toContain(bucket);
          for (const value of Object.values(numbers))
            expect(value).toSatisfy((n: number) => Number.isFinite(n) && n >= 0);
        }
        adapter.classify(request, result, session);
        expect(adapter.serverTimeMs(result) ?? 0).toSatisfy(Number.isFinite);
      }),
    );
  });

  it("reads nothing from a reply that says nothing, or that never came", () => {
    for (const request of requests) {
      expect(adapter.limits(request, { ...response(200, "{}"), headers: {} })).toEqual([]);
      expect(adapter.limits(request, failure("maybe", "TIMEOUT"))).toEqual([]);
    }
  });

  it("reads the server's clock in whole seconds", async () => {
    const good = await reply(requests[0]!);
    const dated = { ...good, headers: { ...good.headers, date: "Wed, 21 Oct 2026 07:28:00 GMT" } };
    expect(adapter.serverTimeMs(dated)).toBe(Date.UTC(2026, 9, 21, 7, 28));
  });
}

function values({ adapter, session, operations, reply, textField }: AdapterUnderTest): void {
  it("finds a write's values in the record that it made", async () => {
    let seen = 0;
    for (const request of adapter.pack(operations, session).filter((candidate) => candidate.write)) {
      const outcomes = adapter.classify(request, await reply(request), session);
      for (const [index, operation] of request.operations.entries()) {
        const outcome = outcomes[index]!;
        if (operation.type !== "create" || operation.entity === "note") continue;
        if (outcome.type !== "applied" || !outcome.record) continue;
        const { entity, values: wanted } = operation;
        expect(adapter.contains(outcome.record, { entity, values: wanted, links: {} }, session.catalog)).toBe(true);
        const other = { ...wanted, fields: { ...wanted.fields, [textField.code]: "something else" } };
        expect(adapter.contains(outcome.record, { entity, values: other, links: {} }, session.catalog)).toBe(false);
        seen += 1;
      }
    }
    expect(seen).toBeGreaterThan(0);
  });

  it("encodes an empty value as nothing to write, and a text as itself", () => {
    for (const empty of [null, undefined, ""])
      expect(adapter.codec.encode(textField, empty, session.catalog)).toEqual({ ok: true, value: undefined });
    const encoded = adapter.codec.encode(textField, "Analyst", session.catalog);
    expect(encoded.ok && adapter.codec.equal(textField, encoded.value, " Analyst ")).toBe(true);
    expect(encoded.ok && adapter.codec.display(textField, encoded.value, session.catalog)).toBe("Analyst");
  });

  it("knows its own note again, and no other", () => {
    expect(adapter.sameNote("Call me.", "Call me.", "text")).toBe(true);
    expect(adapter.sameNote("Call me.", "Call him.", "text")).toBe(false);
  });

  it("links to records over https, or not at all", () => {
    for (const entity of ["person", "organization", "deal", "note"] as const)
      expect(adapter.link(entity, "7", session) ?? "https://").toMatch(/^https:\/\//);
  });
}
