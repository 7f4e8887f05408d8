import { posix } from "node:path";
import { describe, expect, test } from "vitest";
import { COMMANDS } from "../../src/cli/commands.ts";
import { parseConfig } from "../../src/config/parse-config.ts";
import { adapterOf } from "../../src/crm/registry.ts";
import { EXIT_CODES } from "../../src/domain/errors.ts";
import { HOLD_KINDS } from "../../src/domain/hold.ts";
import { checkBaseUrl } from "../../src/http/base-url.ts";
import { createSimulator } from "../../src/simulator/simulator.ts";
import { ROOMS } from "../support/house-rules.ts";
import { filesBelow, readText } from "../support/house-source.ts";
import { createVirtualClock } from "../support/virtual-clock.ts";

const readme = readText("README.md");
const docs = filesBelow("docs").filter((path) => path.endsWith(".md"));
const pages = ["README.md", ...docs].map((path) => ({ path, text: readText(path) }));

const GLOBAL_FLAGS = [
  "--config",
  "--ledger",
  "--json",
  "--quiet",
  "--verbose",
  "--no-color",
  "--no-progress",
  "--help",
];

/** Fields that every account has, and that a map reaches by paths of their own, or not at all. */
const ORDINARY = [
  ...["ID", "Owner", "Created", "Updated", "Visible to", "Label", "Name", "Email", "Phone", "Organization", "Title"],
  ...["Value", "Currency", "Contact person", "Stage", "Status"],
];

/** Fenced blocks of a language. */
function blocks(text: string, language: string): string[] {
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, "gm"))].map((match) => match[1]!);
}

/** Rows of tables whose first cell is a code. */
function tableRows(text: string): string[][] {
  return [...text.matchAll(/^\|(.+)\|$/gm)].map((match) => match[1]!.split("|").map((cell) => cell.trim()));
}

/** What stands behind `crmledger` in shell blocks and in code spans. */
function commandLines(text: string): string[] {
  const shell = [...blocks(text, "sh"), ...blocks(text, "cron")].join("\n");
  const spans = [...text.matchAll(/`((?:npx )?crmledger [^`]+)`/g)].map((match) => match[1]!);
  return [...`${shell}\n${spans.join("\n")}`.matchAll(/(?<![./\w-])crmledger +([a-z-]+[^\n#|&>;)]*)/g)].map((match) =>
    match[1]!.trim(),
  );
}

describe("what the documents say", () => {
  test("names all that the simulator's account has to map to", () => {
    const given = createSimulator({ clock: createVirtualClock(0) });
    const section = readme.split("## The same against the simulator")[1]!.split("\n## ")[0]!;
    const fields = (["person", "organization", "deal"] as const).flatMap((entity) => given.fields(entity));
    const labels = fields.flatMap(({ options }) => (options ?? []).map(({ label }) => label));
    const stages = given.pipelines().flatMap(({ name, stages: own }) => [name, ...own.map((stage) => stage.name)]);
    const own = fields.map(({ field_name }) => field_name).filter((name) => !ORDINARY.includes(name));
    const missing = [...labels, ...stages, ...own].filter((name) => !section.includes(name));
    expect(missing).toEqual([]);
  });

  test("names only commands and flags that are there", () => {
    const wrong: string[] = [];
    for (const { path, text } of pages) {
      for (const line of commandLines(text)) {
        const [name = "", ...words] = line.split(/\s+/);
        const row = COMMANDS.find((command) => command.name === name);
        const flags = [...GLOBAL_FLAGS, ...(row?.options ?? []).map((option) => option.flags.split(/[ ,]/)[0]!)];
        if (row === undefined) wrong.push(`${path}: crmledger ${line}: no such command`);
        const unknown = words.filter((word) => word.startsWith("--") && !flags.includes(word.split("=")[0]!));
        if (row !== undefined && unknown.length > 0) wrong.push(`${path}: crmledger ${line}: no ${unknown.join(", ")}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  test("names every command somewhere", () => {
    const all = pages.map((page) => page.text).join("\n") + readText("CHANGELOG.md");
    expect(COMMANDS.filter(({ name }) => !new RegExp(`[\` ]${name}\\b`).test(all)).map(({ name }) => name)).toEqual([]);
  });

  test("gives each error the exit code that the program gives it", () => {
    const told = tableRows(readText("docs/exit-codes.md"))
      .filter(([name = "", code = ""]) => /^`\w+`$/.test(name) && /^\d+$/.test(code))
      .map(([name, code]) => [name!.slice(1, -1), Number(code)]);
    expect(Object.fromEntries(told)).toEqual(EXIT_CODES);
  });

  test("lists every exit code in both tables, and no other", () => {
    const codesIn = (text: string) =>
      tableRows(text)
        .filter(([code = ""]) => /^\d+(, \d+)?$/.test(code))
        .flatMap(([code]) => code!.split(", ").map(Number));
    const real = new Set([0, ...Object.values(EXIT_CODES), 130, 143]);
    expect(new Set(codesIn(readme))).toEqual(real);
    expect(new Set(codesIn(readText("docs/exit-codes.md")))).toEqual(real);
  });

  test("explains every error", () => {
    const told = new Set(tableRows(readText("docs/errors.md")).map(([name = ""]) => name.replaceAll("`", "")));
    expect(Object.keys(EXIT_CODES).filter((code) => !told.has(code))).toEqual([]);
  });

  test("says of every hold what it is and what to do", () => {
    const architecture = new Set(tableRows(readText("docs/architecture.md")).map(([kind = ""]) => kind));
    for (const kind of HOLD_KINDS) {
      expect(readme, `README.md on ${kind}`).toContain(`hold \`${kind}\``);
      expect(architecture, `docs/architecture.md on ${kind}`).toContain(`\`${kind}\``);
    }
  });

  test("shows rooms that are there, each at its level", () => {
    const told = tableRows(readText("docs/architecture.md")).filter(([level = ""]) => /^\d$/.test(level));
    const wrong = told.filter(([level, room]) => ROOMS[room!.replaceAll("`", "")]?.level !== Number(level));
    expect(wrong).toEqual([]);
    const present = new Set(filesBelow("src").map((path) => path.split("/")[1]));
    const named = new Set(told.map(([, room]) => room!.replaceAll("`", "")));
    expect([...present].filter((room) => !named.has(room!))).toEqual([]);
  });

  test("shows every table of the ledger, and none that is not there", () => {
    const sql = [...filesBelow("src/ledger/sqlite/migrations"), "src/ledger/sqlite/finding.sql.ts"]
      .map(readText)
      .join("\n");
    const made = [...sql.matchAll(/CREATE TABLE (\w+)/g)].map((match) => match[1]!).sort();
    const section = readText("docs/architecture.md").split("## The ledger's tables")[1]!.split("\n## ")[0]!;
    const told = tableRows(section)
      .flatMap(([names = ""]) => [...names.matchAll(/`(\w+)`/g)].map((match) => match[1]!))
      .sort();
    expect(told).toEqual(made);
  });

  test("shows configs that the program takes", () => {
    const adapter = adapterOf("pipedrive")!;
    const pipedrive = {
      defaultBaseUrl: adapter.defaultBaseUrl,
      checkBaseUrl: (text: string, allowHosts: readonly string[]) =>
        checkBaseUrl(text, adapter.hostSuffixes, allowHosts),
    };
    const configs = pages.flatMap(({ text }) => blocks(text, "yaml"));
    expect(configs.length).toBeGreaterThanOrEqual(2);
    for (const block of configs) {
      // Pages on sources show only these.
      const text = /^crm:/m.test(block) ? block : `crm: { type: pipedrive, apiToken: "${"0".repeat(40)}" }\n${block}`;
      const env = { SLACK_WEBHOOK: "https://hooks.example.com/x" };
      const origin = { file: "crmledger.yaml", env, ownerOnly: true, vendors: { pipedrive } };
      expect(() => parseConfig(text, { ...origin, file: "/srv/crmledger/crmledger.yaml" }), text).not.toThrow();
    }
  });

  test("shows JSON that is JSON", () => {
    for (const block of blocks(readText("docs/json-output.md"), "json")) {
      expect(() => JSON.parse(block), block).not.toThrow();
    }
  });

  test("links only to what is there", () => {
    const broken = pages.flatMap(({ path, text }) =>
      [...text.matchAll(/\]\((?!https?:)([^)#]+)/g)]
        .map((match) => match[1]!)
        .filter((target) => ![...filesBelow("docs"), "README.md"].includes(posix.join(posix.dirname(path), target)))
        .map((target) => `${path}: ${target}`),
    );
    expect(broken).toEqual([]);
  });
});
