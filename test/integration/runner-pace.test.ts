/** Pace, cost and order: the most of what is allowed, the fewest tokens, who comes first. All on virtual time. */
import { describe, expect, it } from "vitest";
import type { Given } from "../support/drain-rig.ts";
import { lead } from "../support/drain-rig.ts";
import { type WatchedRig, watchedRig } from "../support/watched-rig.ts";

const leads = (count: number, from = 1, more: Partial<Given> = {}) =>
  Array.from({ length: count }, (_, n) => ({ ...lead(from + n), ...more }));
const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;

/** Submissions in the order of their deals, by number. */
const dealOrder = (rig: WatchedRig) =>
  rig.simulator.records.deals.map((deal) => Number(deal.title.slice("Deal ".length)));
const at = (rig: WatchedRig, n: number, agoMs: number, more: Partial<Given> = {}): Given => ({
  ...lead(n),
  submittedAtMs: rig.clock.wallMs() - agoMs,
  ...more,
});

describe("the pace on Lite's limits", () => {
  it("alone on the token: no 429, and at least 95 % of the share of 20 requests in 2 s", async () => {
    const rig = await watchedRig({ simulator: { limits: { dailyTokens: null } } });
    await rig.take(leads(120));
    const report = await rig.run();
    expect(report).toMatchObject({ drained: { done: 120 }, requests: { rateLimited: 0 } });
    expect(rig.simulator.requests.limited).toMatchObject({ burst: 0, search: 0 });
    // The first seconds feel out what others leave, the last ones have too little to send.
    const from = rig.calls[0]!.atMs + 20_000;
    const to = rig.calls.at(-1)!.atMs - 10_000;
    const steady = rig.calls.filter((call) => call.atMs >= from && call.atMs < to).length;
    expect(steady / ((to - from) / 2_000)).toBeGreaterThanOrEqual(0.95 * 0.8 * 20);
    expect(rig.simulator.requests.peakWindow).toBeLessThanOrEqual(16);
  });

  it.each([30, 60, 90])("others at %s percent of it: no block, nobody fails, no try is used", async (percent) => {
    const requestsPerSecond = (20 * percent) / 100 / 2;
    const rig = await watchedRig({
      simulator: { limits: { dailyTokens: null }, others: { requestsPerSecond, tokensPerSecond: 0 } },
    });
    await rig.take(leads(percent === 90 ? 15 : 40));
    // They were there before: whoever begins in the same instant as we do can't be seen by the first reply.
    await rig.clock.advance(5_000);
    await rig.runOut(MINUTE_MS);
    expect(rig.simulator.requests.blocked).toBe(0);
    expect(await rig.ledger.failed({})).toEqual([]);
    expect((await rig.story("wf_1")).submission.attempts).toBe(0);
    const { limited, total } = rig.simulator.requests;
    expect(limited.burst + limited.search).toBeLessThanOrEqual(Math.max(2, total * 0.05));
  });
});

describe("the cost", () => {
  it("cold ledger, 5,000 persons at the CRM, 500 submissions, 60 % known: at most 18 tokens each", async () => {
    const rig = await watchedRig({ simulator: { limits: { burst: 400, dailyTokens: null, search: 200 } } });
    rig.simulator.seedPersons(5_000);
    await rig.take(
      Array.from({ length: 500 }, (_, n) =>
        n % 5 < 3
          ? lead(n, { person: { name: `Lead ${n * 7 + 1}`, email: `lead${n * 7 + 1}@example.com` } })
          : lead(n, { person: { name: `New ${n}`, email: `new${n}@example.org` } }),
      ),
    );
    const report = await rig.run();
    expect(report).toMatchObject({ drained: { done: 500, failed: 0 }, requests: { rateLimited: 0 } });
    expect(rig.simulator.records.persons).toHaveLength(5_200);
    expect(rig.writes(/persons\/\d+/)).toEqual([]);
    expect(report.requests.tokens).toBe(rig.simulator.requests.tokens);
    expect(report.requests.tokens / 500).toBeLessThanOrEqual(18);
  });

  it("warm ledger: one refresh page a run, none where nobody is unknown", async () => {
    const rig = await watchedRig();
    rig.simulator.seedPersons(1_200);
    await rig.take(leads(20));
    await rig.run();
    const pages = () =>
      rig.calls.filter((call) => call.method === "GET" && call.path.endsWith("/persons") && !call.query.has("ids"));
    const cold = pages().length;
    await rig.clock.advance(HOUR_MS);
    await rig.take(leads(20, 100));
    await rig.run();
    expect(pages().length - cold).toBe(1);
    expect(pages().at(-1)?.query.has("updated_since")).toBe(true);
    await rig.clock.advance(HOUR_MS);
    await rig.take(leads(5, 1).map((each) => ({ ...each, key: `${each.key}-again` })));
    const report = await rig.run();
    expect(pages().length - cold).toBe(1);
    expect(report.lookups.search).toBe(0);
  });

  it("a new person with deal and note is 20 tokens, a new organization 5 more", async () => {
    const rig = await watchedRig();
    rig.simulator.seedPersons(10);
    await rig.take(leads(1));
    await rig.run();
    await rig.take([lead(2, { organization: { name: "Engines" } })]);
    const report = await rig.run();
    const writes = rig
      .writes()
      .slice(-4)
      .map((call) => call.path.split("/").at(-1));
    expect(writes).toEqual(["organizations", "persons", "deals", "notes"]);
    // 25 for the writes, the rest is one refresh of the persons and the look-up of the name.
    expect(report.requests.tokens).toBeLessThanOrEqual(25 + 10 + 20);
  });
});

describe("an organization that many name", () => {
  const ofOne = (count: number) => leads(count, 1).map((each) => named(each, "Engines"));
  const named = (each: Given, name: string): Given => ({
    ...each,
    content: { ...each.content, organization: { name } },
  });
  const reads = (rig: WatchedRig) =>
    rig.calls.filter(({ method, path }) => method === "GET" && /\/organizations\/\d+$/.test(path)).length;

  it("is made once, and read by nobody who names it a moment later", async () => {
    const rig = await watchedRig();
    await rig.take(ofOne(40));
    expect((await rig.run()).drained.done).toBe(40);
    expect(rig.simulator.records.organizations).toHaveLength(1);
    expect(reads(rig)).toBe(0);
    await rig.clock.advance(HOUR_MS);
    await rig.take(ofOne(40).map((each) => ({ ...each, key: `${each.key}-again` })));
    await rig.run();
    expect(reads(rig)).toBeLessThanOrEqual(2);
  });

  it("is looked up anew where somebody deleted it meanwhile, and that costs no try", async () => {
    const rig = await watchedRig();
    await rig.take(ofOne(8));
    rig.simulator.addOrganization({ name: "Engines" });
    let persons = 0;
    rig.onSend = ({ method, path }) => {
      if (method !== "POST" || !path.endsWith("/persons")) return;
      persons += 1;
      if (persons === 3) rig.simulator.deleteOrganization(rig.simulator.records.organizations[0]!.id);
    };
    await rig.runOut(1_000);
    const { organizations, deals } = rig.simulator.records;
    expect(organizations.map(({ is_deleted }) => is_deleted)).toEqual([true, false]);
    expect(deals.filter(({ org_id }) => org_id === organizations[1]!.id).length).toBeGreaterThanOrEqual(6);
    expect(deals).toHaveLength(8);
    expect((await rig.ledger.queue()).done).toBe(8);
  });
});

describe("the order", () => {
  it("operational before background, background never less than a twentieth", async () => {
    const rig = await watchedRig();
    await rig.take([
      ...leads(60, 1, { lane: "background", targetMs: 24 * HOUR_MS }),
      ...leads(60, 1_001, { lane: "operational" }),
    ]);
    await rig.run({ tokensMax: 1_000 });
    const writes = rig.writes();
    const ofBackground = writes.filter((call) => !/\b(?:lead\.|Lead |Deal |lead )1\d\d\d\b/.test(call.text ?? ""));
    expect(ofBackground.length).toBeGreaterThanOrEqual(Math.floor(writes.length / 20) - 1);
    expect(ofBackground.length).toBeLessThanOrEqual(Math.ceil(writes.length / 5));
  });

  it("within the target newest first, past it oldest first and never less than a quarter", async () => {
    const rig = await watchedRig();
    const fresh = Array.from({ length: 12 }, (_, n) => at(rig, n + 1, (n + 1) * 30_000));
    const late = Array.from({ length: 12 }, (_, n) => at(rig, 100 + n, HOUR_MS + n * MINUTE_MS));
    await rig.take([...late, ...fresh]);
    await rig.run({ submissionsMax: 8 });
    const order = dealOrder(rig);
    expect(order).toHaveLength(8);
    const isLate = (n: number) => n >= 100;
    expect(order.filter(isLate).length).toBeGreaterThanOrEqual(2);
    expect(order.filter((n) => !isLate(n)).length).toBeGreaterThanOrEqual(4);
    // Newest of the fresh, oldest of the late.
    expect(order.filter((n) => !isLate(n)).sort((a, b) => a - b)).toEqual(
      Array.from({ length: order.filter((n) => !isLate(n)).length }, (_, n) => n + 1),
    );
    expect(Math.max(...order.filter(isLate))).toBe(111);
    expect(Math.min(...order.filter(isLate))).toBeGreaterThan(107);
  });

  it("keeps submissions of one person in one lane in their order, whatever their age", async () => {
    const rig = await watchedRig();
    const ada = { person: { name: "Ada", email: "ada@example.com" } };
    const given = [3, 1, 4, 2].map((n) => ({
      ...at(rig, n, (10 - n) * MINUTE_MS),
      ...{ content: lead(n, ada).content },
    }));
    await rig.take(given);
    await rig.run();
    expect(dealOrder(rig)).toEqual([1, 2, 3, 4]);
  });
});
