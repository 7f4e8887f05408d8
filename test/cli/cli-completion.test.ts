/** The completion scripts, asked by the shells that they are for, and the manual page, read by what reads it. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { COMMANDS } from "../../src/cli/commands.ts";
import { EXIT_CODES } from "../../src/domain/errors.ts";
import { type CliWorld, createCliWorld } from "../support/cli-world.ts";

const has = (program: string, flag = "--version"): boolean => spawnSync(program, [flag]).status === 0;

let world: CliWorld;
let folder: string;
const script = (shell: string): string => join(folder, `_crmledger.${shell}`);
beforeAll(async () => {
  world = await createCliWorld();
  folder = mkdtempSync(join(tmpdir(), "completion-"));
  for (const shell of ["bash", "zsh", "fish", "man"])
    writeFileSync(script(shell), (await world.run("completion", shell)).out);
});
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await world.close();
});

/** What stands on the line, the last word half typed, and some of the words that must and must not be proposed. */
const ASKED: readonly (readonly [line: string, proposed: readonly string[], not: readonly string[]])[] = [
  ["crmledger re", ["report", "retry-failed", "reconcile", "resume", "rejects"], ["sync"]],
  ["crmledger sync --dr", ["--dry-run"], ["--lane"]],
  ["crmledger --config other.yaml sync --jo", ["--join"], ["sync"]],
  ["crmledger sync --lane ", ["operational", "background"], ["--dry-run"]],
  ["crmledger failed e", ["edit"], ["drop"]],
  ["crmledger reconcile --format h", ["html"], ["csv"]],
  ["crmledger reconcile --repair=m", ["merge"], ["recreate"]],
  ["crmledger help st", ["status"], ["sync"]],
  ["crmledger completion f", ["fish"], ["bash"]],
  ["crmledger status --pro", ["--prometheus"], ["--check"]],
];

describe("bash", () => {
  /** As bash breaks the line: at spaces, and around `=`. */
  function proposes(line: string): string[] {
    const words = line.split(/(=)|\s/).filter((word) => word !== undefined);
    const set = `COMP_WORDS=(${words.map((word) => `'${word}'`).join(" ")}); COMP_CWORD=${words.length - 1}`;
    const asked = `source '${script("bash")}'; ${set}; _crmledger; printf '%s\\n' "\${COMPREPLY[@]}"`;
    return execFileSync("bash", ["--norc", "-c", asked], { cwd: folder, encoding: "utf8" }).split("\n").filter(Boolean);
  }

  it.each(ASKED)("%s", (line, proposed, not) => {
    const found = proposes(line);
    expect(found).toEqual(expect.arrayContaining([...proposed]));
    for (const word of not) expect(found).not.toContain(word);
  });

  it("proposes files where a file is wanted", () => {
    expect(proposes("crmledger import _crm")).toContain("_crmledger.zsh");
    expect(proposes("crmledger sync --config _crm")).toContain("_crmledger.zsh");
    expect(proposes("crmledger sync _crm")).toEqual([]);
  });
});

describe("fish", () => {
  it.skipIf(!has("fish")).each(ASKED)("%s", (line, proposed, not) => {
    const asked = `source '${script("fish")}'; complete -C "${line}"`;
    const env = { ...process.env, HOME: folder, XDG_CONFIG_HOME: folder, XDG_DATA_HOME: folder };
    const out = execFileSync("fish", ["--no-config", "-c", asked], { cwd: folder, env, encoding: "utf8" });
    const found = out.split("\n").map((each) => each.split("\t")[0]!.replace(/^--repair=/, ""));
    expect(found).toEqual(expect.arrayContaining([...proposed]));
    for (const word of not) expect(found).not.toContain(word);
  });
});

describe("zsh", () => {
  // What it lists goes through its line editor, which a test without a terminal can't ask.
  it.skipIf(!has("zsh"))("takes the script", () => {
    const read = spawnSync("zsh", ["-f", "-n", script("zsh")], { encoding: "utf8" });
    expect(read).toMatchObject({ status: 0, stderr: "" });
  });
});

describe("the manual page", () => {
  it("has every command, flag and exit code", async () => {
    const { out } = await world.run("completion", "man");
    const plain = out.replaceAll("\\-", "-");
    for (const row of COMMANDS) {
      expect(plain).toContain(`.SS "${row.name}`);
      for (const { flags, hidden } of row.options ?? []) if (!hidden) expect(plain).toContain(flags.split(" ")[0]);
    }
    for (const code of Object.values(EXIT_CODES)) expect(plain).toMatch(new RegExp(`^\\.B (.*, )?${code}$`, "m"));
  });

  it.skipIf(!has("man"))("is read by man without a complaint", () => {
    const env = { ...process.env, MANWIDTH: "80", LC_ALL: "C.UTF-8" };
    const read = spawnSync("man", ["--warnings", "-l", script("man")], { env, encoding: "utf8" });
    expect(read.stderr).toBe("");
    expect(read.stdout).toContain("crmledger sync --dry-run");
  });
});
