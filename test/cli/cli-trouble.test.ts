import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openSqliteLedger } from "../../src/ledger/sqlite/open.ts";
import { type CliWorld, createCliWorld, lead, WEBSITE } from "../support/cli-world.ts";

let world: CliWorld;

beforeEach(async () => {
  world = await createCliWorld();
  world.config();
});

afterEach(() => world.close());

describe("status", () => {
  it("says that a run died, not that it is still at work", async () => {
    await world.run("ingest");
    const ledger = await openSqliteLedger({ path: world.path("crmledger.db"), create: false, nowMs: Date.now() });
    const { pid } = spawnSync("true");
    const now = { wallMs: Date.now(), monoMs: 0, bootId: "boot" };
    await ledger.openRun({ kind: "sync", pid, host: hostname(), lockName: "sync", now });
    await ledger.close();
    expect((await world.run("status", "--json")).json.lastRun).toMatchObject({ kind: "sync", stopped: "died" });
    expect((await world.run("status")).out).toContain("the next sync takes its work back");
    expect((await world.run("status", "--check")).code).toBe(1);
    expect((await world.run("sync", "--max-wait", "0s")).code).toBe(0);
    expect((await world.run("status", "--check")).code).toBe(0);
  });

  it("names the newest run since the last sync, too, and a doctor hides neither", async () => {
    await world.run("sync");
    expect((await world.run("status", "--json")).json).toMatchObject({ lastRun: { kind: "sync" }, laterRun: null });
    world.write("missed.json", JSON.stringify(lead("7")));
    await world.run("import", "missed.json");
    await world.run("doctor");
    const { json } = await world.run("status", "--json");
    expect(json).toMatchObject({ lastRun: { kind: "sync" }, laterRun: { kind: "import", exitCode: 0 } });
    expect((await world.run("status")).out).toMatch(/later run +import at .*: drained, exit code 0/);
    await world.run("sync");
    expect((await world.run("status", "--json")).json.laterRun).toBeNull();
  });

  it("names who ends a hold: nobody has to, where each run asks the CRM", async () => {
    world.write("spool/a.json", JSON.stringify(lead("1")));
    const text = world.path("crmledger.yaml");
    writeFileSync(text, `crm: { type: pipedrive, baseUrl: "http://127.0.0.1:1", apiTokenFile: ./token }\n${WEBSITE}`);
    const ran = await world.run("sync", "--max-wait", "0s");
    expect(ran.code).toBe(75);
    expect(ran.out).toContain("outage (account) until it is over; each run asks once");
    await world.run("pause", "--why", "clean-up");
    expect((await world.run("status")).out).toContain("paused (account) until crmledger resume: clean-up");
  });
});

describe("status for machines and screens", () => {
  it("is written as Prometheus reads it and as a page, each in one step", async () => {
    world.write("spool/a.json", JSON.stringify([lead("1"), {}]));
    await world.run("ingest");
    await world.run("pause", "--why", '<script>"clean-up"</script>');
    world.write("status.prom", "old");
    const ran = await world.run("status", "--prometheus", "status.prom", "--html", "status.html", "--json");
    expect(ran.code).toBe(0);
    expect(ran.json.queue.pending).toBe(1);
    const metrics = readFileSync(world.path("status.prom"), "utf8");
    for (const line of metrics.trim().split("\n")) {
      expect(line).toMatch(
        /^(# (HELP|TYPE) crmledger_[a-z_]+ .+|crmledger_[a-z_]+(\{[a-z]+="[^"\n]+"(,[a-z]+="[^"\n]+")*\})? -?[\d.]+)$/,
      );
    }
    expect(metrics).toContain('crmledger_submissions{state="pending"} 1\n');
    expect(metrics).toContain('crmledger_holds{kind="paused"} 1\n');
    const page = readFileSync(world.path("status.html"), "utf8");
    expect(page).toContain("&lt;script&gt;&quot;clean-up&quot;");
    expect(page).not.toContain('<script>"');
    expect(readdirSync(world.folder).filter((name) => name.endsWith(".tmp"))).toEqual([]);
    expect((await world.run("status", "--html", "none/status.html")).code).toBe(64);
  });
});

describe("what goes wrong is told once, and without people's data", () => {
  it("a CSV without a header shows nothing of its first record", async () => {
    world.write("missed.csv", "Ada Lovelace,ada@example.com,+441234567890\nBob,bob@example.com,\n");
    const ran = await world.run("import", "missed.csv", "--json");
    expect(ran.code).toBe(65);
    expect(ran.json.error.message).toContain("looks like a record");
    expect(ran.err + ran.out).not.toMatch(/ada@|Lovelace|4412/);
    world.write("other.csv", "Kunde,Betrag\nx,1\n");
    expect((await world.run("import", "other.csv")).err).toContain("Kunde, Betrag");
  });

  it.each([
    ["map: { id: id, person.mail: x }", "sources.website.map.person.mail is no part", 5],
    ['map:\n      deal.title: "= ("', "sources.website.map.deal.title: ", 6],
    ["where: '= )'", "sources.website.where: ", 5],
    ["records: 'a..b'", "sources.website.records: ", 5],
    ["restToNote: '..'", "sources.website.restToNote: ", 5],
  ])("a broken map has file, line and key, and nothing is read: %s", async (line, message, at) => {
    world.config(`${WEBSITE}    ${line}\n`);
    world.write("spool/a.json", JSON.stringify(lead("1")));
    for (const command of ["sync", "ingest", "sync --dry-run", "doctor", "import spool/a.json --source website"]) {
      const ran = await world.run(...command.split(" "), "--json");
      expect(ran.code).toBe(78);
      // crm and limits take lines 1 to 5, sources begins in line 6
      expect(ran.out).toContain(`crmledger.yaml:${5 + at}:`);
      expect(ran.out).toContain(message);
    }
    expect((await world.run("status", "--json")).json.queue).toMatchObject({ pending: 0, done: 0 });
  });

  it("a mistake in the YAML is one line, with what needs quotes", async () => {
    world.write("crmledger.yaml", `crm: { type: pipedrive, apiToken: \${TOKEN}, timeout: 5s }\n${WEBSITE}`);
    const ran = await world.run("doctor", "--json");
    expect(ran.code).toBe(78);
    expect(ran.json.checks[1].message.split("\n")).toHaveLength(1);
    expect(ran.json.checks[1].message).toContain("crmledger.yaml:1:");
    expect(ran.json.checks[1].fix).toContain("quotes");
  });

  it("doctor names a damaged ledger once, and a config in which no source has a spool", async () => {
    world.write("crmledger.db", "no database at all".repeat(100));
    world.config("sources: {}\n");
    const ran = await world.run("doctor", "--json");
    expect(ran.code).toBe(74);
    const failed = ran.json.checks.filter((check: { status: string }) => check.status === "fail");
    expect(failed.map((check: { name: string }) => check.name)).toEqual(["ledger"]);
    expect(ran.json.checks).toContainEqual(expect.objectContaining({ name: "spools", status: "warn" }));
  });

  it("wrong usage points to the help of the command that was meant", async () => {
    expect((await world.run("import")).err).toContain("crmledger import --help");
    expect((await world.run("sync", "--limit", "x")).err).toContain("crmledger sync --help");
    expect((await world.run("--nonsense")).err).toContain("crmledger --help");
  });
});
