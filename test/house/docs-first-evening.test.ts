/** docs/first-evening.md: its command lines are commands, and the parts that need no other user come back as it shows them. */
import { readFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { COMMANDS } from "../../src/cli/commands.ts";
import { type CliWorld, createCliWorld } from "../support/cli-world.ts";
import { readText } from "../support/house-source.ts";

const PAGE = readText("docs/first-evening.md");
const CONSOLE = [...PAGE.matchAll(/^```console\n([\s\S]*?)^```/gm)].map(([, text]) => text as string).join("");
const GLOBAL_FLAGS = ["--config", "--ledger", "--json", "--quiet", "--verbose"];

/** The words behind each `crmledger` that was typed. */
const TYPED = CONSOLE.split("\n")
  .filter((line) => /^[$#] .*crmledger \w/.test(line))
  .map((line) => /crmledger ([^#>']*)/.exec(line.slice(2))?.[1]?.trim().split(/\s+/) ?? []);

/** What the page shows below a command line; the n-th time that it was typed. */
function shown(command: string, nth = 0): string[] {
  const start = CONSOLE.split(`$ ${command}\n`).slice(1)[nth];
  if (start === undefined) throw new Error(`The page does not type: ${command}`);
  return (start.split(/^[$#] (?=crmledger|chmod|sed|gpasswd|[a-z]+ -)/m)[0] ?? "")
    .split("\n")
    .filter((line) => line !== "" && line !== "...");
}

const OWN_SHAPE = `    spool: ./spool/website
    lane: operational
    target: 15m
    sendFrom: 2026-11-23T00:00:00+01:00
    timezone: Europe/Berlin
    country: DE
`;
const form = (more: object): string =>
  JSON.stringify({ sent: "2026-11-23 12:05:11", product: "Compiler", message: "Please call me back.", ...more });
const GRACE = form({ id: "c-1001", name: "Grace Hopper", mail: "grace@example.com", phone: "030 5550123" });
const ZAP = `Zap Run ID,Date,Name,Email,Phone,Message
2025-0001,2025-03-04 09:12:00,Mary Somerville,mary@example.com,030 5550140,Is there a brochure?
2025-0002,2025-05-19 14:30:00,Sophie Germain,sophie@example.com,030 5550141,A quote for two.
2025-0003,2025-11-02 08:00:00,Emmy Noether,emmy@example.com,,Any symmetric ones?
`;

test("every command that was typed is one, with flags that it has", () => {
  expect(TYPED.length).toBeGreaterThan(25);
  for (const [name, ...words] of TYPED) {
    const row = COMMANDS.find((command) => command.name === name);
    expect(row, `crmledger ${name}`).toBeDefined();
    const flags = [...GLOBAL_FLAGS, ...(row?.options ?? []).map((option) => option.flags.split(/[ ,]/)[0])];
    for (const word of words.filter((word) => word.startsWith("--")))
      expect(flags, `crmledger ${name}`).toContain(word);
  }
});

describe("the evening once more", () => {
  let world: CliWorld;
  beforeEach(async () => {
    world = await createCliWorld();
    world.config(`sources:\n  website:\n${OWN_SHAPE}`);
    world.write("samples/form.json", GRACE);
  });
  afterEach(() => world.close());

  const typed = (line: string) => world.run(...line.split(" ").slice(1));

  /** The draft as the page has it, with what was typed into it. */
  function mapped(more: string): void {
    const lines = shown("crmledger check-source --draft samples/form.json");
    const yaml = lines.slice(lines.indexOf("sources:")).join("\n");
    world.config(`${yaml.replace("      person.email: mail\n", more)}\n`);
  }

  const [, added = ""] = /^```yaml\nsources:\n {2}website:\n {4}map:\n([\s\S]*?)^```/m.exec(PAGE) ?? [];

  test("the draft of the own form, and the sample that finds a typo", async () => {
    const draft = await typed("crmledger check-source --draft samples/form.json");
    const lines = `${draft.err}${draft.out}`.split("\n");
    for (const line of shown("crmledger check-source --draft samples/form.json")) expect(lines).toContain(line);
    mapped(added);
    const checked = await typed("crmledger check-source samples/form.json --source website");
    for (const line of shown("crmledger check-source samples/form.json --source website"))
      expect(checked.out.split("\n")).toContain(line);
  });

  test("a pipeline that the CRM doesn't have holds its source until the map is mended", async () => {
    mapped(added.replace("mial", "mail"));
    world.write("spool/website/c-1001.json", GRACE);
    const fail = shown("crmledger doctor").filter((line) => /Salse|Did you mean/.test(line));
    const doctor = (await typed("crmledger doctor")).out.replaceAll(/ {2,}/g, " ");
    for (const line of fail) expect(doctor).toContain(line.replaceAll(/ {2,}/g, " "));
    const held = await typed("crmledger sync");
    expect(held.code).toBe(3);
    expect(shown("crmledger sync")[0]).toBe(held.err.trim());
    mapped(added.replace("mial", "mail").replace("Salse", "Sales"));
    const ran = await typed("crmledger sync");
    const [mended, ...rest] = shown("crmledger sync", 1);
    expect(ran.err.trim()).toBe(mended);
    for (const line of rest) expect(ran.out.split("\n")).toContain(line);
  });

  test("a double click, a reject that is mended, and last year's export", async () => {
    const zap =
      "  zap:\n    sendFrom: 2026-10-24\n    timezone: Europe/Berlin\n    map: { id: Zap Run ID, submittedAt: Date, person.email: Email }\n";
    const map = "    map: { id: id, submittedAt: sent, person.email: mail, notes: message }\n";
    world.config(`sources:\n  website:\n${OWN_SHAPE}    sameWithin: 10m\n${map}${zap}`);
    for (const [id, sent] of [
      ["c-1002", "13:00:05"],
      ["c-1003", "13:00:08"],
    ])
      world.write(`spool/website/${id}.json`, form({ id, sent: `2026-11-23 ${sent}`, mail: "alan@example.com" }));
    world.write("spool/website/c-1004.json", form({ id: "c-1004", mail: "joan at example.com" }));
    const clicked = await typed("crmledger sync");
    const page = shown("crmledger sync", 2);
    expect(clicked.err.trim()).toBe(page[0]);
    for (const line of page.filter((line) => /^(Ingested|Kept)/.test(line)))
      expect(clicked.out.split("\n")).toContain(line);

    await typed("crmledger rejects --export rejects.csv");
    world.write("rejects.csv", readFileSync(world.path("rejects.csv"), "utf8").replace("joan at ", "joan@"));
    expect((await typed("crmledger import rejects.csv")).out.trim().split("\n")).toEqual(
      shown("crmledger import rejects.csv"),
    );
    await typed("crmledger sync");
    expect((await typed("crmledger rejects")).out.trim()).toBe(shown("crmledger rejects", 1)[0]);

    world.write("samples/zap-2025.csv", ZAP);
    const wrong = await typed("crmledger import samples/zap-2025.csv");
    expect(wrong.code).toBe(65);
    expect(wrong.err.replaceAll(world.folder, "/srv/leads").trim().split("\n")).toEqual(
      shown("crmledger import samples/zap-2025.csv"),
    );
    const own = await typed("crmledger import samples/zap-2025.csv --source zap");
    // The moment is shown in this machine's time.
    const bare = (text: string): string => text.replace(/ \(2026-\S+ \S+ \S+\)/, "");
    expect(bare(`${own.err}${own.out}`).trim().split("\n")).toEqual(
      shown("crmledger import samples/zap-2025.csv --source zap").map(bare),
    );
    expect(world.simulator.records.persons).toHaveLength(2);
  });
});
