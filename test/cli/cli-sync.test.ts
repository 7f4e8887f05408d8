import { existsSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createSqliteLocks } from "../../src/ledger/sqlite/locks.ts";
import { type CliWorld, createCliWorld, lead, WEBSITE } from "../support/cli-world.ts";

let world: CliWorld;

beforeEach(async () => {
  world = await createCliWorld();
  world.config();
});

afterEach(() => world.close());

describe("sync", () => {
  it("brings each submission of a spool into the CRM once, and says so in the contract's document", async () => {
    const records = JSON.stringify([lead("1"), lead("2")]);
    world.write("spool/a.json", records);
    const first = await world.run("sync", "--json", "--max-wait", "0s");
    expect(first.err).toBe("");
    expect(first.code).toBe(0);
    expect(first.json).toMatchObject({
      run: expect.any(String),
      ingested: { new: 2, duplicate: 0, conflict: 0, skipped: 0, history: 0, rejected: 0 },
      drained: { done: 2, waiting: 0, uncertain: 0, failed: 0 },
      remaining: 0,
      warnings: [],
      requests: { total: expect.any(Number), rateLimited: 0, retried: 0, tokens: expect.any(Number) },
      lookups: { mirror: expect.any(Number), search: expect.any(Number) },
      stopped: "drained",
      hold: null,
      durationMs: expect.any(Number),
    });
    expect(world.simulator.records.deals.map((deal) => deal.title).sort()).toEqual(["Deal 1", "Deal 2"]);

    world.write("spool/again.json", records);
    const second = await world.run("sync", "--json", "--max-wait", "0s");
    expect(second.json).toMatchObject({ ingested: { new: 0, duplicate: 2 }, drained: { done: 0 } });
    expect(world.simulator.records.deals).toHaveLength(2);
  });

  it("without the stamp fields sends nothing and names doctor --fix", async () => {
    const bare = await createCliWorld({ withStampFields: false });
    try {
      bare.config();
      bare.write("spool/a.json", JSON.stringify(lead("1")));
      const ran = await bare.run("sync", "--json");
      expect(ran.code).toBe(78);
      expect(ran.json).toMatchObject({
        ingested: { new: 1 },
        remaining: 1,
        stopped: "hold",
        error: { code: "crmSetupMissing" },
      });
      expect(ran.json.error.hint).toContain("doctor --fix");
      expect(bare.simulator.records.persons).toHaveLength(0);

      expect((await bare.run("doctor")).code).toBe(78);
      expect((await bare.run("doctor", "--fix")).code).toBe(0);
      expect((await bare.run("sync", "--max-wait", "0s")).code).toBe(0);
      expect(bare.simulator.records.deals).toHaveLength(1);
    } finally {
      await bare.close();
    }
  });

  it("leaves 3 when a record needs a person, and still prints its summary", async () => {
    world.write("spool/a.json", JSON.stringify([lead("1"), { id: "2", person: { name: "No address" } }]));
    const ran = await world.run("sync", "--max-wait", "0s");
    expect(ran.code).toBe(3);
    expect(ran.out).toContain("Ingested  1 new, 1 rejected");
    expect(ran.out).toContain("Drained   1 done");
  });

  it("stops at --limit with 0 and names what is left", async () => {
    world.write("spool/a.json", JSON.stringify([lead("1"), lead("2"), lead("3")]));
    const ran = await world.run("sync", "--json", "--limit", "1", "--max-wait", "0s");
    expect(ran.code).toBe(0);
    expect(ran.json).toMatchObject({ stopped: "limit", drained: { done: 1 }, remaining: 2 });
  });

  it("sends nothing after a spool that can't be read: 74, and the other spool is taken in", async () => {
    world.config(`${WEBSITE}  broken:\n    spool: ./missing\n`);
    world.write("spool/a.json", JSON.stringify(lead("1")));
    const ran = await world.run("sync", "--json");
    expect(ran.code).toBe(74);
    expect(ran.json).toMatchObject({
      ingested: { new: 1 },
      drained: { done: 0 },
      remaining: 1,
      error: { code: "spoolUnreadable" },
    });
    expect(world.simulator.requests.total).toBe(0);
  });
});

describe("sync --dry-run", () => {
  it("shows every write with its values, and neither sends nor writes anything", async () => {
    world.write("spool/a.json", JSON.stringify(lead("1")));
    const before = readdirSync(world.folder);
    const ran = await world.run("sync", "--dry-run", "--json");
    expect(ran.code).toBe(0);
    expect(ran.json).toMatchObject({
      dryRun: true,
      plan: {
        submissions: 1,
        requests: expect.any(Number),
        tokensMin: expect.any(Number),
        tokensMax: expect.any(Number),
      },
    });
    const deal = ran.json.plan.writes.find((write: { step: string }) => write.step === "deal");
    expect(deal).toMatchObject({ source: "website", key: "1", action: "create", fields: { title: "Deal 1" } });
    expect(readdirSync(world.folder)).toEqual(before);
    expect(existsSync(world.path("spool/a.json"))).toBe(true);
    expect(world.simulator.requests.total).toBe(0);
  });

  it("leaves an existing ledger as it is", async () => {
    await world.run("ingest");
    world.write("spool/a.json", JSON.stringify(lead("1")));
    const before = statSync(world.path("crmledger.db")).size;
    await world.run("sync", "--dry-run");
    expect(statSync(world.path("crmledger.db")).size).toBe(before);
    expect((await world.run("status", "--json")).json.queue.pending).toBe(0);
  });
});

describe("two at once", () => {
  it("a second sync leaves with 4 and says who is at work", async () => {
    await world.run("ingest");
    const lock = createSqliteLocks(world.path("crmledger.db")).take("sync")!;
    try {
      const ran = await world.run("sync", "--json");
      expect(ran.code).toBe(4);
      expect(ran.json.error).toMatchObject({ code: "alreadyRunning", hint: expect.stringContaining("--join") });
      expect(world.simulator.requests.total).toBe(0);
    } finally {
      lock.release();
    }
  });

  it("--join works beside it, without reading the spools a second time", async () => {
    world.write("spool/a.json", JSON.stringify(lead("1")));
    await world.run("ingest");
    world.write("spool/b.json", JSON.stringify(lead("2")));
    const lock = createSqliteLocks(world.path("crmledger.db")).take("sync")!;
    try {
      const ran = await world.run("sync", "--join", "--json", "--max-wait", "0s");
      expect(ran.code).toBe(0);
      expect(ran.json).toMatchObject({ ingested: { new: 0 }, drained: { done: 1 } });
    } finally {
      lock.release();
    }
  });
});

describe("what is left", () => {
  it("is told with the time at which the first of it falls due, where no hold says why it waits", async () => {
    world.write("spool/a.json", JSON.stringify(lead("1")));
    world.simulator.failNext({ kind: "error503", match: { method: "POST", path: /\/persons$/ } });
    const ran = await world.run("sync", "--json", "--max-wait", "0s");
    expect(ran.json).toMatchObject({ stopped: "drained", hold: null, remaining: 1 });
    expect(Date.parse(ran.json.nextDueAt)).toBeGreaterThan(Date.parse("2026-01-01"));
    const again = await world.run("sync", "--max-wait", "0s");
    expect(again.out).toMatch(/1 submission left in the queue, the first due at 20\d\d-/);
    await world.run("pause", "--why", "clean-up");
    expect((await world.run("sync", "--max-wait", "0s")).out).toContain("1 submission left in the queue. Took");
  });

  it("has no such time where nothing is left", async () => {
    world.write("spool/a.json", JSON.stringify(lead("1")));
    expect((await world.run("sync", "--json", "--max-wait", "0s")).json).not.toHaveProperty("nextDueAt");
  });
});

describe("holds", () => {
  it("by hand: nothing is sent and sync leaves 75, until resume", async () => {
    world.write("spool/a.json", JSON.stringify(lead("1")));
    expect((await world.run("pause", "--json")).json.error.message).toContain("--why");
    expect((await world.run("pause", "--why", "clean-up until Monday")).code).toBe(0);
    const held = await world.run("sync", "--json");
    expect(held.code).toBe(75);
    expect(held.json).toMatchObject({
      stopped: "hold",
      hold: { kind: "paused", scope: "account", until: null, message: "clean-up until Monday" },
      ingested: { new: 1 },
      remaining: 1,
    });
    expect(world.simulator.records.persons).toHaveLength(0);
    expect((await world.run("resume", "--json")).json).toEqual({ resumed: 1 });
    expect((await world.run("sync", "--max-wait", "0s")).code).toBe(0);
    expect(world.simulator.records.deals).toHaveLength(1);
  });

  it("of one source leaves the others alone", async () => {
    world.config(`${WEBSITE}  shop:\n    spool: ./shop\n`);
    world.write("spool/a.json", JSON.stringify(lead("1")));
    world.write("shop/b.json", JSON.stringify(lead("2")));
    await world.run("pause", "--source", "shop", "--why", "form is broken");
    const ran = await world.run("sync", "--json", "--max-wait", "0s");
    expect(ran.json).toMatchObject({ drained: { done: 1 }, remaining: 1 });
    expect((await world.run("pause", "--source", "shopp", "--why", "x", "--json")).json.error.hint).toBe(
      "Did you mean shop?",
    );
    expect((await world.run("resume", "--source", "shopp", "--json")).json.error.hint).toBe("Did you mean shop?");
    // One that was taken out of the config meanwhile can still be let go.
    world.config();
    expect((await world.run("resume", "--source", "shop", "--json")).json).toEqual({ resumed: 1 });
  });

  it("from refused credentials: 77, nothing lost, and the token is never shown", async () => {
    world.write("spool/a.json", JSON.stringify(lead("1")));
    world.simulator.revokeToken();
    const ran = await world.run("sync", "--json", "--verbose");
    expect(ran.code).toBe(77);
    expect(ran.json.remaining).toBe(1);
    expect(ran.out + ran.err).not.toContain(world.simulator.tokens[0]!);
  });
});

describe("a token of another company", () => {
  it("is refused with 78 before anything is sent", async () => {
    world.write("spool/a.json", JSON.stringify(lead("1")));
    await world.run("sync", "--max-wait", "0s");
    const other = await createCliWorld({
      company: { id: 4711, name: "Other", domain: "other" },
      tokens: ["other-company-token"],
    });
    try {
      const config = `crm:\n  type: pipedrive\n  baseUrl: ${other.url}\n  apiTokenFile: ./token\n${WEBSITE}`;
      world.write("crmledger.yaml", config);
      world.write("token", "other-company-token");
      world.write("spool/b.json", JSON.stringify(lead("2")));
      const ran = await world.run("sync", "--json");
      expect(ran.code).toBe(78);
      expect(ran.json.error.code).toBe("accountMismatch");
      expect(other.simulator.records.persons).toHaveLength(0);
    } finally {
      await other.close();
    }
  });
});

describe("a ledger in trouble", () => {
  it("damaged: 74, one document, left as it is", async () => {
    writeFileSync(world.path("crmledger.db"), "this is no database, not even nearly, but it is long enough to look at");
    const ran = await world.run("sync", "--json");
    expect(ran.code).toBe(74);
    expect(ran.json.error.code).toMatch(/^ledger(Damaged|Foreign)$/);
    expect(world.simulator.requests.total).toBe(0);
  });

  it("missing, for a command that only looks: 74 with what to do", async () => {
    const ran = await world.run("status", "--json");
    expect(ran.code).toBe(74);
    expect(ran.json.error).toMatchObject({ code: "ledgerUnreadable", hint: expect.stringContaining("crmledger") });
  });

  it("is looked into without a config where --ledger names it", async () => {
    await world.run("ingest");
    rmSync(world.path("crmledger.yaml"));
    expect((await world.run("status", "--ledger", "crmledger.db", "--json")).json.queue.pending).toBe(0);
    expect((await world.run("status", "--json")).code).toBe(78);
  });
});

describe("the first SIGINT", () => {
  it("lets what is in flight end, prints the summary and leaves 130", async () => {
    world.write("spool/a.json", JSON.stringify(Array.from({ length: 40 }, (_, index) => lead(String(index)))));
    const ran = await world.runWith(
      {
        onStart: (send) => {
          const timer = setInterval(() => {
            if (world.simulator.records.deals.length === 0) return;
            clearInterval(timer);
            send("SIGINT");
          }, 5);
        },
      },
      "sync",
      "--json",
    );
    expect(ran.code).toBe(130);
    expect(ran.json).toMatchObject({ stopped: "signal", drained: { uncertain: 0 } });
    expect(ran.json.remaining).toBeGreaterThan(0);
    const status = (await world.run("status", "--json")).json;
    expect(status.queue).toMatchObject({ inProgress: 0, uncertain: 0 });
    expect((await world.run("sync", "--max-wait", "0s")).code).toBe(0);
    expect(world.simulator.records.deals).toHaveLength(40);
  });
});
