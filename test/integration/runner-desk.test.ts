/** The desk: reads outside of a drain, through the same wheel and under the same quota. */
import { describe, expect, it } from "vitest";
import { createMirror } from "../../src/mirror/create-mirror.ts";
import { beginWalk, walkOn } from "../../src/mirror/walk.ts";
import { openDesk } from "../../src/runner/desk.ts";
import type { Desk, DeskOptions } from "../../src/runner/runner.ts";
import { lead, type Rig } from "../support/drain-rig.ts";
import { watchedRig } from "../support/watched-rig.ts";

async function atDesk<T>(rig: Rig, task: (desk: Desk) => Promise<T>, options: DeskOptions = {}): Promise<T> {
  return await rig.clock.run(async () => {
    const now = { wallMs: rig.clock.wallMs(), monoMs: rig.clock.monoMs(), bootId: rig.clock.bootId };
    const runId = await rig.ledger.openRun({ kind: "reconcile", pid: 1, host: "test", lockName: null, now });
    const desk = await openDesk(rig.deps(runId), { lane: "background", ...options });
    try {
      return await task(desk);
    } finally {
      await desk.close();
    }
  });
}

const aPage = { type: "list", key: "any", entity: "deal" } as const;

describe("a desk", () => {
  it("walks the whole directory for whoever asks, and counts what that cost", async () => {
    const rig = await watchedRig();
    await rig.take([lead(1), lead(2)]);
    await rig.run();
    await atDesk(rig, async (desk) => {
      await desk.catalog(["fields:person"], 3_600_000);
      const before = await desk.totals();
      const deps = desk.mirrorDeps();
      const state = await rig.ledger.mirrorState(desk.accountId, "person");
      const walk = beginWalk(state, rig.clock.wallMs(), { full: true });
      const stamps: (string | null)[] = [];
      const onPage = async (records: readonly { stamp: string | null }[]): Promise<void> => {
        stamps.push(...records.map(({ stamp }) => stamp));
      };
      await walkOn(deps, "person", walk, Number.POSITIVE_INFINITY, createMirror(deps).keysOf, { onPage });
      expect(stamps).toEqual(["website/wf_1", "website/wf_2"]);
      const after = await desk.totals();
      expect([after.total - before.total, after.tokens - before.tokens]).toEqual([1, 10]);
      expect(desk.crmSession().stampFields).toHaveProperty("deal");
    });
  });

  it.each(["paused", "staleLedger"] as const)("may read under the hold %s, which keeps a drain back", async (kind) => {
    const rig = await watchedRig();
    await rig.take([lead(1)]);
    const hold = { kind, scope: "account" as const, untilMs: null, probe: false, message: "wait" };
    await rig.ledger.openHold(null, hold, rig.clock.wallMs());
    await atDesk(rig, async (desk) => {
      expect(await desk.perform(aPage)).toMatchObject({ type: "applied" });
    });
    expect(await rig.run()).toMatchObject({ stopped: "hold", hold: { kind } });
    expect(rig.writes()).toEqual([]);
  });

  it("ends at its signal with what is in flight recorded, and sends nothing after it", async () => {
    const rig = await watchedRig();
    const controller = new AbortController();
    rig.onSend = (call) => {
      if (call.path.endsWith("/deals")) controller.abort();
    };
    await atDesk(
      rig,
      async (desk) => {
        expect((await desk.read(aPage)).outcome).toMatchObject({ type: "applied" });
        await expect(desk.read(aPage)).rejects.toMatchObject({ code: "held" });
        expect(desk.hold()).toBeNull();
      },
      { signal: controller.signal },
    );
    expect(rig.calls.filter((call) => call.path.endsWith("/deals"))).toHaveLength(1);
  });

  it("keeps to the background's part of the day, and names the hold that stopped it", async () => {
    const limits = { dailyTokens: 100, share: 1, operationalReserve: 0.5 };
    const rig = await watchedRig();
    rig.settings.limits = { ...rig.settings.limits, ...limits };
    await atDesk(rig, async (desk) => {
      const all = async (): Promise<void> => {
        for (let page = 0; page < 10; page += 1) await desk.read(aPage);
      };
      await expect(all()).rejects.toMatchObject({ code: "held" });
      expect(desk.hold()).toMatchObject({ kind: "dailyQuota", scope: "lane:background" });
      expect((await desk.totals()).tokens).toBeLessThanOrEqual(50);
    });
  });

  it("is refused with the credentials' own error where the token is no good", async () => {
    const rig = await watchedRig({ simulator: { tokens: ["another"] } });
    await expect(atDesk(rig, async () => {})).rejects.toMatchObject({ code: "credentialsRefused" });
  });
});
