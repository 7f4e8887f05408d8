/** A ledger that is older than the CRM says so before it sends anything; one that is in use pays nothing for it. */
import { describe, expect, it } from "vitest";
import { type Given, lead, PLAN, SETTINGS } from "../support/drain-rig.ts";
import { type WatchedRig, watchedRig } from "../support/watched-rig.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const settings = { plans: { default: PLAN, website: PLAN } };

const first = (): Promise<WatchedRig> => watchedRig({ settings });
/** Another ledger on the same account: what a backup, or a new start after a loss, is. */
const second = (of: WatchedRig, plans = settings.plans): Promise<WatchedRig> =>
  watchedRig({ settings: { plans }, clock: of.clock, transport: of.simulator.handle });

async function deliver(rig: WatchedRig, ...given: Given[]): Promise<void> {
  await rig.take(given);
  expect(await rig.run()).toMatchObject({ drained: { done: given.length }, stopped: "drained" });
}

const looks = (rig: WatchedRig): number =>
  rig.calls.filter(({ method, query }) => method === "GET" && query.get("sort_direction") === "desc").length;

describe("an old ledger", () => {
  it.each([
    ["made anew", [lead(4)]],
    ["made anew, which took the files of the lost one in again", [lead(1), lead(2), lead(3), lead(4)]],
  ])("%s: sends nothing, and says what it does not know", async (_how, given) => {
    const lost = await first();
    await deliver(lost, lead(1), lead(2), lead(3));
    await lost.clock.advance(2 * HOUR_MS);
    const rig = await second(lost);
    await rig.take(given);
    const report = await rig.run();
    expect(report).toMatchObject({ stopped: "hold", hold: { kind: "staleLedger", scope: "account" } });
    expect(report.hold?.message).toContain("(website/wf_");
    expect(report.hold?.message).toContain("crmledger reconcile --repair");
    expect(rig.writes()).toEqual([]);
    expect(await rig.run()).toMatchObject({ stopped: "hold", hold: { kind: "staleLedger" } });
    expect(rig.writes()).toEqual([]);
  });

  it("sends again when somebody resumed it, and does not ask about the same records twice", async () => {
    const lost = await first();
    await deliver(lost, lead(1));
    const rig = await second(lost);
    await rig.take([lead(2)]);
    expect(await rig.run()).toMatchObject({ hold: { kind: "staleLedger" } });
    await rig.ledger.closeHolds({ kind: "staleLedger" }, rig.clock.wallMs());
    expect(await rig.run()).toMatchObject({ drained: { done: 1 }, stopped: "drained" });
    await rig.clock.advance(2 * HOUR_MS);
    await deliver(rig, lead(3));
  });

  it("is told by persons of long ago, too, as soon as the directory is read", async () => {
    const lost = await first();
    await deliver(lost, lead(1));
    await lost.clock.advance(30 * DAY_MS);
    const rig = await second(lost);
    await rig.take(Array.from({ length: 10 }, (_, n) => lead(10 + n)));
    expect(await rig.run()).toMatchObject({ stopped: "hold", hold: { kind: "staleLedger" }, remaining: 10 });
    expect(rig.writes()).toEqual([]);
  });

  it("is not one for the stamps of another machine's sources", async () => {
    const other = await first();
    await deliver(other, lead(1));
    const rig = await second(other, { default: PLAN, webinars: PLAN } as never);
    await deliver(rig, { ...lead(2), source: "webinars" });
  });

  it("is not believed in while the look fails: nothing is sent, and the next run looks again", async () => {
    const rig = await first();
    await rig.take([lead(1)]);
    rig.simulator.failNext({ kind: "error503", match: { method: "GET", path: /\/deals$/ }, times: 3 });
    expect(await rig.run()).toMatchObject({ drained: { done: 0, failed: 0 }, remaining: 1 });
    expect(rig.writes()).toEqual([]);
    await rig.runOut(60_000);
    expect(rig.simulator.records.deals).toHaveLength(1);
  });
});

describe("a ledger in use", () => {
  it("pays two pages when it is new and none while it trickles", async () => {
    const rig = await first();
    await deliver(rig, lead(0));
    expect(looks(rig)).toBe(2);
    for (let n = 1; n <= 20; n += 1) {
      await rig.clock.advance(5 * 60_000);
      await deliver(rig, lead(n));
    }
    expect(looks(rig)).toBe(2);
  });

  it("pays two more after an idle night, however often cron ran in it, and knows its own records", async () => {
    const rig = await first();
    await deliver(rig, lead(1), lead(2));
    for (let runs = 0; runs < 12; runs += 1) {
      await rig.clock.advance(HOUR_MS);
      await rig.run();
    }
    await deliver(rig, lead(3));
    expect(looks(rig)).toBe(4);
  });

  it("takes a copy that people made of one of its deals for no other ledger's", async () => {
    const rig = await first();
    await deliver(rig, lead(1));
    await rig.clock.advance(2 * HOUR_MS);
    rig.simulator.copyDeal(rig.simulator.records.deals[0]!.id);
    await deliver(rig, lead(2));
  });

  it("pays three pages of 40 tokens once when a run died, and takes nothing of its own for another's", async () => {
    const rig = await first();
    await deliver(rig, lead(0));
    const price = async (n: number) => {
      await rig.clock.advance(60_000);
      await rig.take([lead(n)]);
      const { drained, requests } = await rig.run();
      expect(drained.done).toBe(1);
      return [requests.total, requests.tokens] as const;
    };
    const [requests, tokens] = await price(1);
    await die(rig);
    expect(await price(2)).toEqual([requests + 3, tokens + 40]);
    expect(await price(3)).toEqual([requests, tokens]);
  });

  it("takes a note of a run that died for what it is, however late its chain comes to it", async () => {
    const rig = await first();
    await deliver(rig, lead(1));
    rig.simulator.failNext({ kind: "resetAfter", match: { method: "POST", path: /\/deals$/ }, times: 1 });
    await rig.take([lead(2)]);
    expect(await rig.run()).toMatchObject({ remaining: 1 });
    await noteOfTheDead(rig);
    await die(rig);
    expect(await rig.run()).toMatchObject({ remaining: 1 });
    await rig.runOut();
    expect(rig.simulator.records.notes).toHaveLength(2);
    expect((await rig.story("wf_2")).steps.find(({ name }) => name === "note.1")).toMatchObject({
      action: "adopt",
      explanation: expect.stringContaining("a run that died had written it"),
    });
  });

  it("finds it behind thousands of notes that others made since", async () => {
    const rig = await first();
    await deliver(rig, lead(1));
    rig.simulator.failNext({ kind: "resetAfter", match: { method: "POST", path: /\/deals$/ }, times: 1 });
    await rig.take([lead(2)]);
    await rig.run();
    await noteOfTheDead(rig);
    const deal_id = rig.simulator.records.deals[0]!.id;
    for (let n = 0; n < 2_600; n += 1)
      rig.simulator.integration.addNote({ content: `Call ${n}`, deal_id: Number(deal_id) });
    await die(rig);
    await rig.runOut();
    expect(rig.simulator.records.notes).toHaveLength(2_602);
    expect((await rig.story("wf_2")).steps.at(-1)).toMatchObject({ name: "note.1", action: "adopt" });
  });

  it("takes no note for a second one of the same words", async () => {
    const rig = await watchedRig({ settings: { ...settings, limits: { ...SETTINGS.limits, concurrency: 1 } } });
    await deliver(rig, lead(1));
    await rig.take([lead(2, { notes: ["Call me back.", "Call me back."] })]);
    const stop = new AbortController();
    rig.onReply = ({ path, method }) => {
      if (method === "POST" && path.includes("notes")) stop.abort();
    };
    await rig.run({}, {}, stop.signal);
    expect(rig.simulator.records.notes).toHaveLength(2);
    await die(rig);
    await rig.runOut();
    expect(rig.simulator.records.notes).toHaveLength(3);
    expect((await rig.story("wf_2")).steps.map(({ action }) => action)).toEqual([
      "create",
      "create",
      "create",
      "create",
    ]);
  });
});

/** The note of lead 2 as a run sends it, begun behind the end of the log that is left. */
async function noteOfTheDead(rig: WatchedRig): Promise<void> {
  const sent = rig.writes(/notes/)[0]!.text!.replaceAll("lead 1", "lead 2").replaceAll("wf_1", "wf_2");
  const deal_id = Number(rig.simulator.records.deals.at(-1)!.id);
  const request = {
    method: "POST" as const,
    url: "https://api.pipedrive.com/v1/notes",
    headers: { "x-api-token": rig.simulator.tokens[0]!, "content-type": "application/json" },
    body: JSON.stringify({ ...JSON.parse(sent), deal_id, person_id: undefined }),
    timeoutMs: 5_000,
    bytesMax: 1_000_000,
  };
  const result = await rig.clock.run(() => rig.simulator.handle(request));
  expect(result).toMatchObject({ type: "response", status: 200 });
}

async function die(rig: WatchedRig): Promise<void> {
  const now = { wallMs: rig.clock.wallMs(), monoMs: rig.clock.monoMs(), bootId: rig.clock.bootId };
  const run = await rig.ledger.openRun({ kind: "sync", pid: 1, host: "test", lockName: "sync", now });
  await rig.ledger.recover([run], now, 60_000);
}
