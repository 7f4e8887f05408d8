import { rmSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { awaitTurn } from "../../src/cli/check-turn.ts";
import type { Talk } from "../../src/cli/talk.ts";
import { createSqliteLocks } from "../../src/ledger/sqlite/locks.ts";
import { createSimulator } from "../../src/simulator/simulator.ts";
import { type CliWorld, createCliWorld, lead, WEBSITE } from "../support/cli-world.ts";
import { createSystemClock } from "../support/system-clock.ts";

let world: CliWorld;
beforeEach(async () => {
  world = await createCliWorld();
  world.config();
});
afterEach(() => world.close());

const sync = (...args: string[]) => world.run("sync", "--yes", "--max-wait", "0s", ...args);
const dealOf = (key: string) => world.simulator.records.deals.find(({ title }) => title === `Deal ${key}`)!.id;

async function deliver(...keys: string[]): Promise<void> {
  world.write(`spool/${keys.join("-")}.json`, JSON.stringify(keys.map((key) => lead(key))));
  expect((await sync()).code).toBe(0);
}

/** Once the CRM was asked for this since now. */
function asked(route: string, times = 1): Promise<void> {
  const count = () => world.simulator.requests.byRoute[route] ?? 0;
  const before = count();
  return new Promise((resolve) => {
    const look = () => void (count() >= before + times ? resolve() : setImmediate(look));
    look();
  });
}

const PERSONS = "GET /api/v2/persons";

describe("a check that is stopped", () => {
  test("by Ctrl-C says what it found so far, leaves with 130, and repairs nothing", async () => {
    await deliver("a");
    world.simulator.integration.erase("deal", dealOf("a"));
    world.simulator.seedPersons(3_000);
    const ran = await world.runWith(
      { onStart: (send) => void asked(PERSONS, 2).then(() => send("SIGINT")) },
      ...["reconcile", "--repair=recreate", "--json"],
    );
    expect(ran.code).toBe(130);
    expect(ran.json).toMatchObject({ stopped: "signal", repairsQueued: 0, requests: { total: expect.any(Number) } });
    expect(ran.err).toContain("nothing was repaired");
    expect((await world.run("status", "--json")).json).toMatchObject({ lastCheck: null, queue: { pending: 0 } });
    // What was seen is not paid for twice.
    const again = (await world.run("reconcile", "--json")).json;
    expect(again).toMatchObject({ counts: { "deal-missing": 1 }, stopped: null });
    expect(again.requests.total).toBeLessThan(12);
  });

  test("by a token that is revoked leaves with 77 and names the fix; with a good one it goes on", async () => {
    await deliver("a");
    world.simulator.seedPersons(2_000);
    void asked(PERSONS, 2).then(() => world.simulator.revokeToken());
    const ran = await world.run("reconcile");
    expect(ran.code).toBe(77);
    expect(ran.out).toMatch(/^The check was cut short \(a hold\): no break so far\./);
    expect(ran.out).toContain("Held: ");
    expect(ran.out).not.toContain("All is well");
    expect(`${ran.out}${ran.err}`).not.toContain(world.simulator.tokens[0]!);
    world.simulator.restoreToken();
    expect(await world.run("reconcile")).toMatchObject({ code: 0, out: expect.stringMatching(/^All is well/) });
  });

  test("by a CRM that is down leaves with 75, with a wrong token with 77, in one document each", async () => {
    await deliver("a");
    world.write("wrong", "wrong-token\n");
    const text = (url: string, token: string) =>
      `crm: { type: pipedrive, baseUrl: "${url}", apiTokenFile: ./${token} }\n${WEBSITE}`;
    world.write("down.yaml", text("http://127.0.0.1:1", "token"));
    world.write("wrong.yaml", text(world.url, "wrong"));
    expect(await world.run("reconcile", "--json", "--config", "down.yaml")).toMatchObject({
      code: 75,
      json: { error: { code: "held", hint: expect.stringContaining("next run") } },
    });
    const wrong = await world.run("reconcile", "--json", "--config", "wrong.yaml");
    expect(wrong).toMatchObject({ code: 77, json: { error: { code: "credentialsRefused" } } });
    expect(wrong.err).not.toContain("wrong-token");
  });

  test("by a list that the CRM does not answer leaves with 75, and the next one goes on behind what was seen", async () => {
    await deliver("a");
    world.simulator.failNext({ kind: "error500Before", times: 3, match: { method: "GET", path: /\/notes$/ } });
    const ran = await world.run("reconcile", "--json");
    expect(ran).toMatchObject({ code: 75, json: { stopped: "hold" } });
    expect(ran.json.hold.message).toContain("500");
    const before = world.simulator.requests.byRoute[PERSONS];
    expect(await world.run("reconcile", "--json")).toMatchObject({ code: 0, json: { checked: 1, matched: 1 } });
    expect(world.simulator.requests.byRoute[PERSONS]).toBe(before);
  });

  test("by another company's token leaves with 78, and judges nothing by it", async () => {
    await deliver("a");
    const clock = createSystemClock();
    const company = { id: 999, name: "Other" };
    const { tokens } = world.simulator;
    const other = createSimulator({ clock, limits: null, withStampFields: true, company, tokens: [...tokens] });
    const server = await other.serve();
    try {
      world.write(
        "other.yaml",
        `crm: { type: pipedrive, baseUrl: "${server.url}", apiTokenFile: ./token }\n${WEBSITE}`,
      );
      const ran = await world.run("reconcile", "--config", "other.yaml", "--json");
      expect(ran).toMatchObject({ code: 78, json: { error: { code: "accountMismatch" } } });
      expect((await world.run("status", "--json")).json.lastCheck).toBeNull();
    } finally {
      await server.close();
    }
  });

  test("by a machine without a ledger, or with one that never spoke to a CRM", async () => {
    const none = await world.run("reconcile");
    expect(none).toMatchObject({ code: 74, err: expect.stringContaining("crmledger sync") });
    await world.run("ingest");
    expect(await world.run("reconcile", "--dry-run")).toMatchObject({ code: 64 });
    expect(await world.run("reconcile", "accept", "1", "--why", "x")).toMatchObject({ code: 65 });
    expect(await world.run("reconcile")).toMatchObject({
      code: 0,
      out: expect.stringContaining("Nothing to check"),
    });
  });
});

describe("a check without the source's archive", () => {
  test("does not say that all is well", async () => {
    await deliver("a");
    rmSync(world.path("spool/.archive"), { recursive: true });
    world.write("spool/.archive", "no folder");
    const ran = await world.run("reconcile");
    expect(ran).toMatchObject({ code: 74, out: "", err: expect.stringContaining(".archive can't be read (ENOTDIR)") });
  });
});

describe("a check beside others", () => {
  test("works while a sync does, and both say the truth", async () => {
    await deliver("a");
    const keys = Array.from({ length: 30 }, (_, index) => `n${index}`);
    world.write("spool/new.json", JSON.stringify(keys.map((key) => lead(key))));
    const [checked, drained] = await Promise.all([world.run("reconcile", "--json"), sync("--json")]);
    expect(drained).toMatchObject({ code: 0, json: { drained: { done: 30 } } });
    expect(checked.json.error).toBeUndefined();
    expect(await world.run("reconcile", "--json")).toMatchObject({ code: 0, json: { checked: 31, matched: 31 } });
  });

  test("takes its turn after another check, and both find what is missing", async () => {
    await deliver("a", "b");
    world.simulator.integration.erase("deal", dealOf("a"));
    const ran = await Promise.all([
      world.run("reconcile", "--json"),
      world.run("reconcile", "--since", "30d", "--json"),
      world.run("reconcile", "--source", "website", "--json"),
    ]);
    for (const { code, json } of ran) {
      expect(code).toBe(2);
      expect(json).toMatchObject({ checked: 2, matched: 1, counts: { "deal-missing": 1 } });
    }
    expect(ran.map(({ err }) => err).join("")).toContain("Another check is at work on this ledger");
  });

  test("does not wait for its turn for ever: a signal ends it", async () => {
    const turn = createSqliteLocks(world.path("crmledger.db")).take("check")!;
    const controller = new AbortController();
    const talk = { say: () => controller.abort() } as unknown as Talk;
    const shop = { ledgerPath: world.path("crmledger.db"), clock: createSystemClock() };
    await expect(awaitTurn(shop, { talk }, controller.signal)).rejects.toMatchObject({ name: "AbortError" });
    turn.release();
    (await awaitTurn(shop, { talk }, new AbortController().signal)).release();
  });
});

describe("the question before repairs", () => {
  beforeEach(async () => {
    await deliver("a");
    world.simulator.integration.erase("deal", dealOf("a"));
  });
  const repair = (answer: string, ...args: string[]) =>
    world.runWith({ answers: [answer] }, "reconcile", "--repair=recreate", ...args);

  test("shows what would be queued and what it costs; only a yes queues it", async () => {
    const no = await repair("");
    expect(no.code).toBe(2);
    expect(no.err).toMatch(/1 +deal-missing +website\/a +is written again/);
    expect(no.err).toContain("--repair=recreate would mend 1, for about 5 tokens.\nQueue this? [y/N]: ");
    expect(no.err).toContain("Nothing was queued.");
    expect(no.out).not.toContain("queued");
    expect((await repair("n", "--json")).json.repairsQueued).toBe(0);
    expect((await repair("y", "--json")).json.repairsQueued).toBe(1);
    expect((await world.run("status", "--json")).json.queue.pending).toBe(1);
  });

  test("is not asked with --yes, nor where nobody can answer, nor where there is nothing to mend", async () => {
    const nothing = await world.runWith({ answers: [] }, "reconcile", "--repair");
    expect(nothing.err).toContain("There is nothing that --repair could mend.");
    const yes = await world.runWith({ answers: [] }, "reconcile", "--repair=recreate", "--yes", "--json");
    expect(yes.json.repairsQueued).toBe(1);
    expect(yes.err).not.toContain("[y/N]");
  });

  test("a signal while it stands is a no", async () => {
    const ran = await world.runWith(
      {
        answers: [],
        onStart: (send) => void asked("GET /v1/notes").then(() => setImmediate(() => send("SIGTERM"))),
      },
      ...["reconcile", "--repair=recreate", "--json"],
    );
    expect(ran.code).toBe(143);
    expect(ran.json.repairsQueued).toBe(0);
  });
});
