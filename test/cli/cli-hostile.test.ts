/** Records made to fool whoever reads them: terminals, web pages and spreadsheets show them and obey nothing. */
import { readFileSync } from "node:fs";
import { parse } from "csv-parse/sync";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type CliWorld, createCliWorld, lead, WEBSITE } from "../support/cli-world.ts";

/** Clears the screen, sets the title, turns the direction, hides letters, runs in a page and in a spreadsheet. */
const EVIL =
  "=cmd|'/C calc'!A0\u001b[2J\u001b]0;owned\u0007\u009b31m\u202egnp\u2066\u200b\u2060\ufeff\u0008<script>alert(1)</script><img src=x onerror=alert(2)>\"'`|\r\nerror: forged\u2028line";
/** What no terminal may be sent, but for our own colours. */
const OBEYED =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  /(?!\u001b\[[\d;]*m)[\u0000-\u0009\u000b-\u001f\u007f-\u009f]|[\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/u;

let world: CliWorld;

beforeEach(async () => {
  world = await createCliWorld();
  world.config(`${WEBSITE}onBadValue: note\n`);
  const person = { name: `${EVIL} Ada`, email: "ada@example.com" };
  const records = [
    lead(`${EVIL}1`, {
      person,
      deal: { title: EVIL, fields: { [EVIL]: EVIL } },
      notes: [EVIL],
      organization: { name: EVIL },
    }),
    lead("2", { person: { email: `bob${EVIL}@example.com`, name: EVIL }, [EVIL]: EVIL }),
    lead("3", { deal: { title: EVIL, stage: EVIL, value: EVIL } }),
    { id: EVIL, person: { name: EVIL } },
  ];
  world.write("spool/a.json", JSON.stringify(records));
  world.write(`spool/\u001b[2J\u202e${"n".repeat(40)}\nx.json`, `${EVIL}{`);
  await world.run("sync");
  world.write("spool/b.json", JSON.stringify([lead(`${EVIL}1`, { person, notes: [`other ${EVIL}`] })]));
  await world.run("sync");
});

afterEach(() => world.close());

const COMMANDS: readonly (readonly string[])[] = [
  ["status"],
  ["sync", "--verbose"],
  ["sync", "--dry-run"],
  ["ingest"],
  ["show", "ada@example.com"],
  ["show", `website/${EVIL}1`],
  ["show", EVIL],
  ["failed"],
  ["failed", "show", `website/${EVIL}1`],
  ["rejects"],
  ["report"],
  ["reconcile"],
  ["reconcile", "--edits"],
  ["export"],
  ["export", "--format", "jsonl"],
  ["export", "--pending"],
  ["check-source", "spool/.archive"],
  ["import", EVIL],
  ["import", "spool", "--source", EVIL],
  ["forget", "ada@example.com", "--dry-run"],
  ["retry-failed", EVIL],
  ["doctor"],
  ["pause", "--why", EVIL],
  [EVIL],
  ["status", EVIL],
  ["status", `--${EVIL}`],
];

describe("a terminal", () => {
  it.each(COMMANDS)("is shown what `%s` has to say, and obeys none of it", async (...args) => {
    const shown = await world.runWith({ columns: 100, answers: [] }, ...args, "--no-progress");
    expect(shown.out.match(OBEYED)?.index).toBeUndefined();
    expect(shown.err.match(OBEYED)?.index).toBeUndefined();
    // What somebody types, and what is data, may have lines of its own.
    if (args[0] !== "export" && !args.includes(EVIL))
      expect(`\n${shown.out}${shown.err}`).not.toContain("\nerror: forged");
    expect(shown.code).not.toBe(1);
    const json = await world.run(...args, "--json");
    expect(json.out.match(OBEYED)?.index).toBeUndefined();
    expect(json.code).not.toBe(1);
  });
});

describe("a page", () => {
  it.each([
    ["report", ["--format", "html", "--out", "p.html"]],
    ["reconcile", ["--edits", "--format", "html", "--out", "p.html"]],
    ["status", ["--html", "p.html"]],
  ])("of `%s` runs nothing that a record brought", async (command, args) => {
    await world.run(command, ...args);
    const page = readFileSync(world.path("p.html"), "utf8");
    expect(page).not.toMatch(/<img|<script>alert|onerror=alert\(2\)>/);
    expect(page).toMatch(/Content-Security-Policy" content="default-src 'none'/);
    const scripts = [...page.matchAll(/<script>/g)].length;
    expect(scripts).toBeLessThanOrEqual(1);
  });

  it("of the CRM is given notes in which a form's tags are text", async () => {
    const [note] = world.simulator.records.notes;
    expect(note?.content).not.toMatch(/<script|<img/);
    expect(note?.content).toMatch(/&lt;script&gt;/);
  });
});

describe("a spreadsheet", () => {
  it.each([
    ["report", ["--format", "csv", "--out", "t.csv"]],
    ["reconcile", ["--edits", "--format", "csv", "--out", "t.csv"]],
    ["export", ["--out", "t.csv"]],
    ["rejects", ["--export", "t.csv"]],
    ["import", ["bad.csv", "--rejects", "t.csv"]],
  ])("of `%s` runs no cell", async (command, args) => {
    world.write(
      "bad.csv",
      `person.email,person.name,"${EVIL.replaceAll('"', '""')}"\n"${EVIL.replaceAll('"', '""')}",＝1+1,@x\n`,
    );
    await world.run(command, ...args);
    const rows: string[][] = parse(readFileSync(world.path("t.csv")), { relax_column_count: true });
    const lines = rows.flat().flatMap((cell) => cell.split(/[\r\n\u2028]/));
    expect(lines.filter((line) => /^[\s\p{Cc}\p{Cf}]*[=+\-@＝＠]/u.test(line))).toEqual([]);
    if (command !== "report") expect(rows.flat().join("\n")).toContain("'=cmd|");
  });
});
