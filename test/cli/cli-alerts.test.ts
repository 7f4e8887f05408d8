import { chmodSync, existsSync, readFileSync, rmSync } from "node:fs";
import Database from "better-sqlite3";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createSqliteLocks } from "../../src/ledger/sqlite/locks.ts";
import { type ChannelServer, createChannelServer } from "../support/channel-server.ts";
import { type CliWorld, createCliWorld, lead, type Ran, WEBSITE } from "../support/cli-world.ts";
import { createSystemClock } from "../support/system-clock.ts";

const MINUTE_MS = 60_000;

let world: CliWorld;
let server: ChannelServer;
let aheadMs: number;

const real = createSystemClock();
/** The machine's time, and on by what the test says. */
const clock = { ...real, wallMs: () => real.wallMs() + aheadMs, monoMs: () => real.monoMs() + aheadMs };

beforeEach(async () => {
  aheadMs = 0;
  world = await createCliWorld({ clock });
  server = await createChannelServer();
});

afterEach(async () => {
  await world.close();
  await server.close();
});

const run = (...args: string[]): Promise<Ran> => world.runWith({ clock }, ...args);
const sync = (): Promise<Ran> => run("sync", "--max-wait", "0s", "--json");
const later = (ms: number) => {
  aheadMs += ms;
};

function configure(alerts: string, rest = ""): void {
  world.config(`${alerts}${rest}${WEBSITE}    onBadValue: reject\n    target: 15m\n`);
}

const unknownOwner = (id: string) => lead(id, { deal: { title: `Deal ${id}`, owner: "nobody@example.com" } });

/** What the webhook was told since it was asked last: `opened failed`. */
const told = (): string[] =>
  server
    .taken()
    .filter(({ path }) => path === "/hook")
    .flatMap(({ body }) => JSON.parse(body).alerts as { event: string; kind: string }[])
    .map(({ event, kind }) => `${event} ${kind}`);

describe("an export that a run leaves in a spool", () => {
  const beganMs = real.wallMs();
  const at = (number: number): string => new Date(beganMs - number * MINUTE_MS).toISOString();
  const leads = (prefix: string): string => {
    const all = Array.from({ length: 30 }, (_, n) => ({ ...lead(`${n}`), id: `${prefix}${n}`, submittedAt: at(n) }));
    return JSON.stringify(all.map((one, n) => ({ ...one, person: { email: `lead.${n}@example.com` } })));
  };
  const spoolAlerts = async () =>
    ((await run("status", "--json")).json.alerts as { kind: string; subject: string }[])
      .filter(({ kind }) => kind === "spool")
      .map(({ subject }) => subject);

  it("is an alert until it is gone, also after runs that do not read that spool", async () => {
    configure(`alerts: { to: [{ webhook: "${server.url}/hook" }] }\n`);
    world.write("spool/first.json", leads("a"));
    expect((await run("ingest")).code).toBe(0);
    const text = leads("b");
    const file = world.write("spool/again.json", text);
    const left = await sync();
    expect(left.code).toBe(3);
    expect(left.json.heldFiles).toEqual([{ source: "website", file }]);
    expect(told()).toEqual(["opened spool"]);
    expect(await spoolAlerts()).toEqual(["website export"]);
    world.config(`${WEBSITE}  shop: { spool: ./shop }\n`);
    world.write("shop/.keep", "");
    expect((await run("sync", "--source", "shop", "--json")).json.heldFiles).toHaveLength(1);
    expect((await run("ingest", "--json")).json.heldFiles).toHaveLength(1);
    expect(await spoolAlerts()).toEqual(["website export"]);
    rmSync(file);
    expect(await spoolAlerts()).toEqual([]);
    configure(`alerts: { to: [{ webhook: "${server.url}/hook" }] }\n`);
    expect((await sync()).json).not.toHaveProperty("heldFiles");
    expect(told()).toEqual(["recovered spool"]);
  });
});

describe("alerts of a run", () => {
  it("tell Slack, a webhook and a command of trouble once, in one message each, and of its end", async () => {
    const script =
      '#!/bin/sh\ncat > told.json\nprintf "%s|%s|%s" "$CRMLEDGER_ALERT_LEVEL" "$CRMLEDGER_ALERT_COUNT" "$1" > told.txt\n';
    chmodSync(world.write("notify.sh", script), 0o700);
    configure(
      `alerts:\n  to: [{ slack: "${server.url}/slack/secret-part" }, { webhook: "${server.url}/hook" }, { command: ./notify.sh "two words" }]\n`,
    );
    world.write(
      "spool/a.json",
      JSON.stringify([lead("1"), unknownOwner("2"), { id: "3", person: { name: "<Nobody>" } }]),
    );
    expect((await sync()).code).toBe(3);

    const posts = server.taken();
    expect(posts.map(({ method, path }) => `${method} ${path}`).sort()).toEqual([
      "POST /hook",
      "POST /slack/secret-part",
    ]);
    const hook = JSON.parse(posts.find(({ path }) => path === "/hook")!.body);
    expect(hook).toMatchObject({
      tool: "crmledger",
      level: "warning",
      account: expect.any(String),
      title: expect.stringContaining("2 alerts"),
      alerts: [
        {
          event: "opened",
          kind: "failed",
          level: "warning",
          message: expect.stringContaining("1 submission failed"),
          until: null,
        },
        { event: "opened", kind: "rejects", subject: "website", runbook: "runbook.md#rejects" },
      ],
    });
    const slack = JSON.parse(posts.find(({ path }) => path !== "/hook")!.body);
    expect(Object.keys(slack)).toEqual(["text"]);
    expect(slack.text).toMatch(/^\*crmledger .*2 alerts\*\n• warning: 1 submission failed/);
    expect(JSON.parse(readFileSync(world.path("told.json"), "utf8"))).toMatchObject({ alerts: hook.alerts });
    expect(readFileSync(world.path("told.txt"), "utf8")).toBe("warning|2|two words");

    expect((await sync()).code).toBe(0);
    expect(server.taken()).toEqual([]);

    later(30 * MINUTE_MS);
    await run("failed", "drop", "2", "--why", "spam");
    await sync();
    const [over] = server.taken().filter(({ path }) => path === "/hook");
    expect(JSON.parse(over!.body)).toMatchObject({
      level: "ok",
      alerts: [{ event: "recovered", kind: "failed", since: expect.any(String), until: expect.any(String) }],
    });
    expect(JSON.parse(over!.body).alerts[0].seconds).toBeGreaterThanOrEqual(1800);
    await sync();
    expect(server.taken()).toEqual([]);
  });

  it("tell of a hold when it has lasted, of what waits too long, and of both ends when the CRM takes the token again", async () => {
    configure(`alerts: { to: [{ webhook: "${server.url}/hook" }] }\n`);
    await run("doctor", "--fix");
    await run("pause", "--why", "ask ada@example.com");
    world.write("spool/a.json", JSON.stringify([lead("1", { submittedAt: new Date(clock.wallMs()).toISOString() })]));
    await sync();
    expect(told()).toEqual([]);
    later(16 * MINUTE_MS);
    await sync();
    expect(told()).toEqual(["opened delay"]);
    later(60 * MINUTE_MS);
    await sync();
    expect(told()).toEqual(["worse delay"]);
    later(24 * 60 * MINUTE_MS);
    await sync();
    expect(told()).toEqual(["opened hold"]);
    await run("resume");
    world.simulator.revokeToken();
    expect((await sync()).code).toBe(77);
    expect(told()).toEqual(["opened credentials"]);
    world.simulator.restoreToken();
    expect((await sync()).code).toBe(0);
    expect(told()).toEqual(["recovered credentials"]);
    // Rates and waiting must be gone for a while.
    later(11 * MINUTE_MS);
    await sync();
    expect(told().sort()).toEqual(["recovered delay", "recovered hold"]);
    expect(server.posts.map(({ body }) => body).join()).not.toMatch(/ada@|lead-1@/);
  });

  it("a channel that takes nothing changes no outcome; what it missed it is told by the next run", async () => {
    configure(`alerts: { to: [{ slack: "${server.url}/services/T000/B000/secretpart" }] }\n`);
    server.answer(500);
    world.write("spool/a.json", JSON.stringify([unknownOwner("2")]));
    const ran = await sync();
    expect(ran.code).toBe(3);
    expect(ran.json).toMatchObject({ drained: { failed: 1 }, stopped: "drained" });
    expect(ran.err).toMatch(/slack 127.0.0.1:\d+ did not take the alerts \(answered 500\); the next run tries again/);
    expect(ran.err + ran.out).not.toContain("secretpart");
    for (const file of ["crmledger.db", "crmledger.db-wal"].map(world.path).filter(existsSync))
      expect(readFileSync(file).includes("secretpart")).toBe(false);
    server.answer(200);
    server.taken();
    await sync();
    expect(server.taken().map(({ body }) => JSON.parse(body).text)).toEqual([
      expect.stringContaining("1 submission failed"),
    ]);
    await sync();
    expect(server.taken()).toEqual([]);
  });

  it("status shows the same alerts, with what to do, and sends none", async () => {
    configure(`alerts: { to: [{ webhook: "${server.url}/hook" }] }\n`);
    world.write("spool/a.json", JSON.stringify([unknownOwner("2")]));
    await sync();
    const [sent] = server.taken();
    const { alerts } = (await run("status", "--json")).json;
    expect(alerts).toEqual([
      {
        ...{ kind: "failed", subject: expect.any(String), level: "warning", since: expect.stringMatching(/^20.*Z$/) },
        ...{ message: JSON.parse(sent!.body).alerts[0].message, hint: expect.stringContaining("crmledger failed") },
      },
    ]);
    expect(await run("status", "--check")).toMatchObject({ code: 1, out: `WARNING - ${alerts[0].message}\n` });
    expect(server.taken()).toEqual([]);
  });
});

describe("runs that do not come", () => {
  it("are seen by status --check, and told by the next run, with their end", async () => {
    configure(`alerts: { to: [{ webhook: "${server.url}/hook" }] }\n`);
    await sync();
    const hourMs = 60 * MINUTE_MS;
    const db = new Database(world.path("crmledger.db"));
    const insert = db.prepare(
      "INSERT INTO runs (kind, pid, host, boot_id, started_at_ms, ended_at_ms, exit_code) VALUES ('sync', 1, 'h', 'b', ?, ?, 0)",
    );
    const usual = db.prepare("INSERT OR IGNORE INTO rhythm (what, name, hour, n) VALUES ('run', 'sync', ?, 1)");
    db.transaction(() => {
      for (let ago = 80; ago > 0; ago -= 1) {
        const startedMs = clock.wallMs() - ago * hourMs;
        insert.run(startedMs, startedMs + 1_000);
        usual.run(Math.floor(startedMs / hourMs));
      }
    })();
    db.close();
    expect((await run("status", "--check")).out).toMatch(/^OK/);
    later(3 * hourMs);
    const check = await run("status", "--check");
    expect(check.code).toBe(2);
    expect(check.out).toMatch(/^CRITICAL - no sync has ended well for (3h 59m|4h); usually one begins every 1h/);
    expect(server.taken()).toEqual([]);
    await sync();
    expect(told()).toEqual(["opened noRun", "recovered noRun"]);
    expect((await run("status", "--check")).code).toBe(0);
  });
});

describe("alerts of a check", () => {
  it("tell of breaks, and how near the plan's cap is by the deals that it counted", async () => {
    configure(`alerts: { to: [{ webhook: "${server.url}/hook" }], dealCap: 4 }\n`);
    world.write("spool/a.json", JSON.stringify([lead("1"), lead("2"), lead("3")]));
    expect((await sync()).code).toBe(0);
    world.simulator.integration.erase("deal", world.simulator.records.deals[0]!.id);
    world.simulator.integration.addDeal({ title: "By hand" });
    world.simulator.integration.addDeal({ title: "By hand too" });
    expect((await run("reconcile")).code).toBe(2);
    const { alerts } = JSON.parse(server.taken()[0]!.body);
    expect(alerts).toMatchObject([
      {
        kind: "planCap",
        level: "critical",
        message: expect.stringMatching(/^at least 4 deals of the 4 deals and leads/),
      },
      { kind: "breaks", subject: "deal-missing", level: "warning" },
    ]);
  });
});

describe("channels", () => {
  it("are named by doctor, which tells nobody; with --alerts each is told that this is a test", async () => {
    configure(
      `alerts:\n  to: [{ slack: "${server.url}/slack/secretpart" }, { webhook: "${server.url}/hook" }, { command: ./missing.sh }]\n`,
    );
    const alertsOf = (ran: Ran) => ran.json.checks.filter((check: { name: string }) => check.name === "alerts");
    const ran = await run("doctor", "--json");
    expect(alertsOf(ran)).toMatchObject([
      { status: "ok", message: expect.stringMatching(/^are told to slack 127/) },
      { status: "ok" },
      { status: "warn", message: expect.stringContaining("./missing.sh is not there") },
    ]);
    expect(server.posts).toEqual([]);
    const tried = await run("doctor", "--alerts", "--json");
    expect(alertsOf(tried).map(({ status }: { status: string }) => status)).toEqual(["ok", "ok", "fail"]);
    expect(server.posts.map(({ path, body }) => [path, body.includes("this is a test")]).sort()).toEqual([
      ["/hook", true],
      ["/slack/secretpart", true],
    ]);
    expect(ran.out + tried.out + tried.err).not.toContain("secretpart");
  });

  it("that are new, or whose address was mended, are told of what began before", async () => {
    const failing = lead("a", { deal: { title: "D", owner: "nobody@example.com" } });
    const webhook = (path: string) => configure(`alerts: { to: [{ webhook: "${server.url}${path}" }] }\n`);
    webhook("/typo");
    server.answer(404);
    world.write("spool/a.json", JSON.stringify(failing));
    expect((await sync()).err).toContain("did not take the alerts");
    server.answer(200);
    webhook("/hook");
    await sync();
    expect(told()).toEqual(["opened failed"]);
    await sync();
    expect(told()).toEqual([]);
    configure(`alerts: { to: [{ webhook: "${server.url}/hook" }, { webhook: "${server.url}/second" }] }\n`);
    await sync();
    expect(server.taken().map(({ path }) => path)).toEqual(["/second"]);
  });

  it("whose Slack address others can read are refused, with the line", async () => {
    configure('alerts:\n  to: [{ slack: "https://hooks.example.com/secretpart" }]\n');
    chmodSync(world.path("crmledger.yaml"), 0o644);
    const ran = await sync();
    expect(ran.code).toBe(78);
    expect(ran.json.error.message).toMatch(/crmledger\.yaml:7:17: alerts\.to\[0\]\.slack is a secret/);
    expect(ran.out + ran.err).not.toContain("secretpart");
    configure(`alerts:\n  to: [{ slack: "\${SLACK}" }]\n`);
    chmodSync(world.path("crmledger.yaml"), 0o644);
    expect(
      (await world.runWith({ env: { SLACK: "https://hooks.example.com/x" } }, "sync", "--max-wait", "0s")).code,
    ).toBe(0);
  });
});

describe("the heartbeat", () => {
  const beats = () => server.taken().map(({ path }) => path.replace(/rid=[0-9a-f-]{36}$/, "rid=ID"));

  it("is told start and success, with the counts, under one id for each run", async () => {
    configure("", `heartbeat: ${server.url}/ping/abc\n`);
    world.write("spool/a.json", JSON.stringify([lead("1"), unknownOwner("2")]));
    expect((await sync()).code).toBe(3);
    const [start, end] = server.posts;
    expect(start!.path.replace("/ping/abc/start", "")).toBe(end!.path.replace("/ping/abc", ""));
    expect(JSON.parse(end!.body)).toMatchObject({ exitCode: 3, ingested: { new: 2 }, drained: { done: 1, failed: 1 } });
    expect(end!.body).not.toContain("example.com");
    expect(beats()).toEqual(["/ping/abc/start?rid=ID", "/ping/abc?rid=ID"]);
  });

  it("is told failure with the exit code, also of a run that could not begin", async () => {
    configure("", `heartbeat: ${server.url}/ping?key=1\n`);
    world.simulator.revokeToken();
    world.write("spool/a.json", JSON.stringify([lead("1")]));
    expect((await sync()).code).toBe(77);
    expect(JSON.parse(server.posts.at(-1)!.body)).toMatchObject({ exitCode: 77 });
    expect(beats()).toEqual(["/ping/start?key=1&rid=ID", "/ping/fail?key=1&rid=ID"]);
    world.write("crmledger.db", "no ledger at all, and long enough to be read as one".repeat(20));
    expect((await sync()).code).toBe(74);
    expect(JSON.parse(server.posts.at(-1)!.body)).toMatchObject({ exitCode: 74 });
    expect(beats()).toEqual(["/ping/fail?key=1&rid=ID"]);
  });

  it("is told nothing by a run that finds another at work; alerts are", async () => {
    configure(`alerts: { to: [{ webhook: "${server.url}/hook" }] }\n`, `heartbeat: ${server.url}/ping\n`);
    world.write("spool/a.json", JSON.stringify([{ person: { name: "Nobody" } }]));
    await run("ingest");
    const other = createSqliteLocks(world.path("crmledger.db")).take("sync");
    expect((await sync()).code).toBe(4);
    other!.release();
    expect(server.posts.map(({ path }) => path)).toEqual(["/hook"]);
    expect(told()).toEqual(["opened rejects"]);
  });

  it("is told of a run that a signal ended", async () => {
    configure("", `heartbeat: ${server.url}/ping\n`);
    world.write("spool/a.json", JSON.stringify(Array.from({ length: 50 }, (_, index) => lead(String(index)))));
    const written = (): boolean => world.simulator.records.persons.length > 0;
    const onStart = (send: (name: "SIGTERM") => void): void => {
      const look = (): void => void (written() ? send("SIGTERM") : setImmediate(look));
      look();
    };
    const ran = await world.runWith({ clock, onStart }, "sync", "--json");
    expect(ran.code).toBe(143);
    expect(server.posts.map(({ path }) => path.split("?")[0])).toEqual(["/ping/start", "/ping/fail"]);
    expect(JSON.parse(server.posts.at(-1)!.body)).toMatchObject({ exitCode: 143, stopped: "signal" });
  });

  it("that takes nothing is a warning", async () => {
    configure("", `heartbeat: ${server.url}/ping/secretpart\n`);
    server.answer(404);
    const ran = await sync();
    expect(ran.code).toBe(0);
    expect(ran.err).toContain("the heartbeat was not taken (answered 404)");
  });
});
