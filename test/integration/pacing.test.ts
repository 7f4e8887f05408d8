import { describe, expect, test } from "vitest";
import { createRig, type Given, SETTINGS } from "../support/drain-rig.ts";

const WINDOW_MS = 2_000;

function leads(count: number): Given[] {
  return Array.from({ length: count }, (_, index) => ({
    key: `k${index}`,
    content: {
      person: { name: `Lead ${index}`, email: `lead${index}@example.com` },
      deal: { title: `Deal ${index}` },
      notes: [`Message ${index}`],
    },
  }));
}

describe("a run on the simulator's burst limit", () => {
  test("alone makes no 429 and uses its share", async () => {
    const rig = await createRig({ simulator: { roundTripMs: { leastMs: 40, mostMs: 200 } } });
    await rig.take(leads(150));
    const began = rig.clock.monoMs();
    const report = await rig.run();
    const windows = (rig.clock.monoMs() - began) / WINDOW_MS;
    const { limited, total, peakWindow } = rig.simulator.requests;
    expect(report.drained.done).toBe(150);
    expect(limited).toEqual({ burst: 0, search: 0, daily: 0, injected: 0 });
    // And the very first request, which asks whose token it is before there is an account to count for.
    expect(peakWindow).toBeLessThanOrEqual(16 + 1);
    expect(total / windows).toBeGreaterThan(16 * 0.75);
  });

  test("alone sees no others in its own requests, and fills every window", async () => {
    const settings = { limits: { ...SETTINGS.limits, share: 1 } };
    const rig = await createRig({ simulator: { roundTripMs: 150 }, settings });
    await rig.take(leads(60));
    const began = rig.clock.monoMs();
    await rig.run();
    const turnsOfASlot = (rig.clock.monoMs() - began) / (WINDOW_MS + 150);
    const { limited, total } = rig.simulator.requests;
    expect(limited).toMatchObject({ burst: 0, search: 0 });
    expect(total / turnsOfASlot).toBeGreaterThanOrEqual(0.95 * 20);
  });

  test("the first request of a ledger costs it no window", async () => {
    const rig = await createRig({ simulator: { roundTripMs: 100 } });
    await rig.take(leads(1));
    const began = rig.clock.monoMs();
    await rig.run();
    expect(rig.clock.monoMs() - began).toBeLessThan(WINDOW_MS);
  });

  test("alone with a share of 1 makes no 429 either", async () => {
    const settings = { limits: { ...SETTINGS.limits, share: 1 } };
    const rig = await createRig({ simulator: { roundTripMs: { leastMs: 10, mostMs: 400 } }, settings });
    await rig.take(leads(80));
    const report = await rig.run();
    expect(report.drained.done).toBe(80);
    expect(rig.simulator.requests.limited).toMatchObject({ burst: 0, search: 0 });
  });

  test.each([3, 6, 9])(
    "beside others who send %d of its 10 requests a second makes hardly any",
    async (requestsPerSecond) => {
      const others = { requestsPerSecond, tokensPerSecond: 0 };
      const rig = await createRig({ simulator: { roundTripMs: { leastMs: 40, mostMs: 200 }, others } });
      await rig.take(leads(30));
      const began = rig.clock.monoMs();
      const report = await rig.run();
      const windows = (rig.clock.monoMs() - began) / WINDOW_MS;
      expect(report.drained.done).toBe(30);
      expect(rig.simulator.requests.limited.burst).toBeLessThanOrEqual(2);
      expect(rig.simulator.requests.total / windows).toBeGreaterThan(0.25 * (20 - 2 * requestsPerSecond));
    },
  );
});
