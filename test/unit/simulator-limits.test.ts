import { describe, expect, it } from "vitest";
import { LITE_LIMITS } from "../../src/simulator/limits.ts";
import { simulated } from "../support/simulator.ts";

const limited = (extra: object = {}, options: object = {}) =>
  simulated({ limits: { ...LITE_LIMITS, ...extra }, ...options });

describe("the burst window", () => {
  it("lets 20 requests pass in any 2 s, refuses the 21st, and frees each slot one window after it was taken", async () => {
    const { call, clock, simulator } = limited();
    const get = async () => (await call("GET", "/api/v2/persons?limit=1")).status;
    for (let i = 0; i < 20; i++) {
      expect(await get()).toBe(200);
      await clock.advance(50);
    }
    expect(await get()).toBe(429);
    await clock.advance(999);
    expect(await get()).toBe(429);
    await clock.advance(1);
    expect(await get()).toBe(200);
    expect(await get()).toBe(429);
    expect(simulator.requests.limited).toEqual({ burst: 3, search: 0, daily: 0, injected: 0 });
    expect(simulator.requests.peakWindow).toBe(20);
  });

  it("tells limit, remaining and reset in every reply, and that there is nothing left in the refusal", async () => {
    const { call } = limited({ burst: 2 });
    const first = await call("GET", "/v1/users/me");
    expect(first.headers).toMatchObject({
      "x-ratelimit-limit": "2",
      "x-ratelimit-remaining": "1",
      "x-ratelimit-reset": "2",
    });
    await call("GET", "/v1/users/me");
    const refused = await call("GET", "/v1/users/me");
    expect(refused.json).toMatchObject({ success: false, error: "Request over limit" });
    expect(refused.headers["x-ratelimit-remaining"]).toBe("0");
    expect(refused.headers["x-daily-ratelimit-token-remaining"]).toBe("29996");
    expect(refused.headers.date).toBe("Tue, 24 Nov 2026 08:00:00 GMT");
  });

  it("is each credential's own", async () => {
    const { call } = limited({ burst: 1 }, { tokens: ["one", "two"] });
    expect((await call("GET", "/v1/users/me", undefined, { token: "one" })).json.data.id).toBe(71);
    expect((await call("GET", "/v1/users/me", undefined, { token: "one" })).status).toBe(429);
    expect((await call("GET", "/v1/users/me", undefined, { token: "two" })).json.data.id).toBe(72);
  });

  it("has a smaller one inside for searches", async () => {
    const { call, simulator } = limited();
    for (let i = 0; i < 10; i++) expect((await call("GET", "/api/v2/persons/search?term=ada")).status).toBe(200);
    expect((await call("GET", "/api/v2/itemSearch?term=ada")).status).toBe(429);
    expect((await call("GET", "/v1/users/me")).status).toBe(200);
    expect(simulator.requests.limited.search).toBe(1);
  });

  it("is shared with other clients of the same credential", async () => {
    const { call, clock } = limited({}, { others: { requestsPerSecond: 5, tokensPerSecond: 1 } });
    await clock.advance(60_000);
    const { headers } = await call("GET", "/v1/users/me");
    expect(Number(headers["x-ratelimit-remaining"])).toBe(9);
    expect(Number(headers["x-daily-ratelimit-token-remaining"])).toBe(30_000 - 60 - 2);
  });
});

describe("the day's tokens", () => {
  it("are charged by the vendor's table, refused and failed calls not", async () => {
    const { call, simulator } = limited();
    await call("POST", "/api/v2/persons", { name: "A" });
    await call("GET", "/api/v2/persons");
    await call("GET", "/api/v2/persons/1001");
    await call("POST", "/v1/notes", { content: "x", person_id: 1_001 });
    await call("GET", "/api/v2/persons/search?term=ada");
    await call("POST", "/api/v2/persons", { nope: 1 });
    await call("GET", "/api/v2/persons/999");
    expect(simulator.spentToday()).toBe(5 + 10 + 1 + 10 + 20);
    expect(simulator.requests.tokens).toBe(46);
    expect(simulator.requests.byStatus).toEqual({ 200: 5, 400: 1, 404: 1 });
  });

  it("end in 429 for every call, with 0 in the header, until midnight of the server's zone", async () => {
    const { call, clock, simulator } = limited({ dailyTokens: 25, zoneOffsetMinutes: -6 * 60 });
    for (let i = 0; i < 3; i++) expect((await call("GET", "/api/v2/persons")).status).toBe(200);
    const spent = await call("GET", "/v1/users/me");
    expect(spent.status).toBe(429);
    expect(spent.headers["x-daily-ratelimit-token-remaining"]).toBe("0");
    expect(spent.headers["x-ratelimit-remaining"]).not.toBe("0");
    await clock.advance(21 * 3_600_000 + 3_599_000);
    expect((await call("GET", "/v1/users/me")).status).toBe(429);
    await clock.advance(1_000);
    expect((await call("GET", "/v1/users/me")).status).toBe(200);
    expect(simulator.requests.limited.daily).toBe(2);
  });

  it("can be kept secret", async () => {
    const { call } = limited({ dailyHeaders: false });
    const { headers } = await call("GET", "/v1/users/me");
    expect(Object.keys(headers).filter((name) => name.startsWith("x-daily"))).toEqual([]);
  });
});

describe("who ignores refusals", () => {
  it("gets an HTML 403 after 50 of them in 10 s, for five minutes, whatever the pace then", async () => {
    const { call, clock, simulator } = limited({ burst: 1 });
    for (let i = 0; i < 52; i++) await call("GET", "/v1/users/me");
    const blocked = await call("GET", "/v1/users/me");
    expect(blocked.status).toBe(403);
    expect(blocked.headers["content-type"]).toContain("text/html");
    expect(blocked.text).toContain("Cloudflare");
    await clock.advance(60_000);
    expect((await call("GET", "/v1/users/me")).status).toBe(403);
    await clock.advance(240_000);
    expect((await call("GET", "/v1/users/me")).status).toBe(200);
    expect(simulator.requests.blocked).toBe(2);
  });
});

describe("time", () => {
  it("is the server's own: our wall clock may jump", async () => {
    const { call, clock } = limited({}, { clockSkewMs: 90_000 });
    const date = async () => (await call("GET", "/v1/users/me")).headers.date;
    expect(await date()).toBe("Tue, 24 Nov 2026 08:01:30 GMT");
    clock.jumpWall(-3_600_000);
    await clock.advance(1_000);
    expect(await date()).toBe("Tue, 24 Nov 2026 08:01:31 GMT");
  });

  it("passes on the way there and back", async () => {
    const { call, clock } = limited({}, { roundTripMs: { leastMs: 80, mostMs: 120 } });
    const started = clock.monoMs();
    await call("GET", "/v1/users/me");
    expect(clock.monoMs() - started).toBeGreaterThanOrEqual(80);
    expect(clock.monoMs() - started).toBeLessThanOrEqual(120);
  });
});
