import { describe, expect, it } from "vitest";
import { FAULT_KINDS, FAULT_PRESETS, type FaultKind } from "../../src/simulator/fault-plan.ts";
import { LITE_LIMITS } from "../../src/simulator/limits.ts";
import { simulated } from "../support/simulator.ts";

const MAKE = { name: "Ada" };

describe("faults by order", () => {
  it.each<[FaultKind, number | string, number]>([
    ["rateLimit429", 429, 0],
    ["error500Before", 500, 0],
    ["error500After", 500, 1],
    ["error503", 503, 0],
    ["resetBefore", "RESET", 0],
    ["resetAfter", "RESET", 1],
    ["hang", "TIMEOUT", 0],
    ["hangAfter", "TIMEOUT", 1],
    ["lateApply", 504, 0],
    ["truncated", "TRUNCATED", 1],
    ["garbage2xx", 200, 1],
    ["html2xx", 200, 1],
    ["html403", 403, 0],
    ["unauthorized", 401, 0],
    ["paymentRequired", 402, 0],
    ["drip", "TIMEOUT", 1],
    ["redirect", 302, 0],
    ["hugeBody", "TOO_LARGE", 1],
    ["duplicateDelivery", 200, 2],
  ])("%s shows %s and leaves %i records", async (kind, shown, made) => {
    const { call, simulator } = simulated();
    simulator.failNext({ kind, ms: 60_000 });
    const said = await call("POST", "/api/v2/persons", MAKE);
    expect(said.failure?.code ?? said.status).toBe(shown);
    if (said.failure) expect(said.failure.sent).toBe("maybe");
    expect(simulator.records.persons).toHaveLength(made);
    expect(simulator.log).toHaveLength(made);
    expect((await call("GET", "/v1/users/me")).status).toBe(200);
  });

  it("planCap waits for a request that makes a deal", async () => {
    const { call, simulator } = simulated();
    simulator.failNext({ kind: "planCap" });
    expect((await call("POST", "/api/v2/persons", MAKE)).status).toBe(200);
    const refused = await call("POST", "/api/v2/deals", { title: "T" });
    expect([refused.status, refused.json.code]).toEqual([403, "feature_capping_deals_limit"]);
  });

  it("garbled replies are no JSON, a page is HTML, 401 has the gateway's own words", async () => {
    const { call, simulator } = simulated();
    for (const kind of ["garbage2xx", "html2xx", "unauthorized"] as const) simulator.failNext({ kind });
    expect((await call("POST", "/api/v2/persons", MAKE)).json).toBeNull();
    const page = await call("POST", "/api/v2/persons", MAKE);
    expect([page.json, page.headers["content-type"]]).toEqual([null, "text/html; charset=UTF-8"]);
    const { json } = await call("GET", "/v1/users/me");
    expect(json).toMatchObject({ success: false, error: "unauthorized access", errorCode: 401 });
  });

  it("a late effect comes at its time, and not if what it needs is gone by then", async () => {
    const { call, simulator, clock } = simulated();
    simulator.failNext({ kind: "lateApply", ms: 60_000, times: 2 });
    const { id } = simulator.addPerson({ name: "Mary" });
    await call("POST", "/api/v2/persons", MAKE);
    await call("PATCH", `/api/v2/persons/${id}`, { name: "Too late" });
    simulator.deletePerson(id);
    await clock.advance(59_999);
    expect(simulator.records.persons).toHaveLength(1);
    await clock.advance(1);
    expect(simulator.records.persons).toHaveLength(2);
    expect(simulator.log.at(-1)).toMatchObject({ action: "create", id: 1_002, via: "api", requestNo: 1 });
    expect(simulator.log.at(-1)!.at).toBe(Date.UTC(2026, 10, 24, 8, 1, 0));
    expect(simulator.records.persons[0]!.name).toBe("Mary");
  });

  it("let a late effect happen although the token was taken back meanwhile", async () => {
    const { call, simulator, clock } = simulated();
    simulator.failNext({ kind: "lateApply", ms: 60_000 });
    await call("POST", "/api/v2/persons", MAKE);
    simulator.revokeToken();
    await clock.advance(60_000);
    expect(simulator.records.persons).toHaveLength(1);
  });

  it("hits only what matches, as often as ordered", async () => {
    const { call, simulator } = simulated();
    simulator.failNext({ kind: "error503", match: { method: "POST", path: /\/notes$/ }, times: 2, retryAfter: "7" });
    expect((await call("POST", "/api/v2/persons", MAKE)).status).toBe(200);
    for (const status of [503, 503, 200]) {
      const said = await call("POST", "/v1/notes", { content: "x", person_id: 1_001 });
      expect(said.status).toBe(status);
      if (status === 503) expect(said.headers["retry-after"]).toBe("7");
    }
    expect(simulator.requests.faults).toEqual({ error503: 2 });
  });

  it("a drip is only slow for who waits, and a huge reply fine for who takes it", async () => {
    const { call, simulator, clock } = simulated();
    simulator.failNext({ kind: "drip" });
    const started = clock.monoMs();
    expect((await call("GET", "/api/v2/persons?limit=1", undefined, { timeoutMs: 60_000 })).status).toBe(200);
    expect(clock.monoMs() - started).toBeGreaterThan(5_000);
    expect((await call("GET", "/v1/users", undefined, { bytesMax: 100 })).failure?.code).toBe("TOO_LARGE");
  });

  it("a revoked token is refused until it is given back", async () => {
    const { call, simulator } = simulated();
    simulator.revokeToken();
    expect((await call("POST", "/api/v2/persons", MAKE)).status).toBe(401);
    simulator.restoreToken();
    expect((await call("POST", "/api/v2/persons", MAKE)).status).toBe(200);
    expect((await call("GET", "/v1/users/me", undefined, { token: "wrong" })).status).toBe(401);
  });
});

describe("faults by chance", () => {
  const story = async (seed: number, preset: keyof typeof FAULT_PRESETS) => {
    const { faults, ...rest } = { ...FAULT_PRESETS[preset] };
    const { call, simulator } = simulated({
      seed,
      faults,
      ...rest,
      limits: { ...LITE_LIMITS, burst: 10_000, block: null },
    });
    const lines: string[] = [];
    for (let i = 0; i < 300; i++) {
      const said = await call("POST", "/api/v2/persons", { name: `P ${i}` });
      lines.push(`${said.failure?.code ?? said.status} ${said.text}`);
    }
    return { lines, log: simulator.log.length, faults: simulator.requests.faults };
  };

  it("are the same for the same seed, and others for another", async () => {
    const first = await story(3, "storm");
    expect(await story(3, "storm")).toEqual(first);
    expect((await story(4, "storm")).lines).not.toEqual(first.lines);
  });

  it("calm is calm, noisy is less than storm", async () => {
    const total = async (preset: keyof typeof FAULT_PRESETS) => {
      let sum = 0;
      for (let seed = 1; seed <= 10; seed++)
        sum += Object.values((await story(seed, preset)).faults).reduce((a, b) => a + b, 0);
      return sum;
    };
    const [calm, noisy, storm] = [await total("calm"), await total("noisy"), await total("storm")];
    expect(calm).toBe(0);
    expect(noisy).toBeGreaterThan(50);
    expect(storm).toBeGreaterThan(2 * noisy);
  });

  it("of each kind can be switched on alone", async () => {
    for (const kind of FAULT_KINDS) {
      if (kind === "planCap") continue;
      const { call, simulator } = simulated({ faults: { [kind]: { perCall: 1 } } });
      await call("POST", "/api/v2/persons", MAKE);
      expect(simulator.requests.faults).toEqual({ [kind]: 1 });
    }
  });

  it("never lose an effect from the log: what the log says is what is there", async () => {
    const { faults } = FAULT_PRESETS.storm;
    const { call, simulator, clock } = simulated({ seed: 11, faults });
    for (let i = 0; i < 300; i++) await call("POST", "/api/v2/persons", { name: `P ${i}` });
    await clock.advance(600_000);
    const created = simulator.log.filter((entry) => entry.action === "create").map((entry) => entry.id);
    expect(created).toEqual(simulator.records.persons.map((person) => person.id));
    const byRequest = new Set(simulator.log.map((entry) => entry.requestNo));
    expect(byRequest.size).toBe(created.length);
  });
});
