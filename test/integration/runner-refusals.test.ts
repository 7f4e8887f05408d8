/** What the CRM says no to: who fails, who waits, and what is sent while it lasts. */
import { describe, expect, it } from "vitest";
import { lead, TOKEN } from "../support/drain-rig.ts";
import { type WatchedRig, watchedRig, withPlan } from "../support/watched-rig.ts";

const DEALS = { method: "POST", path: /\/deals$/ };
const PERSONS = { method: "POST", path: /\/persons$/ };
const NOTES = { method: "POST", path: /\/notes$/ };
const leads = (count: number, from = 1) => Array.from({ length: count }, (_, n) => lead(from + n));

async function attemptsOf(rig: WatchedRig, keys: readonly string[]): Promise<number[]> {
  return await Promise.all(keys.map(async (key) => (await rig.story(key)).submission.attempts));
}

/** The CRM refuses this one person's create by itself: the rest of the queue is well. */
async function refuseOne(rig: WatchedRig, reply: { status: number; body: object }) {
  const { handle } = rig.simulator;
  const transport = rig.simulator as { handle: typeof handle };
  transport.handle = async (request) => {
    if (request.method === "POST" && request.body?.includes("lead.3@"))
      return { type: "response", status: reply.status, headers: {}, body: JSON.stringify(reply.body) };
    return handle(request);
  };
  return () => {
    transport.handle = handle;
  };
}

describe("a refusal of one submission", () => {
  const refusals = [
    { status: 400, body: { success: false, error: "Bad e-mail", code: "ERR_SCHEMA_VALIDATION_FAILED" } },
    { status: 422, body: { success: false, error: "Unprocessable" } },
    { status: 403, body: { success: false, error: "No right to do that", code: "ERR_FORBIDDEN" } },
  ];
  it.each(refusals)("$status fails that one with its history; all others go on", async (reply) => {
    const rig = await watchedRig();
    await refuseOne(rig, reply);
    await rig.take(leads(6));
    const report = await rig.run();
    expect(report).toMatchObject({ drained: { done: 5, failed: 1 }, stopped: "drained", hold: null, remaining: 0 });
    const [failed] = await rig.ledger.failed({});
    expect(failed).toMatchObject({ source: "website", key: "wf_3", step: "person" });
    expect(failed?.error.message).toContain(reply.body.error);
    const { steps } = await rig.story("wf_3");
    expect(steps[0]?.history).toMatchObject([{ method: "POST", status: reply.status, outcome: "refused" }]);
    // A refusal for good is not tried again.
    await rig.clock.advance(3_600_000);
    expect((await rig.run()).requests.total).toBe(0);
  });

  it("costs the person's other submissions nothing", async () => {
    const rig = await watchedRig();
    const ada = { name: "Ada", email: "ada@example.com" };
    const { handle } = rig.simulator;
    (rig.simulator as { handle: typeof handle }).handle = async (request) =>
      request.body?.includes("Deal 2")
        ? { type: "response", status: 400, headers: {}, body: '{"success":false,"error":"no"}' }
        : handle(request);
    await rig.take([1, 2, 3].map((n) => lead(n, { person: ada })));
    expect((await rig.run()).drained).toMatchObject({ done: 2, failed: 1 });
    expect(rig.simulator.records.deals.map((deal) => deal.title)).toEqual(["Deal 1", "Deal 3"]);
  });

  it("sends what the CRM has refused again after retry-failed, and only what is missing", async () => {
    const rig = await watchedRig();
    const mend = await refuseOne(rig, { status: 400, body: { success: false, error: "no" } });
    await rig.take(leads(3));
    await rig.run();
    mend();
    const [failed] = await rig.ledger.failed({});
    const now = { wallMs: rig.clock.wallMs(), monoMs: rig.clock.monoMs(), bootId: rig.clock.bootId };
    await rig.ledger.requeue([failed!.id], new Map(), now);
    expect((await rig.run()).drained).toMatchObject({ done: 1, failed: 0 });
    expect(rig.simulator.records.deals).toHaveLength(3);
  });
});

describe("a look-up that the CRM refuses", () => {
  it("holds up none of those that were looked up with it", async () => {
    const rig = await watchedRig();
    const { handle } = rig.simulator;
    (rig.simulator as { handle: typeof handle }).handle = async (request) =>
      request.url.includes("/persons/search") && request.url.includes("lead.3")
        ? { type: "response", status: 400, headers: {}, body: '{"success":false,"error":"odd term"}' }
        : handle(request);
    // A directory so large that a few persons are searched, not walked.
    rig.simulator.seedPersons(10_000, (n) => ({ name: `Old ${n}`, email: `old${n}@example.com` }));
    await rig.take(leads(5));
    await rig.runOut(301_000, 8);
    const states = await Promise.all(leads(5).map(async ({ key }) => (await rig.story(key)).submission));
    for (const { key, state, attempts } of states)
      if (key !== "wf_3") expect({ state, attempts }).toEqual({ state: "done", attempts: 0 });
    // It ends too: refused for good, or found by the pages that its searches would have paid for.
    expect(["done", "failed"]).toContain(states.find(({ key }) => key === "wf_3")?.state);
  });
});

describe("429", () => {
  it.each([null, "2", "0", "-1", "soon", "999999999999", "Wed, 21 Oct 2015 07:28:00 GMT"])(
    "with Retry-After %s costs no try and fails nobody",
    async (retryAfter) => {
      const rig = await watchedRig();
      await rig.take(leads(12));
      rig.simulator.failNext({ kind: "rateLimit429", retryAfter, times: 2 });
      await rig.runOut();
      expect(await rig.ledger.failed({})).toEqual([]);
      expect(rig.simulator.records.deals).toHaveLength(12);
      expect(rig.simulator.records.persons).toHaveLength(12);
      expect(
        new Set(
          await attemptsOf(
            rig,
            leads(12).map((each) => each.key),
          ),
        ),
      ).toEqual(new Set([0]));
    },
  );

  it("is counted in the report, takes no tokens, and rests the credential for a window", async () => {
    const rig = await watchedRig();
    await rig.take(leads(3));
    rig.simulator.failNext({ kind: "rateLimit429", match: DEALS });
    const report = await rig.run();
    expect(report.requests).toMatchObject({ rateLimited: 1, tokens: rig.simulator.requests.tokens });
    expect(report.requests.total).toBe(rig.calls.length);
    const at = rig.calls.findIndex((call) => call.status === 429);
    const sentBefore = rig.calls[at]!.atMs + 20;
    const next = rig.calls.slice(at + 1).find((call) => call.atMs > sentBefore);
    expect(next!.atMs - sentBefore).toBeGreaterThanOrEqual(1_990);
  });

  it("that is asked for far too long a wait is not believed for longer than an hour", async () => {
    const rig = await watchedRig();
    await rig.take(leads(1));
    rig.simulator.failNext({ kind: "rateLimit429", match: DEALS, retryAfter: "3000" });
    const report = await rig.run();
    expect(report).toMatchObject({ stopped: "hold", hold: { kind: "burst", scope: "credential" } });
    expect((await rig.run()).drained.failed).toBe(0);
    await rig.clock.advance(3_001_000);
    expect(await rig.run()).toMatchObject({ stopped: "drained", remaining: 0 });
  });
});

describe.each([
  ["401", "unauthorized"],
  ["402", "paymentRequired"],
] as const)("%s", (_status, kind) => {
  it("holds the credential, ends the run and fails nobody; the next run asks with one request", async () => {
    const rig = await watchedRig();
    await rig.take(leads(30));
    // Set-up and half of the work are done when it begins.
    let begun = false;
    rig.onReply = (call) => {
      if (begun || call.method !== "POST") return;
      begun = true;
      rig.simulator.failNext({ kind, times: 1_000 });
    };
    const first = await rig.run();
    expect(first).toMatchObject({
      stopped: "hold",
      hold: { kind: "credentials", scope: "credential" },
      drained: { failed: 0 },
    });
    expect(first.remaining).toBeGreaterThan(20);
    const refusedFirst = rig.calls.filter((call) => call.status === Number(_status)).length;
    expect(refusedFirst).toBeLessThanOrEqual(10);

    await rig.clock.advance(60_000);
    const before = rig.calls.length;
    const second = await rig.run();
    expect(second).toMatchObject({ stopped: "hold", hold: { kind: "credentials" }, drained: { failed: 0 } });
    expect(rig.calls.length - before).toBe(1);
    expect(rig.calls.at(-1)?.method).toBe("GET");
  });
});

describe("a credential that was held", () => {
  it("goes on by itself once it is restored: nothing lost, nothing twice, no try used", async () => {
    const rig = await watchedRig();
    await rig.take(leads(10));
    let writes = 0;
    rig.onReply = (call) => {
      if (call.method !== "GET" && ++writes === 5) rig.simulator.revokeToken(TOKEN);
    };
    expect((await rig.run()).hold).toMatchObject({ kind: "credentials" });
    rig.simulator.restoreToken(TOKEN);
    expect(await rig.run()).toMatchObject({ stopped: "drained", remaining: 0, hold: null });
    expect(rig.simulator.records.deals).toHaveLength(10);
    expect(rig.simulator.records.persons).toHaveLength(10);
    expect(rig.simulator.records.notes).toHaveLength(10);
    expect(await rig.ledger.holds()).toEqual([]);
    expect(
      new Set(
        await attemptsOf(
          rig,
          leads(10).map((each) => each.key),
        ),
      ),
    ).toEqual(new Set([0]));
  });

  it("at the very first contact: hold credentials, nothing sent after it", async () => {
    const rig = await watchedRig();
    rig.simulator.revokeToken(TOKEN);
    await rig.take(leads(2));
    expect(await rig.run()).toMatchObject({ stopped: "hold", hold: { kind: "credentials" }, remaining: 2 });
    expect(rig.calls).toHaveLength(1);
    rig.simulator.restoreToken(TOKEN);
    expect(await rig.run()).toMatchObject({ stopped: "drained", remaining: 0 });
  });
});

describe("403 with HTML", () => {
  it("is a block: the run ends, nobody fails, the next run asks once", async () => {
    const rig = await watchedRig();
    await rig.take(leads(10));
    // The read that asks whether it is all of ours meets it too.
    rig.simulator.failNext({ kind: "html403", match: { method: "POST" }, times: 3 });
    rig.simulator.failNext({ kind: "html403", match: { path: /\/users\/me$/ } });
    expect(await rig.run()).toMatchObject({ stopped: "hold", hold: { kind: "blocked", scope: "account" } });
    rig.simulator.failNext({ kind: "html403" });
    const before = rig.calls.length;
    expect(await rig.run()).toMatchObject({ stopped: "hold", hold: { kind: "blocked" } });
    expect(rig.calls.length - before).toBe(1);
    await rig.runOut();
    expect(await rig.ledger.failed({})).toEqual([]);
    expect(rig.simulator.records.deals).toHaveLength(10);
    expect(rig.simulator.records.persons).toHaveLength(10);
  });
});

describe("403 for a plan's cap on deals", () => {
  it("holds deals alone: persons still go on, nobody fails, and few deals are asked for", async () => {
    const rig = await watchedRig();
    rig.simulator.setPlanCaps({ deals: 2 });
    const without = Array.from({ length: 10 }, (_, n) => lead(100 + n, { deal: undefined }));
    await rig.take([...leads(20), ...without]);
    const report = await rig.run();
    expect(report).toMatchObject({ stopped: "drained", hold: { kind: "planCap", scope: "group:deals" } });
    expect(report.drained).toMatchObject({ done: 12, failed: 0, waiting: 18 });
    expect(rig.simulator.records.persons).toHaveLength(30);
    expect(rig.writes(/deals/).filter((call) => call.status === 403).length).toBeLessThanOrEqual(8);
  });

  it("does not hold what it does not refuse: known deals are still updated", async () => {
    const rig = await watchedRig({ settings: withPlan({ deals: { match: "openDealOfPerson" } }) });
    const emails = [{ value: "lead.2@example.com", primary: true, label: "work" }];
    const { id } = rig.simulator.addPerson({ name: "Lead 2", emails });
    rig.simulator.addDeal({ title: "Open", person_id: id });
    rig.simulator.setPlanCaps({ deals: 1 });
    await rig.take([lead(1)]);
    expect((await rig.run()).hold).toMatchObject({ kind: "planCap" });
    await rig.take([lead(2)]);
    await rig.clock.advance(5_000);
    const report = await rig.run();
    expect(report).toMatchObject({ drained: { done: 1, failed: 0 }, hold: { kind: "planCap" } });
    expect(rig.simulator.records.deals).toMatchObject([{ title: "Open", value: 102 }]);
  });

  it("the next run probes with the next deal, and goes on once the cap is lifted", async () => {
    const rig = await watchedRig();
    rig.simulator.setPlanCaps({ deals: 1 });
    await rig.take(leads(8));
    await rig.run();
    await rig.clock.advance(16 * 60_000);
    const before = rig.writes(/deals/).length;
    const second = await rig.run();
    expect(second).toMatchObject({ hold: { kind: "planCap" }, drained: { failed: 0 } });
    expect(rig.writes(/deals/).length - before).toBe(1);
    rig.simulator.setPlanCaps({});
    await rig.clock.advance(16 * 60_000);
    expect(await rig.run()).toMatchObject({ remaining: 0, hold: null, drained: { failed: 0 } });
    expect(rig.simulator.records.deals).toHaveLength(8);
    expect(rig.simulator.records.persons).toHaveLength(8);
    expect(await rig.ledger.holds()).toEqual([]);
  });
});

describe("a cap that was lifted before its time", () => {
  it("is told with the time at which what waits for it is tried", async () => {
    const rig = await watchedRig();
    rig.simulator.setPlanCaps({ deals: 0 });
    await rig.take([lead(1)]);
    const { hold } = await rig.run();
    expect((await rig.ledger.holds())[0]!.untilMs).toBeGreaterThan(rig.clock.wallMs());
    expect(hold).toMatchObject({ kind: "planCap", untilMs: (await rig.ledger.holds())[0]!.untilMs });
  });

  it("lets go what waited for it as soon as a newer one's deal went through", async () => {
    const rig = await watchedRig();
    rig.simulator.setPlanCaps({ deals: 1 });
    await rig.take(leads(8));
    expect((await rig.run()).hold).toMatchObject({ kind: "planCap" });
    rig.simulator.setPlanCaps({});
    await rig.clock.advance(60_000);
    await rig.take([lead(50)]);
    expect(await rig.run()).toMatchObject({ remaining: 0, hold: null, drained: { done: 8, failed: 0 } });
    expect(rig.simulator.records.deals).toHaveLength(9);
  });
});

describe("an outage", () => {
  it("opens the breaker: few requests, hold outage, no tries burned by waiting, and recovery", async () => {
    const rig = await watchedRig();
    await rig.take(leads(80));
    rig.simulator.failNext({ kind: "error503", match: { method: "POST", path: /\/persons$/ }, times: 100_000 });
    for (let runs = 0; runs < 7; runs += 1) {
      const report = await rig.run();
      expect(report.drained.failed).toBe(0);
      if (runs > 0) expect(report.hold).toMatchObject({ kind: "outage", scope: "group:persons" });
      await rig.clock.advance(300_000);
    }
    expect(rig.writes(/persons/).length).toBeLessThan(60);
  });

  it("with the connection refused: nothing is uncertain, nobody fails, and all is well afterwards", async () => {
    let down = false;
    const rig = await watchedRig();
    const { handle } = rig.simulator;
    (rig.simulator as { handle: typeof handle }).handle = async (request) =>
      down ? { type: "failure", sent: "no", code: "ECONNREFUSED", message: "connection refused" } : handle(request);
    await rig.take(leads(60));
    rig.onReply = (call) => {
      if (call.method === "POST") down = true;
    };
    for (let runs = 0; runs < 6; runs += 1) {
      const report = await rig.run();
      expect(report.drained).toMatchObject({ failed: 0, uncertain: 0 });
      await rig.clock.advance(300_000);
    }
    expect(rig.calls.filter((call) => call.status === 0).length).toBeLessThan(120);
    rig.onReply = () => {};
    down = false;
    await rig.runOut(300_000);
    expect(rig.simulator.records.deals).toHaveLength(60);
    expect(await rig.ledger.failed({})).toEqual([]);
    expect(await rig.ledger.holds()).toEqual([]);
  });

  it("of notes alone doesn't stop persons and deals", async () => {
    const rig = await watchedRig();
    await rig.take(leads(60));
    rig.simulator.failNext({ kind: "error503", match: NOTES, times: 100_000 });
    await rig.run();
    for (let runs = 0; runs < 3; runs += 1) {
      await rig.clock.advance(120_000);
      await rig.run();
    }
    expect(rig.simulator.records.persons).toHaveLength(60);
    expect(rig.simulator.records.deals).toHaveLength(60);
    expect(rig.writes(/notes/).length).toBeLessThan(40);
    expect(await rig.ledger.failed({})).toEqual([]);
  });

  it("that begins before the look-up burns no tries either, however long it lasts", async () => {
    const rig = await watchedRig();
    await rig.take(leads(2));
    await rig.run();
    await rig.take(leads(40, 10));
    rig.simulator.failNext({ kind: "error500Before", times: 100_000 });
    const before = rig.calls.length;
    for (let runs = 0; runs < 8; runs += 1) {
      await rig.clock.advance(300_000);
      expect((await rig.run()).drained.failed).toBe(0);
    }
    expect(rig.calls.length - before).toBeLessThan(80);
    expect(
      Math.max(
        ...(await attemptsOf(
          rig,
          leads(40, 10).map((each) => each.key),
        )),
      ),
    ).toBeLessThanOrEqual(3);
  });

  it("once it is over everything is written once", async () => {
    const rig = await watchedRig();
    await rig.take(leads(60));
    rig.simulator.failNext({ kind: "error503", match: PERSONS, times: 25 });
    await rig.runOut(300_000);
    expect(rig.simulator.records.persons).toHaveLength(60);
    expect(rig.simulator.records.deals).toHaveLength(60);
    expect(rig.simulator.records.notes).toHaveLength(60);
    expect(await rig.ledger.failed({})).toEqual([]);
    expect(await rig.ledger.holds()).toEqual([]);
  });
});
