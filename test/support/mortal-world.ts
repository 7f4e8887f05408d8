/**
 * A folder with a config, a CRM on loopback and the whole program, which can die at a named instant: killed as a process of
 * its own, or, for tests that can't wait for so many processes, in this one, where from that instant on nothing of it
 * reaches ledger, disk or wire any more.
 */
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { Readable, Writable } from "node:stream";
import { pathToFileURL } from "node:url";
import { main } from "../../src/cli/main.ts";
import type { Failpoint } from "../../src/domain/failpoint.ts";
import { createSimulator, type Simulator } from "../../src/simulator/simulator.ts";
import { createSystemClock } from "./system-clock.ts";

export interface Ran {
  code: number;
  out: string;
  err: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into documents and fail on what is not there
  json: any;
}

/** How a command line meets its end at the nth coming of an instant. False: it ended before. */
export type Death = (world: MortalWorld, line: readonly string[], instant: string, nth: number) => Promise<boolean>;

export interface MortalWorld {
  folder: string;
  simulator: Simulator;
  path(name: string): string;
  write(name: string, text: string): string;
  read(name: string): string;
  /** Names of all files below a folder, hidden ones too; none where it is not there. */
  files(folder?: string): string[];
  /** Writes crmledger.yaml, with times that suit a test. */
  config(rest: string): void;
  run(...line: string[]): Promise<Ran>;
  runWith(failpoint: Failpoint, line: readonly string[]): Promise<Ran>;
  close(): Promise<void>;
}

const QUICK = `limits: { burst: 2000, share: 1 }
retry: { settle: [100ms, 200ms], baseDelay: 20ms, maxDelay: 100ms }
`;

export async function createMortalWorld(withStampFields = true): Promise<MortalWorld> {
  const folder = mkdtempSync(join(tmpdir(), "crmledger-mortal-"));
  const simulator = createSimulator({ clock: createSystemClock(), limits: null, withStampFields });
  const server = await simulator.serve();
  const path = (name: string): string => join(folder, name);
  const write = (name: string, text: string): string => {
    mkdirSync(dirname(path(name)), { recursive: true });
    writeFileSync(path(name), text, { mode: 0o600 });
    return path(name);
  };
  const runWith: MortalWorld["runWith"] = (failpoint, line) => runHere(folder, failpoint, line);
  return {
    ...{ folder, simulator, path, write, runWith },
    read: (name) => readFileSync(path(name), "utf8"),
    files: (below = ".") => filesBelow(path(below)).map((file) => file.slice(folder.length + 1)),
    config(rest) {
      write("token", `${simulator.tokens[0]}\n`);
      write(
        "crmledger.yaml",
        `crm:\n  type: pipedrive\n  timeout: 5s\n  baseUrl: ${server.url}\n  apiTokenFile: ./token\n${QUICK}${rest}`,
      );
    },
    run: (...line) => runWith(() => undefined, line),
    async close() {
      await server.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function filesBelow(folder: string): string[] {
  let entries: ReturnType<typeof entriesOf> = [];
  try {
    entries = entriesOf(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  return entries
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      return entry.isDirectory() ? filesBelow(path) : [path];
    })
    .sort();
}

const entriesOf = (folder: string) => readdirSync(folder, { withFileTypes: true });

async function runHere(folder: string, failpoint: Failpoint, line: readonly string[]): Promise<Ran> {
  const [out, err] = [collector(), collector()];
  const code = await main(line, {
    stdin: Readable.from([]) as NodeJS.ReadableStream,
    stdout: out.stream,
    stderr: err.stream,
    env: { HOME: folder, PATH: process.env.PATH },
    cwd: folder,
    home: folder,
    failpoint,
    launcher: ["/usr/bin/node", "/opt/crmledger/bin/crmledger.js"],
    onSignal: () => () => undefined,
    exit: (status) => {
      throw new Error(`left at once with ${status}`);
    },
  });
  const text = out.text();
  return {
    ...{ code, out: text, err: err.text() },
    get json() {
      return JSON.parse(text) as unknown;
    },
  };
}

function collector(): { stream: Writable; text(): string } {
  const parts: string[] = [];
  const stream = new Writable({
    write(chunk, _encoding, done) {
      parts.push(String(chunk));
      done();
    },
  });
  return { stream, text: () => parts.join("") };
}

/** In this process: from the instant on every other one throws too, that of a beginning transaction and of a send among them. */
export const dieHere: Death = async (world, line, instant, nth) => {
  let left = nth;
  const failpoint = (name: string): void => {
    if (left > 0 && name === instant) left -= 1;
    if (left === 0) throw new Error(`died at ${instant} no. ${nth}`);
  };
  await world.runWith(failpoint, line);
  return left === 0;
};

const ROOT = resolve(import.meta.dirname, "../..");
const TSX = pathToFileURL(resolve(ROOT, "node_modules/tsx/dist/esm/index.mjs")).href;

/** As a process of its own, by SIGKILL. `dist` starts in a third of the time and must have been built. */
export const kill =
  (from: "src" | "dist"): Death =>
  async ({ folder }, line, instant, nth) => {
    const script = resolve(import.meta.dirname, "mortal-child.mjs");
    const loader = from === "src" ? ["--import", TSX] : [];
    const child = spawn(process.execPath, [...loader, script, from, folder, instant, String(nth), ...line]);
    let err = "";
    child.stderr.on("data", (chunk: Buffer) => {
      err += chunk.toString();
    });
    child.stdout.resume();
    child.stdin.end();
    const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((done) =>
      child.on("close", (...end) => done(end)),
    );
    if (signal === "SIGKILL") return true;
    if (signal !== null || code === 1) throw new Error(`${line.join(" ")} ended with ${signal ?? code}: ${err}`);
    return false;
  };
