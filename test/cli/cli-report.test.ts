import { existsSync, readFileSync, statSync } from "node:fs";
import { parse } from "csv-parse/sync";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type CliWorld, createCliWorld, lead, WEBSITE } from "../support/cli-world.ts";
import { createSystemClock } from "../support/system-clock.ts";

let world: CliWorld;
beforeEach(async () => {
  world = await createCliWorld();
});
afterEach(() => world.close());

const at = (day: number): string => new Date(2026, 2, day, 12).toISOString();
const MARCH = ["report", "--month", "2026-03"];
/** Without a time it is the month that runs, which may end while a test does. */
const LATELY = ["report", "--since", "1d"];
const sync = () => world.run("sync", "--yes", "--max-wait", "0s");

describe("crmledger report", () => {
  test("accounts for every record of a month, and answers in one sentence", async () => {
    world.config(`${WEBSITE}    where: "= $not(spam = true)"\n`);
    const records = [
      lead("a", { submittedAt: at(1) }),
      lead("b", { submittedAt: at(31) }),
      lead("c", { submittedAt: new Date(2026, 3, 1).toISOString() }),
      lead("a", { submittedAt: at(1) }),
      lead("d", { spam: true }),
    ];
    world.write("spool/1.json", JSON.stringify(records));
    await sync();
    const { code, json } = await world.run(...MARCH, "--json");
    expect(code).toBe(0);
    expect(json).toMatchObject({
      ...{ from: new Date(2026, 2, 1).toISOString(), to: new Date(2026, 3, 1).toISOString(), received: 3 },
      delivered: { asSent: 2, edited: 0, merged: 0, deleted: 0, missing: 0 },
      ...{ duplicate: 1, skipped: 0, rejected: 0, conflict: 0, failed: 0, dropped: 0, waiting: 0, history: 0 },
      ...{ accountedFor: true, lastCheck: null },
    });
    expect(json.delaySeconds.max).toBeGreaterThan(0);
    expect((await world.run("report", "--since", "1h", "--json")).json).toMatchObject({ received: 1, skipped: 1 });
    const table = await world.run(...MARCH);
    expect(table.out.split("\n")[0]).toBe("Of 2 submissions in March 2026, 2 are in the CRM; none is lost.");
    expect(table.out).toContain("No reconcile has looked at the CRM yet");
  });

  test("says with 2 what needs a person, and what the CRM has lost", async () => {
    world.config();
    world.write("spool/1.json", JSON.stringify([lead("a"), lead("b"), { id: "c", note: "no person" }]));
    await sync();
    expect(await world.run(...LATELY, "--json")).toMatchObject({ code: 2, json: { rejected: 1, received: 3 } });
    const [deal] = world.simulator.records.deals;
    world.simulator.integration.erase("deal", deal!.id);
    expect((await world.run(...LATELY, "--json")).json.delivered).toMatchObject({ asSent: 2, missing: 0 });
    const fresh = await world.run(...LATELY, "--fresh", "--json");
    expect(fresh).toMatchObject({
      code: 2,
      json: { delivered: { asSent: 1, missing: 1 }, received: 3, openBreaks: 1 },
    });
    expect(fresh.json.lastCheck.at).toMatch(/^20/);
    const { out } = await world.run(...LATELY);
    expect(out.split("\n")[0]).toMatch(
      /^Of 3 submissions .*, 1 is in the CRM, 1 is missing there, 1 could not be read;/,
    );
  });

  test("names what an export has and the ledger doesn't", async () => {
    world.config();
    world.write("spool/1.json", JSON.stringify([lead("a")]));
    await sync();
    const file = world.write("export.jsonl", `${JSON.stringify(lead("a"))}\n${JSON.stringify(lead("lost"))}\n`);
    const { code, json } = await world.run(...LATELY, "--against", file, "--source", "website", "--json");
    expect(code).toBe(2);
    expect(json).toMatchObject({
      accountedFor: false,
      received: 1,
      unknown: [{ source: "website", key: "lost", line: 2 }],
    });
    const { out } = await world.run(...LATELY, "--against", file, "--source", "website");
    expect(out.split("\n")[0]).toContain("1 of the export never came in here");
    expect(out).toContain("website/lost lead-lost@example.com");
  });

  test("of the month that runs goes into a file whole, in the form of its name", async () => {
    world.config();
    world.write("spool/1.json", JSON.stringify([lead("a", { submittedAt: at(10) }), lead("b")]));
    await sync();
    const clock = { ...createSystemClock(), wallMs: () => Date.parse(at(20)) };
    const report = (...args: string[]) => world.runWith({ clock }, "report", ...args);
    await report("--out", "r.html");
    expect(readFileSync(world.path("r.html"), "utf8")).toContain("1 is in the CRM; none is lost.");
    await report("--out", "r.csv");
    const rows = parse(readFileSync(world.path("r.csv"), "utf8")) as string[][];
    expect(rows).toContainEqual(["delivered.asSent", "1"]);
    expect(JSON.parse((await report("--format", "json")).out)).toMatchObject({ received: 1 });
  });

  test("refuses what it can't read as a time", async () => {
    world.config();
    await world.run("ingest");
    for (const flags of [
      ["--month", "2026-13"],
      ["--month", "2026-03", "--since", "7d"],
      ["--until", "2026-03-01"],
    ]) {
      expect((await world.run("report", ...flags)).code, flags.join(" ")).toBe(64);
    }
  });
});

describe("crmledger export", () => {
  test("lists every submission with its records, links and delay", async () => {
    world.config();
    world.write("spool/1.json", JSON.stringify([lead("=1+1", { submittedAt: at(1) }), { id: "x" }]));
    await sync();
    const { code, out } = await world.run("export");
    expect(code).toBe(0);
    const [row] = parse(out, { columns: true, record_delimiter: "\r\n" }) as Record<string, string>[];
    expect(row).toMatchObject({ source: "website", key: "'=1+1", state: "done", email: "lead-=1+1@example.com" });
    expect(row!["deal.link"]).toMatch(new RegExp(`/deal/${row!["deal.id"]}$`));
    expect(Number(row!.delaySeconds)).toBeGreaterThan(0);
    const { json } = await world.run("export", "--json");
    expect(json.submissions).toMatchObject([{ key: "=1+1", notes: [{ id: row!["notes.ids"] }], cause: null }]);
  });

  test.each(["csv", "jsonl"])(
    "--pending as %s, imported into another ledger, gives the same submissions",
    async (format) => {
      const note = `Two\nlines, "quoted", ; and =1+1 ünïcödé`;
      const deal = { title: "=SUM(A1)", value: 12.5, currency: "EUR", labels: ["Hot", "Web"] };
      const person = {
        name: "-Ada",
        phone: "+441234567890",
        email: "ada@example.com",
        fields: { "Job title (1.3)": "'=Analyst", "=Sum": "'tis", "-": "+" },
      };
      world.config();
      const records = [
        lead("a", { person, deal, notes: [note, "second"] }),
        lead("b", { lane: "background" }),
        lead("c", { deal: { title: "x", value: "about 5" } }),
      ];
      world.write("spool/1.json", JSON.stringify(records));
      await world.run("ingest");
      const file = world.path(`pending.${format}`);
      const made = await world.run("export", "--pending", "--format", format, "--out", file, "--json");
      expect(made.json).toEqual({ file, format, submissions: 3, leftOut: 0 });
      expect(statSync(file).mode & 0o777).toBe(0o600);
      if (format === "csv") expect(readFileSync(file, "utf8")).not.toMatch(/(?:^|[,"])[=+@-]/m);
      const there = (flags: string[]) => world.run(...flags, "--ledger", world.path("other.db"));
      expect((await there(["import", file, "--source", "website", "--json"])).json).toMatchObject({
        new: 3,
        rejected: 0,
      });
      for (const key of ["a", "b", "c"]) {
        const [here, other] = [
          (await world.run("show", key, "--json")).json,
          (await there(["show", key, "--json"])).json,
        ];
        const { content, submittedAt, lane } = here.submission;
        expect(other.submission).toMatchObject({
          content,
          submittedAt,
          lane: key === "b" ? lane : other.submission.lane,
        });
      }
    },
  );

  test("--pending leaves out what was begun at the CRM, and says so", async () => {
    world.config();
    world.write("spool/1.json", JSON.stringify([lead("a"), lead("b")]));
    await sync();
    world.write("spool/2.json", JSON.stringify([lead("c")]));
    await world.run("ingest");
    const { out } = await world.run("export", "--pending", "--format", "jsonl");
    expect(
      out
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line).id),
    ).toEqual(["c"]);
  });

  test("writes nothing where a CSV can't carry a value", async () => {
    world.config();
    world.write(
      "spool/1.json",
      JSON.stringify([lead("a", { person: { email: "a@example.com", fields: { Topics: ["x", "y"] } } })]),
    );
    await world.run("ingest");
    const { code, err } = await world.run("export", "--pending", "--out", "p.csv");
    expect(code).toBe(64);
    expect(err).toContain("--format jsonl");
    expect(existsSync(world.path("p.csv"))).toBe(false);
  });
});
