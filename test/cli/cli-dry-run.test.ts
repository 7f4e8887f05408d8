import { afterEach, beforeEach, expect, test } from "vitest";
import { type CliWorld, createCliWorld, lead } from "../support/cli-world.ts";

let world: CliWorld;
beforeEach(async () => {
  world = await createCliWorld();
  world.config();
});
afterEach(() => world.close());

const writes = (out: string): string => out.slice(out.indexOf("website/"), out.indexOf("\n\nNothing was sent"));

test("before the CRM was ever asked, each write stands there with its values as given", async () => {
  const person = {
    name: "Ada\u001b[2J",
    email: "ada@example.com",
    labels: ["Hot", "Web"],
    fields: { "Job title": "Analyst" },
  };
  const deal = { title: "Engine", value: "much", pipeline: "Sales" };
  world.write("spool/1.json", JSON.stringify(lead("1", { person, deal, notes: ["One\r\ntwo"] })));
  const { code, out } = await world.run("sync", "--dry-run", "--limit", "5");
  expect(code).toBe(0);
  expect(out).toContain("names are shown as given, not checked");
  expect(writes(out)).toBe(`website/1  person: create or update person
    name: Ada
    email: ada@example.com
    labels: Hot, Web
    Job title: Analyst

website/1  deal: create deal
    title: Engine
    pipeline: Sales

website/1  note.1: create note
    text:
      One
      two
      value: much`);
});

test("--limit shows the writes of so many submissions, by the names that the CRM has", async () => {
  world.write("spool/0.json", JSON.stringify(lead("0")));
  await world.run("sync");
  const deal = { title: "Engine", value: 5, currency: "EUR" };
  for (let n = 1; n <= 7; n += 1) world.write(`spool/${n}.json`, JSON.stringify(lead(String(n), { deal })));
  const { json } = await world.run("sync", "--dry-run", "--limit", "5", "--json");
  expect(json.ingested.new).toBe(7);
  expect(json.plan.submissions).toBe(5);
  expect(new Set(json.plan.writes.map((write: { key: string }) => write.key)).size).toBe(5);
  const { out } = await world.run("sync", "--dry-run", "--limit", "1");
  expect(writes(out)).toMatch(
    /^website\/\d {2}person: create person\n {4}name: Lead \d\n {4}email: lead-\d@example.com\n/,
  );
  expect(writes(out)).toContain("  deal: create deal\n    title: Engine\n    value: 5\n    currency: EUR\n");
  expect(writes(out)).toMatch(/note\.1: create note\n {4}text:\n {6}Note of (\d)\n {6}Ref\. website\/\1$/);
});

test.each([[[]], [["--json"]]])(
  "a spool that is not there is complained of once, and each of several %j",
  async (flags) => {
    world.config("sources:\n  website:\n    spool: ./nowhere\n  shop:\n    spool: ./gone\n");
    const { code, err, out } = await world.run("sync", "--dry-run", ...flags);
    expect(code).toBe(74);
    expect(err.match(/^error: .*/gm)?.sort()).toEqual([
      expect.stringMatching(/source shop .*gone/),
      expect.stringMatching(/nowhere/),
    ]);
    expect(err.match(/^hint: /gm)).toHaveLength(2);
    if (flags.length > 0) expect(JSON.parse(out).error.code).toMatch(/^spool/);
  },
);
