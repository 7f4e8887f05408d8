/** Each safety of a write is needed: without it, and only without it, the judge finds what it guards against. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { afterEach, describe, expect, it } from "vitest";
import type { Transport } from "../../src/domain/wire.ts";
import type { Ledger } from "../../src/ledger/ledger.ts";
import { openSqliteLedger } from "../../src/ledger/sqlite/open.ts";
import { createRig, lead, SETTINGS, START_MS } from "../support/drain-rig.ts";
import { IMMORTAL, runToTheEnd } from "../support/mortal-run.ts";
import { judge } from "../support/oracle.ts";
import { altered, emptyLedger, NOTHING } from "../support/safety-rig.ts";

describe("the settle times", () => {
  const late = async (settleMs: number[]) => {
    const rig = await createRig({ settings: { retry: { ...SETTINGS.retry, settleMs } } });
    const given = [lead(1)];
    await rig.take(given);
    rig.simulator.failNext({ kind: "lateApply", match: { method: "POST", path: /\/deals$/ }, ms: 40_000 });
    await runToTheEnd(rig, IMMORTAL, new Map());
    await rig.clock.advance(60_000);
    return judge(rig.simulator, given);
  };

  it("keep a write that is done late from being sent again", async () => {
    expect(await late([60_000, 300_000])).toEqual(NOTHING);
    expect((await late([0])).doubled).toEqual(["website/wf_1 deal x2"]);
  });
});

describe("the look before sending again", () => {
  it("keeps a write whose answer was lost from being sent again", async () => {
    const lost = async (blind: boolean) => {
      const ledger = await emptyLedger();
      const rig = await createRig({
        ledger: altered(
          ledger,
          blind ? { turn: (turn) => ledger.turn({ ...turn, steps: turn.steps.map(forgetful) }) } : {},
        ),
      });
      const given = [lead(1)];
      await rig.take(given);
      rig.simulator.failNext({ kind: "resetAfter", match: { method: "POST", path: /\/deals$/ } });
      await runToTheEnd(rig, IMMORTAL, new Map());
      return judge(rig.simulator, given);
    };
    type Change = Parameters<Ledger["turn"]>[0]["steps"][number];
    const forgetful = (change: Change): Change =>
      change.to === "uncertain" ? { ...change, to: "open", lostAtMs: null } : change;
    expect(await lost(false)).toEqual(NOTHING);
    expect((await lost(true)).doubled).toEqual(["website/wf_1 deal x2"]);
  });
});

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

/** A ledger in a file, so that another connection can look at it. */
async function ledgerFile(): Promise<{ path: string; ledger: Ledger }> {
  const folder = mkdtempSync(join(tmpdir(), "crmledger-"));
  folders.push(folder);
  const path = join(folder, "ledger.db");
  return { path, ledger: await openSqliteLedger({ path, create: true, nowMs: START_MS }) };
}

describe("the intent that is durable before a byte leaves", () => {
  it("is in the file, for every connection to see, when the write leaves", async () => {
    const { path, ledger } = await ledgerFile();
    const other = new Database(path, { readonly: true });
    const begun = other.prepare("SELECT entity, crm_id AS crmId FROM steps WHERE state = 'begun'");
    const seen: unknown[] = [];
    const rig = await createRig({
      ledger,
      transport: (request) => {
        if (request.method !== "GET") seen.push([request.method, ...begun.all()]);
        return rig.simulator.handle(request);
      },
    });
    const { id } = rig.simulator.addPerson({ name: "Ada", emails: [{ value: "ada@example.com", primary: true }] });
    const person = { name: "Ada", email: "ada@example.com", phone: "+37255512345" };
    await rig.take([lead(1, { person, organization: { name: "Engines" } })]);
    await rig.run();
    expect(seen).toEqual([
      ["POST", { entity: "organization", crmId: null }],
      ["PATCH", { entity: "person", crmId: String(id) }],
      ["POST", { entity: "deal", crmId: null }],
      ["POST", { entity: "note", crmId: null }],
    ]);
    other.close();
    await ledger.close();
  });

  it("of an update names its record, or a dead run's could not be settled", async () => {
    const { ledger } = await ledgerFile();
    const rig = await createRig({ ledger });
    const [value, phone] = ["ada@example.com", "+37255512345"];
    rig.simulator.addPerson({ name: "Ada", emails: [{ value, primary: true }] });
    await rig.take([lead(1, { person: { name: "Ada", email: value, phone } })]);
    let died = false;
    const fate = (name: string): boolean => {
      const now = !died && name === "send.after" && rig.simulator.records.persons[0]!.phones.length === 1;
      died ||= now;
      return now;
    };
    expect(await runToTheEnd(rig, fate, new Map())).toBe(1);
    const story = await ledger.story((await ledger.findByName("wf_1", []))[0]!.id);
    expect(story?.steps[0]).toMatchObject({ name: "person", action: "update", state: "done" });
    expect(story?.steps[0]?.explanation).toMatch(/The answer to its update was lost/);
    await ledger.close();
  });

  it("keeps a dead run's write from being sent again", async () => {
    const dies = async (forgotten: boolean) => {
      const { path, ledger } = await ledgerFile();
      const rig = await createRig({
        ledger: altered(
          ledger,
          forgotten ? { recover: (...of) => forgetIntents(path, () => ledger.recover(...of)) } : {},
        ),
      });
      const given = [lead(1)];
      await rig.take(given);
      // The deal is made, and its answer is in the hands of one that dies.
      let died = false;
      const fate = (name: string): boolean => {
        const now = !died && name === "send.after" && rig.simulator.records.deals.length === 1;
        died ||= now;
        return now;
      };
      const deaths = await runToTheEnd(rig, fate, new Map());
      expect(deaths).toBe(1);
      await ledger.close();
      return judge(rig.simulator, given);
    };
    expect(await dies(false)).toEqual(NOTHING);
    expect((await dies(true)).doubled).toEqual(["website/wf_1 deal x2"]);
  });
});

/** As if no intent had ever been written: what was begun looks as if it had not been. */
async function forgetIntents<T>(path: string, recover: () => Promise<T>): Promise<T> {
  const database = new Database(path);
  database.prepare("UPDATE steps SET state = 'open' WHERE state = 'begun'").run();
  database.close();
  return await recover();
}

describe("the stamp", () => {
  it("keeps a create that nobody could find again from being sent twice", async () => {
    const lost = async (unstamped: boolean) => {
      const rig = await createRig({
        transport: (request) => rig.simulator.handle(unstamped ? withoutStamp(request) : request),
      });
      const given = [lead(1)];
      await rig.take(given);
      rig.simulator.failNext({ kind: "resetAfter", match: { method: "POST", path: /\/deals$/ } });
      await runToTheEnd(rig, IMMORTAL, new Map());
      return rig.simulator.records.deals.length;
    };
    type Request = Parameters<Transport>[0];
    const withoutStamp = (request: Request): Request => {
      if (request.method !== "POST" || request.body === undefined) return request;
      const { custom_fields: _, ...body } = JSON.parse(request.body) as Record<string, unknown>;
      return { ...request, body: JSON.stringify(body) };
    };
    expect(await lost(false)).toBe(1);
    expect(await lost(true)).toBe(2);
  });

  it("keeps everything back where creates could carry none", async () => {
    const rig = await createRig({ simulator: { withStampFields: false } });
    await rig.take([lead(1)]);
    const report = await rig.run();
    expect(report.setupMissing?.hint).toContain("crmledger doctor --fix");
    expect(rig.simulator.log).toEqual([]);
    expect(report.remaining).toBe(1);
  });
});

describe("a lease that ran out", () => {
  it.each([
    ["", 30_000, 40_000],
    [", also where its requests may take longer than a lease lasts", 600_000, 130_000],
  ])("keeps what a paused process had begun from leaving when it wakes%s", async (_, timeoutMs, forMs) => {
    const events: string[] = [];
    const rig = await createRig({
      transport: (request) => {
        if (request.method === "POST") events.push(`left: ${new URL(request.url).pathname}`);
        return rig.simulator.handle(request);
      },
    });
    await rig.take([lead(1)]);
    let pausedMs = 0;
    const failpoint = (name: string): void => {
      if (name === "turn.after") events.push("turn");
      if (name !== "send.before" || pausedMs > 0 || rig.simulator.records.persons.length === 0) return;
      events.push("paused");
      pausedMs = forMs;
    };
    const clock = Object.assign(Object.create(rig.clock) as typeof rig.clock, {
      monoMs: () => rig.clock.monoMs() + pausedMs,
    });
    await rig.run({}, { clock, failpoint, timeoutMs });
    await runToTheEnd(rig, IMMORTAL, new Map());
    const since = events.slice(events.indexOf("paused") + 1);
    expect(since.indexOf("turn")).toBeLessThan(since.findIndex((event) => event.startsWith("left")));
    expect(judge(rig.simulator, [lead(1)])).toEqual(NOTHING);
  });

  it("keeps from leaving too what a process had begun that was paused while its connection opened", async () => {
    const asked: string[] = [];
    let pausedMs = 0;
    const rig = await createRig({
      transport: async (request, mayLeave) => {
        if (request.method === "POST" && pausedMs === 0) pausedMs = 40_000;
        const may = mayLeave?.() ?? true;
        if (request.method === "POST") asked.push(may ? "left" : "kept");
        return may ? rig.simulator.handle(request) : { type: "failure", sent: "no", code: "PAUSED", message: "late" };
      },
    });
    await rig.take([lead(1)]);
    const clock = Object.assign(Object.create(rig.clock) as typeof rig.clock, {
      monoMs: () => rig.clock.monoMs() + pausedMs,
    });
    await rig.run({}, { clock });
    await runToTheEnd(rig, IMMORTAL, new Map());
    expect(asked.slice(0, 2)).toEqual(["kept", "left"]);
    expect(judge(rig.simulator, [lead(1)])).toEqual(NOTHING);
  });
});
