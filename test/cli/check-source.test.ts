import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { type CliWorld, createCliWorld } from "../support/cli-world.ts";

const PAYLOADS = join(import.meta.dirname, "../../fixtures/payloads");
const SHOP = `sources:
  shop:
    spool: ./spool/shop
    timezone: America/New_York
    where: $not(test = 'yes')
    map:
      id: event
      submittedAt: at
      person.name: "= first & ' ' & lst"
      person.email: contact.emial
      person.phone: contact.phone
      deal.value: budget
    restToNote: extra
`;
const record = (more: Record<string, unknown>): string =>
  `${JSON.stringify({ event: "e1", at: "2026-11-20 10:15", first: "Ada", last: "Lovelace", ...more })}\n`;
const ada = { contact: { email: "ada@example.com", phone: "+44 1632 960123" } };

let world: CliWorld;
beforeEach(async () => {
  world = await createCliWorld();
});
afterEach(() => world.close());

describe("check-source", () => {
  test("shows what sync would take: key and why, time and zone, content, bad values, what is left", async () => {
    world.config(SHOP);
    world.write(
      "spool/shop/a.jsonl",
      record({ ...ada, budget: "$ 5", extra: { team: "1-10" }, other: [{ x: 1 }, { x: 2 }] }),
    );
    const checked = await world.run("check-source", "spool/shop/a.jsonl", "--json");
    expect(checked.code).toBe(0);
    expect(checked.json).toMatchObject({
      source: "shop",
      format: "jsonl",
      counts: { records: 1, submissions: 1, skipped: 0, rejected: 0 },
      hashedKeys: 0,
      records: [
        {
          line: 1,
          verdict: "submission",
          key: { value: "e1", from: "id", reads: "event" },
          submittedAt: "2026-11-20T15:15:00.000Z",
          submittedAtFrom: { text: "2026-11-20 10:15", form: "local", zone: "America/New_York", reads: "at" },
          identityKeys: ["phone:+441632960123"],
          content: { person: { name: "Ada", phone: "+441632960123" }, notes: ["team: 1-10"] },
          badValues: [{ path: "deal.value", value: "$ 5" }],
        },
      ],
      badValues: [{ path: "deal.value", count: 1, example: "$ 5", line: 1 }],
      leftovers: [
        { path: "last", count: 1, example: "Lovelace", toNote: false },
        { path: "contact.email", count: 1, example: "ada@example.com", toNote: false },
        { path: "extra.team", count: 1, example: "1-10", toNote: true },
        { path: "other[].x", count: 1, example: "1", toNote: false },
      ],
      nothingFound: [
        { target: "person.name", missing: "lst", suggestion: "last" },
        { target: "person.email", missing: "contact.emial", suggestion: "contact.email" },
        { target: "where", missing: "test" },
      ],
    });

    await world.run("ingest");
    const taken = (await world.run("show", "shop/e1", "--json")).json.submission;
    expect(taken.content).toMatchObject(checked.json.records[0].content);
    expect(taken.submittedAt).toBe(checked.json.records[0].submittedAt);
  });

  test("tells repeats, skipped and rejected records apart, counts all of them and exits with 3", async () => {
    world.config(SHOP);
    const bad = record({ event: "of-nobody" });
    const lines = [record(ada), record(ada), record({ ...ada, budget: 3 }), record({ test: "yes" }), bad, "{\n"];
    world.write("sample.jsonl", lines.join(""));
    const { code, json, out } = await world.run("check-source", "sample.jsonl", "--json", "--limit", "3");
    expect(code).toBe(3);
    expect(json.counts).toMatchObject({
      records: 6,
      submissions: 1,
      duplicate: 1,
      conflict: 1,
      skipped: 1,
      rejected: 2,
    });
    expect(json.records.map((one: { verdict: string }) => one.verdict)).toEqual([
      "submission",
      "duplicate",
      "conflict",
    ]);
    expect(json.records[1].reason).toBe("the same as record 1");
    expect(json.rejects).toEqual([
      { reason: "no usable e-mail or phone", count: 1, line: 5 },
      { reason: expect.stringContaining("not JSON"), count: 1, line: 6 },
    ]);
    expect(out).not.toContain("of-nobody");
    const page = await world.run("check-source", "sample.jsonl", "--limit", "9");
    expect(page.out).toContain("line 4  skipped: `where` is not true of it");
    expect(page.out).toContain("line 5  rejected: no usable e-mail or phone");
    expect(page.out).toContain(
      "sample.jsonl as shop: 6 records: 1 submission, 1 duplicate, 1 conflict, 1 skipped, 2 rejected",
    );
  });

  test("knows what the source's settings make of old and of changed records", async () => {
    world.config(
      "sources:\n  own:\n    sendFrom: 2026-01-01\n    revisions: update\n    map: { id: id, submittedAt: at, person.email: mail, notes: text }\n",
    );
    const line = (id: string, at: string, text: string): string =>
      `${JSON.stringify({ id, at, text, mail: "ada@example.com" })}\n`;
    const lines = [line("1", "2025-11-20T10:00:00Z", "old"), line("2", "2026-11-20T10:00:00Z", "a")];
    world.write("own.jsonl", `${lines.join("")}${line("2", "2026-11-20T10:00:00Z", "b")}`);
    const { code, json } = await world.run("check-source", "own.jsonl", "--json");
    expect(code).toBe(0);
    expect(json.records).toMatchObject([
      { verdict: "history" },
      { verdict: "submission" },
      { verdict: "duplicate", reason: "newer content of record 2, which it replaces" },
    ]);
    expect((await world.run("check-source", "own.jsonl")).out).toContain("1 submission, 1 duplicate, 1 of history");
  });

  test("warns where the key is a hash, and of numbers that nobody is recognised by", async () => {
    world.config("sources:\n  forms:\n    map: { person.email: mail, person.phone: tel }\n");
    world.write("forms.csv", "mail,tel\nada@example.com,0171 1234567\n");
    const { code, out, err } = await world.run("check-source", "forms.csv");
    expect(code).toBe(0);
    expect(out).toContain("a hash of content and time: no id is mapped");
    expect(out).toContain("a record that is edited and read again becomes a new submission");
    expect(out).toContain("no time: the time of ingest counts");
    expect(err).toContain("1 phone number is kept as text and not matched");
  });

  test("says nothing of a path that another one stands in for", async () => {
    world.config("sources:\n  forms:\n    map: { id: [token, event], person.email: mail }\n");
    world.write("a.json", `{"event": "e1", "mail": "ada@example.com"}`);
    expect((await world.run("check-source", "a.json", "--json")).json.nothingFound).toEqual([]);
  });

  test("names members that a record in a submission's own shape should not have", async () => {
    world.config("sources:\n  own:\n");
    world.write("own.json", `{"id": "s1", "person": {"email": "ada@example.com", "town": "London"}}`);
    const { json } = await world.run("check-source", "own.json", "--json");
    expect(json).toMatchObject({
      mapped: false,
      leftovers: [{ path: "person.town", example: "London", toNote: false }],
    });
  });

  test("writes nothing: neither ledger nor spool is touched", async () => {
    world.config(SHOP);
    const file = world.write("spool/shop/a.jsonl", record(ada));
    const before = statSync(file).mtimeMs;
    await world.run("check-source", "spool/shop/a.jsonl");
    expect(readdirSync(world.folder).sort()).toEqual(["crmledger.yaml", "spool", "token"]);
    expect(readdirSync(world.path("spool/shop"))).toEqual(["a.jsonl"]);
    expect(statSync(file).mtimeMs).toBe(before);
  });

  test("shows what a stranger wrote without obeying it", async () => {
    world.config(SHOP);
    const evil = "\u001b[2J\u001b]0;gone\u0007Ada\r\nline 9  submission\u202e";
    world.write(
      "sample.jsonl",
      record({ ...ada, first: evil, [`x${evil}`]: evil, budget: evil, event: evil, at: evil }),
    );
    const { out, err } = await world.run("check-source", "sample.jsonl");
    expect(out).toContain("Ada line 9");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
    expect(`${out}${err}`).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
    expect(out).not.toMatch(/^line 9/m);
  });

  test("takes a file in the spool as the spool does: by its name, with any columns", async () => {
    world.config("sources:\n  one:\n    spool: ./spool\n    map: { person.email: Mial }\n  two:\n");
    world.write("spool/a.csv", "Mail;Name\nada@example.com;Ada\n");
    const columns = await world.run("check-source", "spool/a.csv", "--json");
    expect(columns.code).toBe(3);
    expect(columns.json).toMatchObject({
      source: "one",
      counts: { rejected: 1 },
      nothingFound: [{ target: "person.email", suggestion: "Mail" }],
    });
    world.write("spool/lines.json", `{"Mial": "ada@example.com"}\n{"Mial": "grace@example.com"}\n`);
    expect((await world.run("check-source", "spool/lines.json")).code).toBe(65);
    world.write("spool/part.jsonl.tmp", `{"Mial": "ada@example.com"}\n`);
    expect((await world.run("check-source", "spool/part.jsonl.tmp")).err).toContain("sync leaves part.jsonl.tmp alone");
  });

  test("asks whose map it is where that is unclear, and takes the one that is named", async () => {
    world.config("sources:\n  one:\n    map: { person.email: mail }\n  two:\n    map: { person.email: e }\n");
    world.write("a.json", `{"mail": "ada@example.com"}`);
    const unclear = await world.run("check-source", "a.json");
    expect(unclear.code).toBe(64);
    expect(unclear.err).toContain("--source: one, two");
    expect((await world.run("check-source", "a.json", "--source", "one")).code).toBe(0);
    expect((await world.run("check-source", "a.json", "--source", "on")).err).toContain("Did you mean one?");
  });

  test("exits with 65 for what is no input and with 78 for a broken map, naming its place", async () => {
    world.config("sources:\n  shop:\n    map: { person.email: '= $$(' }\n");
    expect((await world.run("check-source", "nothing.json")).code).toBe(78);
    world.config(SHOP);
    expect((await world.run("check-source", "nothing.json")).code).toBe(65);
    world.write("book.csv", "PK\u0003\u0004");
    expect((await world.run("check-source", "book.csv", "--json")).json.error.code).toBe("inputUnreadable");
  });

  test("reads standard input, and the format that is named", async () => {
    world.config("sources:\n  forms:\n    map: { id: id, person.email: mail }\n");
    const given = { stdin: "id;mail\n7;ada@example.com\n" };
    const { json } = await world.runWith(given, "check-source", "-", "--format", "csv", "--json");
    expect(json).toMatchObject({ format: "csv", records: [{ key: { value: "7" } }] });
  });
});

describe("check-source --draft", () => {
  test("prints a source that check-source then takes, and needs no config", async () => {
    const file = join(PAYLOADS, "typeform-webhook.jsonl");
    const draft = await world.run("check-source", file, "--draft");
    expect(draft.code).toBe(0);
    expect(draft.err).toContain("Recognised: a webhook of Typeform. The draft takes 3 of 4 records (1 duplicate).");
    world.config(draft.out.replace(/sendFrom:.*/, "sendFrom: 2026-01-01"));
    const checked = await world.run("check-source", file, "--json");
    expect(checked.code).toBe(0);
    expect(checked.json).toMatchObject({
      source: "typeform",
      counts: { submissions: 3, duplicate: 1 },
      nothingFound: [],
    });
  });

  test("is called as --source says, and is one document with --json", async () => {
    const { json } = await world.run(
      "check-source",
      join(PAYLOADS, "gravity-forms-export.csv"),
      "--draft",
      "--source",
      "site",
      "--json",
    );
    expect(json).toMatchObject({ source: "site", format: "csv", counts: { records: 3, submissions: 3 } });
    expect(json.yaml).toContain("\n  site:\n");
  });

  test("is a config also for members with names made to break one", async () => {
    const names = [`\${HOME}`, "`x`", "\u001b[2J", "a\nsources: {}", "- *x &y", "null"];
    const evil = Object.fromEntries(names.map((name) => [name, "1"]));
    world.write("evil.json", JSON.stringify({ ...evil, "e-mail: # 'it'": "ada@example.com", "Your.Name": "Ada" }));
    const draft = await world.run("check-source", "evil.json", "--draft");
    world.config(draft.out);
    const { json } = await world.run("check-source", "evil.json", "--json");
    expect(json.records[0].content.person).toEqual({ name: "Ada", email: "ada@example.com" });
  });

  const FORM = JSON.stringify({
    id: "c-1",
    sent: "2026-11-23 18:05:11",
    mail: "ada@example.com",
    phone: "030 5550123",
  });
  const sourceIn = (yaml: string, name: string) => parse(yaml).sources[name];

  test("keeps what the config says of that source, so that what was history stays history", async () => {
    const kept = {
      lane: "operational",
      sendFrom: "2026-11-01T00:00:00+01:00",
      timezone: "Europe/Berlin",
      country: "DE",
    };
    world.config(
      `sources: ${JSON.stringify({ website: { spool: "./inbox", ...kept, map: { "person.email": "e" } } })}\n`,
    );
    world.write("form.json", FORM);
    const draft = await world.run("check-source", "form.json", "--draft");
    expect(sourceIn(draft.out, "website")).toMatchObject({
      spool: "./inbox",
      ...kept,
      map: { "person.email": "mail" },
    });
    expect(draft.out).not.toContain("name the source's zone here");
    expect(draft.err).toContain("in place of website");
    expect(draft.err).toMatch(/^ {2}crmledger check-source form\.json --source website$/m);
    expect(draft.err).toContain("website has a map already");
    expect(draft.err).not.toContain("kept as text and not matched");
  });

  test("of a new source takes zone and country from the others, and sends nothing old by itself", async () => {
    world.config("sources:\n  one:\n    timezone: Europe/Berlin\n    country: DE\n");
    world.write("form.json", FORM);
    world.write("last-year.csv", "Date,Email,Phone\n2025-03-04 09:12,ada@example.com,030 5550123\n");
    const form = sourceIn((await world.run("check-source", "form.json", "--draft")).out, "website");
    expect(form).toMatchObject({ timezone: "Europe/Berlin", country: "DE" });
    expect(Date.now() - Date.parse(form.sendFrom)).toBeLessThan(25 * 3_600_000);
    const draft = await world.run("check-source", "last-year.csv", "--draft", "--source", "zap");
    expect(draft.err).toContain("The draft takes 1 of 1 record.");
    world.config(draft.out);
    expect((await world.run("import", "last-year.csv", "--source", "zap")).code).toBe(0);
    const { ingested } = (await world.run("sync", "--json")).json;
    expect(ingested.new).toBe(0);
    expect(world.simulator.records.persons).toHaveLength(0);
  });

  test("is made beside a config with a mistake in it, too", async () => {
    world.write("form.json", FORM);
    world.config("sources:\n  website:\n    splool: ./x\n");
    const draft = await world.run("check-source", "form.json", "--draft");
    expect(draft.code).toBe(0);
    expect(draft.err).toContain("what crmledger.yaml says of website is not taken over");
    world.config("sources: [\n");
    expect((await world.run("check-source", "form.json", "--draft")).code).toBe(0);
  });

  test("has no line to name in a file of one record", async () => {
    world.write("form.json", FORM);
    expect((await world.run("check-source", "form.json", "--draft")).err).toContain(
      "not matched (first in this record)",
    );
  });

  test("finds nothing in an empty file: 65", async () => {
    world.write("empty.json", "[]");
    expect((await world.run("check-source", "empty.json", "--draft")).code).toBe(65);
  });
});
