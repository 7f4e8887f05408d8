/** The program as processes of their own, as cron and people start it. */
import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

export interface ProgramEnd {
  code: number | null;
  signal: NodeJS.Signals | null;
  out: string;
  err: string;
}

export interface Program {
  args: readonly string[];
  process: ChildProcess;
  ended: Promise<ProgramEnd>;
}

const ROOT = resolve(import.meta.dirname, "../..");

/** How the program is started from its sources: nothing needs to be built. */
export const FROM_SOURCE: readonly string[] = [
  process.execPath,
  "--import",
  pathToFileURL(join(ROOT, "node_modules/tsx/dist/esm/index.mjs")).href,
  "-e",
  `import(${JSON.stringify(pathToFileURL(join(ROOT, "src/cli/main.ts")).href)}).then(async (m) => { process.exitCode = await m.main(process.argv.slice(1)); })`,
  "--",
];

/** How the built program is started. */
export const BUILT: readonly string[] = [process.execPath, join(ROOT, "bin", "crmledger.js")];

/** The built program where it is as new as its sources, since it starts four times as fast. */
export function currentProgram(): readonly string[] {
  const built = newestIn(join(ROOT, "dist"));
  return built > newestIn(join(ROOT, "src")) ? BUILT : FROM_SOURCE;
}

function newestIn(folder: string): number {
  try {
    const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile());
    return Math.max(0, ...files.map((entry) => statSync(join(entry.parentPath, entry.name)).mtimeMs));
  } catch {
    return 0;
  }
}

export function startProgram(
  command: readonly string[],
  args: readonly string[],
  options: { cwd: string; env?: Record<string, string> },
): Program {
  const [file = "node", ...rest] = command;
  const child = spawn(file, [...rest, ...args], {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let out = "";
  let err = "";
  child.stdout.on("data", (chunk: Buffer) => {
    out += chunk.toString();
  });
  child.stderr.on("data", (chunk: Buffer) => {
    err += chunk.toString();
  });
  const ended = new Promise<ProgramEnd>((done, fail) => {
    child.once("error", fail);
    child.once("close", (code, signal) => done({ code, signal, out, err }));
  });
  return { args, process: child, ended };
}

/** Frames of a stack, and the words for an error that nobody thought of. */
const STACK = /^\s+at .+[:(]\d+:\d+\)?$/m;

/** Null, or how the program misbehaved as it ended: a code that is not one of `codes`, a stack trace, talk on standard output. */
export function misbehaved({ code, signal, out, err }: ProgramEnd, codes: readonly number[]): string | null {
  if (signal !== null) return `ended by ${signal}`;
  if (code === null || !codes.includes(code)) return `exit code ${code}`;
  if (STACK.test(err) || err.includes("This should not happen"))
    return "a stack trace or an unexpected error on stderr";
  if (documentOf(out) === null) return "standard output is not one JSON document";
  return null;
}

// biome-ignore lint/suspicious/noExplicitAny: documents are looked into by tests, which fail on what is not there.
export function documentOf(out: string): any {
  try {
    return JSON.parse(out) as unknown;
  } catch {
    return null;
  }
}
