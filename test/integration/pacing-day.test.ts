import { describe, expect, test } from "vitest";
import { createRig, type Given, SETTINGS } from "../support/drain-rig.ts";

const HOUR = 3_600_000;
/** A new person with a deal and a note costs 20 tokens. */
const TOKENS = 2_000;
/** Asking whose token it is, before there is an account to count for. */
const FIRST_REQUEST = 2;

function leads(count: number, lane: "operational" | "background", name = "lead"): Given[] {
  return Array.from({ length: count }, (_, index) => ({
    key: `${name}${index}`,
    lane,
    content: {
      person: { name: `Lead ${index}`, email: `${name}${index}@example.com` },
      deal: { title: `Deal ${index}` },
      notes: [`Message ${index}`],
    },
  }));
}

const limits = (more = {}) => ({ dailyTokens: TOKENS, dailyHeaders: true, burst: 1_000, ...more });

describe("a day's budget", () => {
  test("stops operational work at our share; nothing fails, and the next day goes on", async () => {
    const rig = await createRig({ simulator: { limits: limits() } });
    await rig.take(leads(120, "operational"));
    const first = await rig.run();
    expect(first.hold).toMatchObject({ kind: "dailyQuota", scope: "account" });
    expect(first.drained.failed).toBe(0);
    expect(rig.simulator.spentToday()).toBeLessThanOrEqual(TOKENS * SETTINGS.limits.share + FIRST_REQUEST);
    expect(rig.simulator.spentToday()).toBeGreaterThan(TOKENS * SETTINGS.limits.share * 0.9);
    await rig.clock.run(() => rig.clock.sleep(25 * HOUR));
    await rig.run();
    await rig.clock.run(() => rig.clock.sleep(25 * HOUR));
    const last = await rig.run();
    expect(last.remaining).toBe(0);
    expect(rig.simulator.records.deals).toHaveLength(120);
    expect(rig.simulator.requests.limited.daily).toBe(0);
  });

  test("stops background work earlier, so that somebody who waits still gets through", async () => {
    const rig = await createRig({ simulator: { limits: limits() } });
    await rig.take(leads(120, "background"));
    const report = await rig.run();
    expect(report.hold).toMatchObject({ kind: "dailyQuota", scope: "lane:background" });
    expect(rig.simulator.spentToday()).toBeLessThanOrEqual(TOKENS * 0.8 * 0.8 + FIRST_REQUEST);
    await rig.take(leads(5, "operational", "urgent"));
    expect((await rig.run()).drained.done).toBe(5);
  });

  test("that others have spent is refused by the CRM once, and asked about by one request a run", async () => {
    const rig = await createRig({ simulator: { limits: limits({ dailyHeaders: false, dailyTokens: 300 }) } });
    await rig.take(leads(40, "operational"));
    const report = await rig.run();
    expect(report.drained.failed).toBe(0);
    expect(report.stopped).toBe("hold");
    const before = rig.simulator.requests.total;
    await rig.clock.run(() => rig.clock.sleep(2 * HOUR));
    await rig.run();
    expect(rig.simulator.requests.total - before).toBeLessThanOrEqual(3);
    await rig.clock.run(() => rig.clock.sleep(22 * HOUR));
    const next = await rig.run();
    expect(next.drained.done).toBeGreaterThan(0);
    expect(next.drained.failed).toBe(0);
  });
});
