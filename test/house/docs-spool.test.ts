import { type ExecFileSyncOptionsWithStringEncoding, execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { readText } from "../support/house-source.ts";

const RECORD = { event_id: "wf_1", fields: { message: "Grüße 👋" } };

/** The README's one block of a language that spools a record. */
function snippet(language: string): string {
  return new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, "m").exec(readText("README.md"))![1]!;
}

const has = (program: string): boolean => spawnSync(program, ["--version"]).status === 0;

describe("how a web server writes the spool, as the README shows it", () => {
  let folder: string;
  const spool = () => join(folder, "spool");

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "crmledger-readme-"));
    mkdirSync(spool());
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  function run(program: string, file: string, text: string): string {
    writeFileSync(join(folder, file), text);
    const given: ExecFileSyncOptionsWithStringEncoding = { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] };
    return execFileSync(program, [join(folder, file), spool()], given);
  }

  function expectOneWholeFile(): void {
    const names = readdirSync(spool());
    expect(names).toHaveLength(1);
    expect(names[0]).toMatch(/^[^.].*\.json$/);
    expect(JSON.parse(readFileSync(join(spool(), names[0]!), "utf8"))).toEqual(RECORD);
  }

  const node = () => `${snippet("js")}\nawait spool(process.argv[2], ${JSON.stringify(RECORD)});\n`;
  const python = () =>
    `import json, os, sys, time, uuid\n${snippet("python")}\nspool(sys.argv[1], json.loads(${JSON.stringify(JSON.stringify(RECORD))}))\n`;
  const php = () =>
    `<?php\n${snippet("php")}\nspool($argv[1], json_decode(${JSON.stringify(JSON.stringify(RECORD)).replaceAll("$", "\\$")}, true));\n`;

  test("in Node", () => {
    run(process.execPath, "spool.mjs", node());
    expectOneWholeFile();
  });

  test.skipIf(!has("python3"))("in Python", () => {
    run("python3", "spool.py", python());
    expectOneWholeFile();
  });

  test.skipIf(!has("php"))("in PHP", () => {
    run("php", "spool.php", php());
    expectOneWholeFile();
  });

  test("throws where the file can't be written, so that the sender is told", () => {
    rmSync(spool(), { recursive: true });
    expect(() => run(process.execPath, "spool.mjs", node())).toThrow();
  });
});
