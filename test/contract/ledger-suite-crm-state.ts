import { describe, expect, test } from "vitest";
import type { Hold } from "../../src/domain/hold.ts";
import type { CrmRecord } from "../../src/domain/operation.ts";
import type { MirrorBatch, MirrorState } from "../../src/ledger/rows.ts";
import { crmRecord, START_MS, turned } from "../support/ledger-fixture.ts";
import type { Subject } from "./ledger-suite.ts";

const hold = (more: Partial<Hold> = {}): Hold => ({
  kind: "outage",
  scope: "group:deals",
  untilMs: START_MS + 30_000,
  probe: true,
  message: "deals answer 503",
  ...more,
});

export function crmStateTests(subject: Subject): void {
  const bench = () => subject.bench;
  const find = (...keys: string[]) => bench().ledger.mirrorFind(bench().account, "person", keys);
  const save = (more: Partial<MirrorBatch>) =>
    bench().ledger.mirrorSave({
      accountId: bench().account,
      entity: "person",
      records: [],
      keys: {},
      gone: [],
      state: null,
      nowMs: START_MS,
      ...more,
    });
  const person = (id: string, email: string, more: Partial<CrmRecord> = {}) =>
    crmRecord({ entity: "person", id, emails: [email], createdAtMs: START_MS, ...more });
  const walkState = (walk: number): MirrorState => ({
    entity: "person",
    watermarkMs: 1,
    walkedAtMs: 2,
    refreshedAtMs: 3,
    records: 4,
    searchTokens: 5,
    walk,
  });

  describe("account", () => {
    test("is bound once; the same account is welcome again, another is refused", async () => {
      const { ledger, account } = bench();
      const same = { vendor: "pipedrive", externalId: "77", name: "Acme Ltd" };
      expect(await ledger.bindAccount(same, START_MS)).toBe(account);
      expect(await ledger.account()).toEqual({ id: account, ...same });
      const other = { vendor: "pipedrive", externalId: "78", name: "Other" };
      await expect(ledger.bindAccount(other, START_MS)).rejects.toMatchObject({ code: "accountMismatch" });
      const vendor = { vendor: "hubspot", externalId: "77", name: "Acme" };
      await expect(ledger.bindAccount(vendor, START_MS)).rejects.toMatchObject({ exitCode: 78 });
    });

    test("keeps the newest of each part of its catalog", async () => {
      const { ledger, account } = bench();
      await ledger.saveCatalog(account, "pipelines", { pipelines: [{ id: "1", name: "Old" }] }, 1);
      await ledger.saveCatalog(account, "pipelines", { pipelines: [{ id: "1", name: "Sales" }] }, 2);
      await ledger.saveCatalog(account, "users", { users: [] }, 3);
      expect(await ledger.loadCatalog(account)).toEqual([
        { part: "pipelines", catalog: { pipelines: [{ id: "1", name: "Sales" }] }, fetchedAtMs: 2 },
        { part: "users", catalog: { users: [] }, fetchedAtMs: 3 },
      ]);
    });
  });

  describe("mirror", () => {
    test("answers by any key of a record, oldest record first", async () => {
      await save({
        records: [person("9", "Ada@Example.com "), person("10", "ada@example.com", { createdAtMs: START_MS - 1 })],
        keys: { "9": ["phone:+372555"] },
      });
      const found = await find("email:ada@example.com", "phone:+372555", "email:nobody@example.com");
      expect(found.get("email:ada@example.com")?.map((hit) => hit.id)).toEqual(["10", "9"]);
      expect(found.get("phone:+372555")).toEqual([
        { id: "9", createdAtMs: START_MS, keys: ["email:ada@example.com", "phone:+372555"] },
      ]);
      expect(found.has("email:nobody@example.com")).toBe(false);
    });

    test("a newer page replaces a record's keys, and is safe to repeat", async () => {
      await save({ records: [person("9", "old@example.com")] });
      for (let times = 0; times < 2; times += 1) await save({ records: [person("9", "new@example.com")] });
      expect([...(await find("email:old@example.com", "email:new@example.com")).keys()]).toEqual([
        "email:new@example.com",
      ]);
    });

    test("forgets what is gone or deleted", async () => {
      await save({
        records: [person("1", "a@example.com"), person("2", "b@example.com"), person("3", "c@example.com")],
      });
      await save({ gone: ["1"], records: [person("2", "b@example.com", { deleted: true })] });
      await turned(bench(), { gone: [{ entity: "person", id: "3" }] });
      expect((await find("email:a@example.com", "email:b@example.com", "email:c@example.com")).size).toBe(0);
    });

    test("a sweep drops what the walk did not see, but never what was written meanwhile", async () => {
      await save({ records: [person("1", "a@example.com"), person("2", "b@example.com")], state: walkState(1) });
      await save({ records: [person("1", "a@example.com")], state: walkState(2) });
      await turned(bench(), { mirror: [{ record: person("3", "c@example.com"), keys: [] }] });
      expect(await bench().ledger.mirrorSweep(bench().account, "person", 2)).toBe(1);
      const found = await find("email:a@example.com", "email:b@example.com", "email:c@example.com");
      expect([...found.keys()]).toEqual(["email:a@example.com", "email:c@example.com"]);
    });

    test("keeps the state of each entity, and says so where nothing was ever walked", async () => {
      await save({ state: walkState(3) });
      expect(await bench().ledger.mirrorState(bench().account, "person")).toEqual(walkState(3));
      expect(await bench().ledger.mirrorState(bench().account, "organization")).toEqual({
        entity: "organization",
        watermarkMs: null,
        walkedAtMs: null,
        refreshedAtMs: null,
        records: 0,
        searchTokens: 0,
        walk: 0,
      });
    });

    test("finds organizations by their folded name, apart from persons", async () => {
      await save({
        entity: "organization",
        records: [crmRecord({ entity: "organization", id: "5", name: " ACME  Ltd" })],
      });
      const found = await bench().ledger.mirrorFind(bench().account, "organization", ["organization:acme ltd"]);
      expect(found.get("organization:acme ltd")?.[0]?.id).toBe("5");
      expect((await find("organization:acme ltd")).size).toBe(0);
    });
  });

  describe("holds and breakers", () => {
    test("the same hold again moves the open one", async () => {
      const { ledger, account } = bench();
      const first = await ledger.openHold(account, hold(), START_MS);
      const moved = await ledger.openHold(account, hold({ untilMs: null, message: "still" }), START_MS + 5);
      expect(moved).toEqual({
        ...hold({ untilMs: null, message: "still" }),
        id: first.id,
        openedAtMs: START_MS,
        closedAtMs: null,
      });
      await ledger.openHold(account, hold({ scope: "group:notes" }), START_MS);
      await ledger.openHold(null, hold({ kind: "paused", scope: "account" }), START_MS);
      expect((await ledger.holds()).map((row) => row.scope)).toEqual(["group:deals", "group:notes", "account"]);
    });

    test("close by kind, scope or id, and open anew after that", async () => {
      const { ledger, account } = bench();
      const first = await ledger.openHold(account, hold(), START_MS);
      const second = await ledger.openHold(account, hold({ scope: "group:notes" }), START_MS);
      expect(await ledger.closeHolds({ kind: "paused" }, START_MS)).toBe(0);
      expect(await ledger.closeHolds({ kind: "outage", scope: "group:notes" }, START_MS)).toBe(1);
      expect(await ledger.closeHolds({ ids: [first.id, second.id] }, START_MS)).toBe(1);
      expect(await ledger.holds()).toEqual([]);
      expect((await ledger.openHold(account, hold(), START_MS + 9)).id).not.toBe(first.id);
    });

    test("a breaker keeps its memory over runs", async () => {
      const { ledger, account } = bench();
      await ledger.saveBreaker(account, { group: "deals", state: "open", openedAtMs: 5, recent: [true, false] });
      await ledger.saveBreaker(account, { group: "deals", state: "halfOpen", openedAtMs: 6, recent: [true] });
      await ledger.saveBreaker(account, {
        ...{ group: "notes", state: "open", openedAtMs: 7, recent: [] },
        ...{ openings: 3, down: "both" },
      });
      expect(await ledger.breakers(account)).toEqual([
        { group: "deals", state: "halfOpen", openedAtMs: 6, recent: [true], openings: 0, down: null },
        { group: "notes", state: "open", openedAtMs: 7, recent: [], openings: 3, down: "both" },
      ]);
    });

    test("what a closed breaker remembers never closes one that another process opened", async () => {
      const { ledger, account } = bench();
      await ledger.saveBreakerMemory(account, "deals", [true]);
      await ledger.saveBreakerMemory(account, "deals", [true, false]);
      expect(await ledger.breakers(account)).toMatchObject([{ state: "closed", recent: [true, false] }]);
      await ledger.saveBreaker(account, { group: "deals", state: "open", openedAtMs: 5, recent: [true, true] });
      await ledger.saveBreakerMemory(account, "deals", [false]);
      expect(await ledger.breakers(account)).toMatchObject([{ state: "open", recent: [true, true] }]);
    });

    test("one run of all gets the probe, until it is over, given back, too late, or its run has ended", async () => {
      const { ledger, account, run, now } = bench();
      const other = await ledger.openRun({ kind: "sync", pid: 3, host: "h", lockName: null, now });
      const take = (who: typeof run, atMs: number) => ledger.takeProbe(account, "deals", who, atMs, atMs + 90_000);
      const state = async () => (await ledger.breakers(account))[0]?.state;
      const open = { group: "deals", state: "open", openedAtMs: START_MS, recent: [true] } as const;
      await ledger.saveBreaker(account, { ...open, recent: [true] });
      expect(await take(run, START_MS)).toBe(true);
      expect(await state()).toBe("halfOpen");
      expect(await take(other, START_MS + 1)).toBe(false);
      expect(await take(run, START_MS + 1)).toBe(true);
      await ledger.giveProbeBack(account, "deals", other);
      expect(await take(other, START_MS + 2)).toBe(false);
      await ledger.giveProbeBack(account, "deals", run);
      expect(await state()).toBe("open");
      expect(await take(other, START_MS + 3)).toBe(true);
      expect(await take(run, START_MS + 90_004)).toBe(true);
      await ledger.saveBreaker(account, { ...open, recent: [true] });
      expect(await take(other, START_MS + 90_005)).toBe(true);
      await ledger.closeRun(other, { stopped: "drained", exitCode: 0, summary: null, nowMs: START_MS });
      expect(await take(run, START_MS + 90_006)).toBe(true);
    });
  });

  describe("runs", () => {
    test("are open until they end, and the last one tells what it printed", async () => {
      const { ledger, run, now } = bench();
      const other = await ledger.openRun({ kind: "import", pid: 3, host: "h", lockName: null, now });
      expect((await ledger.openRuns()).map((row) => row.id)).toEqual([other, run]);
      const summary = { run: "x", remaining: 3 };
      await ledger.closeRun(run, { stopped: "drained", exitCode: 0, summary, nowMs: START_MS + 1 });
      expect((await ledger.openRuns()).map((row) => row.id)).toEqual([other]);
      expect(await ledger.lastRun("sync")).toEqual({
        id: run,
        kind: "sync",
        pid: 7,
        host: "host",
        lockName: "sync",
        startedAtMs: START_MS,
        endedAtMs: START_MS + 1,
        stopped: "drained",
        exitCode: 0,
        summary,
      });
      expect((await ledger.lastRun())?.id).toBe(other);
      expect(await ledger.lastRun("reconcile")).toBeNull();
    });

    test("are counted, so that a restored backup can be told", async () => {
      const { ledger, now } = bench();
      const before = (await ledger.facts()).runCounter;
      await ledger.openRun({ kind: "sync", pid: 1, host: "h", lockName: null, now });
      expect((await ledger.facts()).runCounter).toBe(before + 1);
    });
  });

  describe("care", () => {
    test("a sound ledger has no problems", async () => {
      expect(await bench().ledger.check()).toEqual([]);
    });

    test("a closed ledger does nothing any more", async () => {
      const second = await subject.again();
      await second.close();
      await expect(second.queue()).rejects.toThrow();
      expect(await bench().ledger.queue()).toMatchObject({ pending: 0 });
    });
  });
}
