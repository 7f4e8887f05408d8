/** Safeties switched off one at a time: a named change of one source file, and the tests that must fail with it. */
import { spawn } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT, readText } from "./house-source.ts";

export interface Mutation {
  /** The safety that is switched off. */
  name: string;
  /** The sentence of `docs/architecture.md` that is no longer true without it. */
  guards: string;
  /** Below `src`. */
  file: string;
  /** Each `from` is there exactly once. */
  edits: readonly (readonly [from: string, to: string])[];
  /** Files below `test`, and titles in them. Each must fail. */
  killedBy: readonly (readonly [file: string, title: string])[];
}

/** The file's text with the safety switched off. Throws where an edit does not fit exactly once any more. */
export function mutated({ name, file, edits }: Omit<Mutation, "killedBy" | "guards">, text: string): string {
  let changed = text;
  for (const [from, to] of edits) {
    const times = changed.split(from).length - 1;
    if (times !== 1) throw new Error(`"${name}": in src/${file} this is there ${times} times, not once:\n${from}`);
    changed = changed.replace(from, () => to);
  }
  return changed;
}

/** What of the tree a run of tests needs. */
const PARTS = ["src", "test", "fixtures", "docs", "bin", "package.json", "tsconfig.json", "vitest.config.ts"];

/** A copy of the tree in which source may be changed. */
export class MutableTree {
  readonly root = mkdtempSync(join(tmpdir(), "crmledger-safeties-"));

  constructor() {
    for (const part of PARTS) cpSync(join(ROOT, part), join(this.root, part), { recursive: true });
    symlinkSync(join(ROOT, "node_modules"), join(this.root, "node_modules"));
  }

  /** Runs `work` while the safety is switched off. */
  async without<T>(mutation: Mutation, work: () => Promise<T>): Promise<T> {
    const path = join(this.root, "src", mutation.file);
    const text = readFileSync(path, "utf8");
    writeFileSync(path, mutated(mutation, text));
    try {
      return await work();
    } finally {
      writeFileSync(path, text);
    }
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}

export interface TestResult {
  /** Below `test`. */
  file: string;
  title: string;
  fullName: string;
  passed: boolean;
  /** First line of what it failed with. */
  message: string;
}

interface Report {
  testResults: {
    name: string;
    message: string;
    assertionResults: { title: string; fullName: string; status: string; failureMessages: string[] }[];
  }[];
}

/** All of the named tests at once, on a machine that has other things to do. */
const RUN_MAX_MS = 1_800_000;

/** Runs tests of a tree. `titles`: only these; absent: all of the files. What was skipped is not told. */
export async function runTests(
  root: string,
  files: readonly string[],
  titles: readonly string[] | null,
): Promise<TestResult[]> {
  const out = join(root, `results-${process.pid}.json`);
  const args = [join(root, "node_modules", "vitest", "vitest.mjs"), "run", ...files.map((file) => `test/${file}`)];
  args.push("--reporter=json", `--outputFile=${out}`);
  if (titles !== null) args.push("-t", `(${titles.map(patternOf).join("|")})$`);
  const said = await exec(args, root);
  let report: Report;
  try {
    report = JSON.parse(readFileSync(out, "utf8")) as Report;
  } catch {
    throw new Error(`the tests did not run: ${said.slice(-2_000)}`);
  } finally {
    rmSync(out, { force: true });
  }
  return report.testResults.flatMap(({ name, message, assertionResults }) => {
    if (assertionResults.length === 0) throw new Error(`${name} did not run: ${message.slice(0, 2_000)}`);
    const file = name.slice(name.lastIndexOf("/test/") + "/test/".length);
    return assertionResults
      .filter(({ status }) => status === "passed" || status === "failed")
      .map(({ title, fullName, status, failureMessages }) => ({
        ...{ file, title, fullName, passed: status === "passed" },
        message: (failureMessages[0] ?? "").split("\n")[0]!.slice(0, 200),
      }));
  });
}

function exec(args: readonly string[], cwd: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd, stdio: ["ignore", "pipe", "pipe"], timeout: RUN_MAX_MS });
    let said = "";
    const keep = (chunk: Buffer): void => {
      said = (said + chunk.toString()).slice(-20_000);
    };
    child.stdout.on("data", keep);
    child.stderr.on("data", keep);
    child.once("error", reject);
    child.once("close", () => resolve(said));
  });
}

/** A title as a pattern; what `it.each` fills in may be anything. */
export function patternOf(title: string): string {
  return title
    .split(/%[a-z]|\$[\w.]+/)
    .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"))
    .join(".*");
}

/** Whether the docs say so, whatever the line breaks. */
export function isDocumented(sentence: string): boolean {
  const flat = (text: string): string => text.replace(/[\s>*`]+/g, " ");
  return flat(readText("docs/architecture.md")).includes(flat(sentence));
}
