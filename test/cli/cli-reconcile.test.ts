import { chmodSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { parse } from "csv-parse/sync";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type CliWorld, createCliWorld, lead, WEBSITE } from "../support/cli-world.ts";

let world: CliWorld;
beforeEach(async () => {
  world = await createCliWorld();
  world.config();
});
afterEach(() => world.close());

const sync = () => world.run("sync", "--yes", "--max-wait", "0s");
const dealOf = (key: string) => world.simulator.records.deals.find(({ title }) => title === `Deal ${key}`)!.id;
const personOf = (key: string) => world.simulator.records.persons.find(({ name }) => name === `Lead ${key}`)!.id;
const archived = (): string => {
  const folder = world.path("spool/.archive");
  return join(folder, String(readdirSync(folder, { recursive: true }).find((name) => String(name).endsWith(".json"))));
};
const tokens = () => world.simulator.spentToday();

/** Delivers leads of these keys. */
async function deliver(...keys: string[]): Promise<void> {
  world.write(`spool/${keys.join("-")}.json`, JSON.stringify(keys.map((key) => lead(key))));
  expect((await sync()).code).toBe(0);
}

/** The document without what differs from run to run. */
async function check(...args: string[]) {
  const { code, json } = await world.run("reconcile", "--json", ...args);
  return { code, json, kinds: json.discrepancies?.map((each: { kind: string }) => each.kind) };
}

describe("crmledger reconcile", () => {
  test("says that all is well, and status says since when", async () => {
    await deliver("a", "b");
    expect((await world.run("status")).out).toContain("last check  none yet");
    const { code, out, err } = await world.run("reconcile");
    expect([code, err]).toEqual([0, ""]);
    expect(out).toMatch(
      /^All is well: 2 submissions checked, nothing broken\.\n\n2 submissions checked, 2 just as sent; 5 requests, 52 tokens, [\d.]+s\n$/,
    );
    const { lastCheck, alerts } = (await world.run("status", "--json")).json;
    expect(lastCheck).toMatchObject({ endedAt: expect.stringMatching(/^20/), breaks: 0, edits: 0 });
    expect(alerts).toEqual([]);
    await world.run("reconcile", "--source", "website", "--since", "2026-11-01");
    expect((await world.run("status")).out).toContain("reconcile of website from 2026-11-01 on at ");
  });

  test("names each break with the contract's members, exits with 2, and tells status and show", async () => {
    await deliver("a", "b");
    world.simulator.integration.erase("deal", dealOf("a"));
    world.simulator.editPerson(personOf("b"), { name: "Somebody Else" });
    const { code, json } = await check();
    expect(code).toBe(2);
    const id = String(dealOf("b") === undefined ? "" : json.discrepancies[0].crm.id);
    expect(json).toMatchObject({
      ...{ checked: 2, matched: 0, counts: { "deal-missing": 1 }, edits: { "person-drift": 1 }, repairsQueued: 0 },
      ...{ requests: { total: expect.any(Number), tokens: expect.any(Number) }, stopped: null, hold: null },
    });
    expect(json.discrepancies).toMatchObject([
      {
        ...{ id: expect.any(String), class: "break", kind: "deal-missing", state: "new", source: "website", key: "a" },
        ...{ email: "lead-a@example.com", crm: { type: "deal", id }, expected: { id }, actual: null },
        ...{ since: expect.stringMatching(/^20.*Z$/), repair: "recreate", safe: false },
      },
      {
        ...{ class: "edit", kind: "person-drift", key: "b", repair: "accept", safe: true },
        ...{ expected: { name: "Lead b" }, actual: { name: "Somebody Else" } },
      },
    ]);
    expect((await world.run("status")).out).toMatch(/last check +reconcile at .*: 1 break open, people changed 1/);
    expect(await world.run("status", "--check")).toMatchObject({
      code: 1,
      out: "WARNING - 1 break is open: deal-missing\n",
    });
    const story = await world.run("show", "website/a");
    expect(story.out).toMatch(/What reconcile found\ndeal-missing {2}ID \d+ {2}deal \d+ {2}not there/);
    expect((await world.run("show", "b", "--json")).json.discrepancies).toMatchObject([{ kind: "person-drift" }]);
    expect((await check()).json.discrepancies[0].state).toBe("open");
  });

  test("reads for a person: what is new first, what changed, what can be done, with the ids to copy", async () => {
    await deliver("a", "b", "c");
    world.simulator.integration.erase("deal", dealOf("a"));
    await check();
    world.simulator.editPerson(personOf("b"), { name: "Somebody Else" });
    world.simulator.deleteDeal(dealOf("c"));
    world.simulator.integration.addPerson({ name: "Twin", emails: [{ value: "lead-b@example.com" }] });
    const { out } = await world.run("reconcile", "--edits");
    const steady = out.replaceAll(/\b\d{4,}\b/g, "N").replace(/[\d.]+s$/m, "T");
    expect(steady.split("\n")).toMatchObject([
      "Not all is well: 2 breaks (1 deal-missing, 1 person-duplicate) in 3 submissions.",
      "",
      expect.stringMatching(/^ {3}ID +KIND +SUBMISSION +CRM +WHAT$/),
      expect.stringMatching(
        /^! +\d+ +person-duplicate +website\/b +person N +2 records of one person: N, N; the oldest/,
      ),
      expect.stringMatching(/^\* +1 +deal-missing +website\/a +deal N +not there, and nothing shows/),
      expect.stringMatching(/^~ +\d+ +deal-deleted +website\/c +deal N +deleted$/),
      expect.stringMatching(/^~ +\d+ +person-drift +website\/b +person N +name: Lead b -> Somebody Else$/),
      "! new   * known before   ~ changed by people",
      "",
      "crmledger reconcile --repair  leaves 1 as people changed them (1 person-drift)",
      "crmledger reconcile --repair=recreate  would write again 1 (1 deal-missing), about 5 tokens",
      expect.stringMatching(/^crmledger reconcile --repair=recreate \d+ {2}would write again 1 \(1 deal-deleted\)/),
      expect.stringMatching(/^crmledger reconcile --repair=merge \d+ {2}would merge 1 \(1 person-duplicate\)/),
      "crmledger reconcile --repair=overwrite  would send our values again over 1 (1 person-drift)",
      "",
      expect.stringMatching(/^3 submissions checked, 0 just as sent/),
      "People changed 2 (1 deal-deleted, 1 person-drift)",
      "",
    ]);
    const narrow = await world.runWith({ columns: 80, env: { NO_COLOR: "1" } }, "reconcile");
    expect(narrow.out).toMatch(/^\* +1 +deal-missing +website\/a +deal \d+\n {5}not there/m);
    expect(narrow.out).not.toContain("\u001b");
  });

  test("repairs what is safe; after the next sync nothing of that is left", async () => {
    await deliver("a", "b");
    const survivor = world.simulator.addPerson({ name: "Stranger", emails: [{ value: "s@example.com" }] }).id;
    world.simulator.mergePersons(personOf("a"), survivor);
    const before = world.simulator.log.length;
    const repaired = await check("--repair");
    expect(repaired.json).toMatchObject({ repairsQueued: 1, repairs: { done: { "person-merged": 1 } } });
    expect(world.simulator.log).toHaveLength(before);
    await sync();
    expect((await check()).json).toMatchObject({ counts: {}, edits: {} });
  });

  test("writes again what is asked for by name, and no delivered submission is late for it", async () => {
    await deliver("a");
    world.simulator.integration.erase("deal", dealOf("a"));
    await check();
    const { out, code } = await world.run("reconcile", "--repair=recreate");
    expect(code).toBe(2);
    expect(out).toContain("1 queued for the next `crmledger sync` (1 deal-missing).");
    expect(out).not.toContain("--repair=recreate");
    expect((await world.run("status", "--json")).json.lagSeconds.oldest).toBeNull();
    await sync();
    expect(world.simulator.records.deals.filter(({ is_deleted }) => !is_deleted)).toHaveLength(1);
    expect(await check()).toMatchObject({ code: 0, kinds: ["deal-missing"] });
  });

  test("takes no more from the source than was asked for: another source's differences stay", async () => {
    world.config(`${WEBSITE}  shop:\n    spool: ./shop\n`);
    world.write("shop/1.json", JSON.stringify(lead("s")));
    await deliver("a");
    world.simulator.integration.erase("deal", dealOf("a"));
    await check();
    expect((await check("--source", "shop", "--repair=recreate")).json.repairsQueued).toBe(0);
    expect((await check("--source", "website", "--repair=recreate")).json.repairsQueued).toBe(1);
  });

  test("finds what only an export has, and takes it in on request", async () => {
    const known = JSON.stringify(lead("a"));
    world.write("spool/a.json", known);
    await sync();
    const file = world.write("export.jsonl", `${known}\n${JSON.stringify(lead("lost"))}\n`);
    const against = ["--source", "website", "--against", file];
    expect(await check(...against)).toMatchObject({ code: 2, kinds: ["not-ingested"] });
    expect((await check(...against, "--repair")).json.repairs.done).toEqual({ "not-ingested": 1 });
    await sync();
    expect(dealOf("lost")).toBeGreaterThan(0);
    expect(await check(...against)).toMatchObject({ code: 0 });
  });

  test("takes in of a file no more than the check found: what is older than its time stays out", async () => {
    await deliver("a");
    const old = lead("of-before", { submittedAt: "2024-03-01T10:00:00Z" });
    const rows = [old, lead("a"), lead("lost")];
    const file = world.write("export.jsonl", rows.map((row) => JSON.stringify(row)).join("\n"));
    const against = ["--source", "website", "--against", file];
    expect((await check(...against, "--since", "30d", "--repair")).json.repairs.done).toEqual({ "not-ingested": 1 });
    await sync();
    expect(world.simulator.records.deals.map(({ title }) => title).sort()).toEqual(["Deal a", "Deal lost"]);
    expect((await check(...against)).json.counts).toEqual({ "not-ingested": 1 });
    expect((await world.run("report", "--since", "1d", "--json")).json).toMatchObject({
      received: 2,
      duplicate: 0,
      conflict: 0,
    });
  });
});

describe("an export that is held against the ledger", () => {
  test("under other keys is no list of missed ones: nothing would be taken twice", async () => {
    const leads = Array.from({ length: 25 }, (_, index) => lead(`k${index}`));
    world.write("spool/all.json", JSON.stringify(leads));
    await sync();
    const rows = leads.map((each, index) => ({ ...each, id: `row ${index}` }));
    const file = world.write("export.json", JSON.stringify(rows));
    const ran = await world.run("reconcile", "--against", file, "--source", "website", "--repair", "--json");
    expect(ran).toMatchObject({ code: 65, json: { error: { message: expect.stringContaining("re-export") } } });
    expect((await world.run("status", "--json")).json.queue).toMatchObject({ done: 25, pending: 0 });
  });

  test("tells of records that no submission can be made of: whether they came in nobody knows", async () => {
    await deliver("a");
    const nobody = { id: "x", submittedAt: new Date().toISOString(), person: { name: "Without address" } };
    const file = world.write("export.json", JSON.stringify([lead("a"), nobody]));
    const { json } = await world.run("reconcile", "--against", file, "--source", "website", "--json");
    expect(json.notChecked).toEqual([
      expect.stringContaining("export.json: 1 record that no submission can be made of"),
    ]);
    const report = await world.run("report", "--since", "1d", "--against", file, "--source", "website");
    expect(report.err).toContain("export.json: 1 record that no submission can be made of");
  });

  test("of another source is known there, and taken by nobody", async () => {
    world.config(`${WEBSITE}  shop:\n    spool: ./shop\n`);
    world.write("shop/.keep", "");
    await deliver("a", "b");
    const file = world.write("export.json", readFileSync(archived(), "utf8"));
    expect(await check("--source", "shop", "--against", file, "--repair")).toMatchObject({ code: 0, kinds: [] });
  });
});

describe("a lost ledger", () => {
  test("is filled from the CRM and the archive, and nothing is written twice", async () => {
    await deliver("a", "b");
    for (const name of ["crmledger.db", "crmledger.db-wal", "crmledger.db-shm", "crmledger.db.runs"])
      rmSync(world.path(name), { force: true });
    world.write("spool/new.json", JSON.stringify(lead("c")));
    expect(await sync()).toMatchObject({ code: 75, out: expect.stringContaining("staleLedger") });
    const { code, json } = await check();
    expect(code).toBe(2);
    expect(json.counts).toEqual({ "not-in-ledger": 6, "not-ingested": 2 });
    const part = await world.run("reconcile", "--source", "website", "--repair");
    expect(part.err).not.toContain("staleLedger");
    const whole = await world.run("reconcile", "--repair");
    expect(whole.err).toContain("the hold staleLedger is ended");
    expect(await sync()).toMatchObject({ code: 0 });
    expect(world.simulator.records.deals.map(({ title }) => title).sort()).toEqual(["Deal a", "Deal b", "Deal c"]);
    expect(world.simulator.records.notes).toHaveLength(3);
    expect(await check()).toMatchObject({ code: 0, json: { checked: 3, matched: 3 } });
  });
});

describe("reconcile accept", () => {
  test("closes what is named, says which, and the next check counts them no more", async () => {
    await deliver("a", "b");
    world.simulator.integration.erase("deal", dealOf("a"));
    world.simulator.integration.erase("deal", dealOf("b"));
    const { discrepancies } = (await check()).json;
    const [one, two] = ["a", "b"].map((key) => discrepancies.find((each: { key: string }) => each.key === key).id);
    const unknown = await world.run("reconcile", "accept", one, "999", "--why", "test");
    expect(unknown).toMatchObject({ code: 65, err: expect.stringContaining("999 is no discrepancy") });
    expect((await check()).code).toBe(2);
    const { code, out } = await world.run("reconcile", "accept", one, "--why", "sales wants it so");
    expect(code).toBe(0);
    expect(out).toMatch(new RegExp(`^${one} +deal-missing +website/a +not there`, "m"));
    expect(out).toContain("1 discrepancy accepted (sales wants it so)");
    const again = await world.run("reconcile", "accept", one, two, "--why", "both", "--json");
    expect(again.json).toEqual({ accepted: 1, ids: [two], why: "both" });
    expect(again.err).toContain(`${one} was accepted before`);
    expect(await check()).toMatchObject({ code: 0, json: { counts: {} } });
    expect((await world.run("show", "a")).out).toContain("accepted: sales wants it so");
  });

  test("closes all of a kind, and knows the kinds", async () => {
    await deliver("a", "b");
    world.simulator.editDeal(dealOf("a"), { value: 7 });
    world.simulator.editPerson(personOf("b"), { name: "Else" });
    await check();
    const unknown = await world.run("reconcile", "accept", "--kind", "drift!", "--why", "x");
    expect(unknown).toMatchObject({ code: 64, err: expect.stringContaining("Open are: person-drift.") });
    expect((await world.run("reconcile", "accept", "--kind", "overdue", "--why", "x")).out).toContain(
      "Nothing was open",
    );
    expect(
      (await world.run("reconcile", "accept", "--kind", "person-drift", "--why", "x", "--json")).json.accepted,
    ).toBe(1);
    expect((await check()).json.edits).toEqual({});
  });
});

describe("forms of a check", () => {
  test("no form lets a record run anything", async () => {
    const evil = `<b onclick=x()>\u001b[2J\u001b]0;x\u0007`;
    world.write("spool/evil.json", JSON.stringify(lead("e", { deal: { title: `=HYPERLINK("x") ${evil}` } })));
    await sync();
    world.simulator.editPerson(personOf("e"), { name: `=1+1 ${evil}` });
    const table = await world.runWith({ columns: 200 }, "reconcile", "--edits");
    expect(table.out).toContain("name: Lead e -> =1+1 <b onclick=x()>");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: what a terminal would obey is what is looked for
    expect(table.out.replaceAll(/\u001b\[\d+m/g, "")).not.toMatch(/[\u001b\u0007]/);
    const { out: page } = await world.run("reconcile", "--format", "html");
    expect(page).toMatch(/^<!doctype html>/);
    expect(page).not.toContain("<b onclick");
    const { out: csv } = await world.run("reconcile", "--format", "csv");
    const [row] = parse(csv, { columns: true }) as Record<string, string>[];
    expect(row).toMatchObject({ kind: "person-drift", state: "open", safe: "true" });
    for (const cell of Object.values(row!)) expect(cell).not.toMatch(/^[=+\-@\t\r]/);
  });

  test("a file gets the form of its name, and standard output still says how things stand", async () => {
    await deliver("a");
    const { out, err } = await world.run("reconcile", "--out", "check.html");
    expect(out).toMatch(/^All is well/);
    expect(err).toContain("check.html");
    expect(readFileSync(world.path("check.html"), "utf8")).toContain("All is well");
    const modeOf = () => statSync(world.path("check.html")).mode & 0o777;
    expect(modeOf()).toBe(0o600);
    // Opened to others, it stays so, also by a cron whose umask is a strict one.
    chmodSync(world.path("check.html"), 0o640);
    const umask = process.umask(0o077);
    try {
      await world.run("reconcile", "--out", "check.html");
    } finally {
      process.umask(umask);
    }
    expect(modeOf()).toBe(0o640);
    const both = await world.run("reconcile", "--out", "check.csv", "--json", "--quiet");
    expect(both.json.checked).toBe(1);
    expect(readFileSync(world.path("check.csv"), "utf8")).toMatch(/^"id","class"/);
  });
});

describe("wrong usage of reconcile", () => {
  const wrong: [code: number, says: string, ...args: string[]][] = [
    [64, "neither", "--since", "nonsense"],
    [64, "--since is not before --until", "--since", "7d", "--until", "30d"],
    [64, 'no source "nowhere"', "--source", "nowhere"],
    [65, "no such file", "--against", "nowhere.csv", "--source", "website"],
    [65, "it is a folder", "--against", "spool", "--source", "website"],
    [64, "--against needs --source", "--against", "token"],
    [64, "can't be written", "--out", "nowhere/check.csv"],
    [64, "It is a folder", "--out", "spool"],
    [64, "both want standard output", "--json", "--format", "csv"],
    [64, "--dry-run looks at nothing", "--dry-run", "--format", "csv"],
    [64, "ids are for accept", "12"],
    [64, "needs the ids", "--repair=merge"],
    [65, "12 is no discrepancy", "--repair=merge", "12"],
    [64, "Allowed choices", "--repair=everything"],
    [64, "belong to `reconcile accept`", "--why", "x"],
    [64, "needs ids or --kind", "accept", "--why", "x"],
    [64, "needs --why", "accept", "12"],
    [64, "needs --why", "accept", "12", "--why", "  "],
    [64, "--repair can't be combined", "accept", "12", "--why", "x", "--repair"],
    [64, "--dry-run can't be combined", "accept", "12", "--why", "x", "--dry-run"],
  ];

  test("is told before anything is paid for", async () => {
    world.config(`${WEBSITE}  shop:\n    spool: ./shop\n`);
    world.write("shop/1.json", JSON.stringify(lead("s")));
    await deliver("a");
    const spent = tokens();
    for (const [code, says, ...args] of wrong) {
      const ran = await world.run("reconcile", ...args);
      expect({ code: ran.code, err: ran.err }, args.join(" ")).toEqual({ code, err: expect.stringContaining(says) });
      expect(ran.err, args.join(" ")).toContain("hint: ");
    }
    const page = await world.runWith({ columns: 80 }, "reconcile", "--format", "html");
    expect(page).toMatchObject({ code: 64, err: expect.stringContaining("--out FILE") });
    expect(tokens()).toBe(spent);
  });
});
