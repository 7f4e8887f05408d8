import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { PassThrough, Readable, Writable } from "node:stream";
import type { Io, StopSignal } from "../../src/cli/io.ts";
import type { LocalUser } from "../../src/cli/local-user.ts";
import { main } from "../../src/cli/main.ts";
import type { Clock } from "../../src/domain/clock.ts";
import type { SimulatorOptions } from "../../src/simulator/options.ts";
import { createSimulator, type Simulator } from "../../src/simulator/simulator.ts";
import { CANARY_TOKEN, peopleIn, reportFound, tokenIn } from "./canary.ts";
import { createSystemClock } from "./system-clock.ts";

/** What one command line gave. */
export interface Ran {
  code: number;
  out: string;
  err: string;
  /** Standard output as the one JSON document that it must be. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into documents and fail on what is not there
  json: any;
}

export interface RunOptions {
  stdin?: string;
  /** Standard input and error are a terminal at which somebody types one of these after each question. */
  answers?: string[];
  /** What happens while they make up their mind. */
  beforeAnswer?: () => Promise<void>;
  env?: Record<string, string>;
  /** Standard output is a terminal of so many columns. */
  columns?: number;
  /** Instead of the machine's. */
  clock?: Clock;
  /** Who runs the program, as it sees itself. */
  user?: LocalUser;
  onStart?: (send: (signal: StopSignal) => void) => void;
}

/** The simulator sends no limits' headers here, so the pacer would start at the smallest plan's pace. */
const FAST = "burst: 2000, share: 1";

/** A folder with a config, a CRM on loopback, and the real program run in this process. */
export interface CliWorld {
  folder: string;
  simulator: Simulator;
  url: string;
  path(name: string): string;
  write(name: string, text: string, mode?: number): string;
  /** Writes crmledger.yaml: the CRM, then what is given, and makes the folder `spool`. */
  config(rest?: string, limits?: string): void;
  run(...args: string[]): Promise<Ran>;
  runWith(options: RunOptions, ...args: string[]): Promise<Ran>;
  close(): Promise<void>;
}

export const WEBSITE = "sources:\n  website:\n    spool: ./spool\n    lane: operational\n";

export async function createCliWorld(options: Partial<SimulatorOptions> = {}): Promise<CliWorld> {
  const folder = mkdtempSync(join(tmpdir(), "crmledger-cli-"));
  const simulator = createSimulator({
    clock: createSystemClock(),
    limits: null,
    withStampFields: true,
    tokens: [CANARY_TOKEN],
    ...options,
  });
  const server = await simulator.serve();
  const world: CliWorld = {
    folder,
    simulator,
    url: server.url,
    path: (name) => join(folder, name),
    write(name, text, mode = 0o600) {
      const path = join(folder, name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text, { mode });
      return path;
    },
    config(rest = WEBSITE, limits = "") {
      mkdirSync(join(folder, "spool"), { recursive: true });
      world.write("token", `${simulator.tokens[0]}\n`);
      world.write(
        "crmledger.yaml",
        `crm:\n  type: pipedrive\n  baseUrl: ${server.url}\n  apiTokenFile: ./token\nlimits: { ${FAST}${limits} }\n${rest}`,
      );
    },
    run: (...args) => world.runWith({}, ...args),
    runWith: (given, ...args) => runMain(folder, given, args),
    async close() {
      await server.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return world;
}

async function runMain(folder: string, options: RunOptions, args: string[]): Promise<Ran> {
  const out = collector();
  if (options.columns !== undefined) Object.assign(out.stream, { isTTY: true, columns: options.columns });
  const listeners = new Set<(name: StopSignal) => void>();
  const isTTY = options.answers !== undefined;
  const stdin = isTTY
    ? new PassThrough()
    : Readable.from(options.stdin === undefined ? [] : [Buffer.from(options.stdin)]);
  const answers = [...(options.answers ?? [])];
  const err = collector((text) => {
    const answer = text.endsWith(": ") ? answers.shift() : undefined;
    if (answer === undefined) return;
    const thinks = options.beforeAnswer?.() ?? Promise.resolve();
    void thinks.then(() => setImmediate(() => (stdin as PassThrough).write(`${answer}\r`)));
  });
  Object.assign(err.stream, { isTTY });
  const io: Io = {
    stdin: Object.assign(stdin, { isTTY }) as unknown as Io["stdin"],
    stdout: out.stream,
    stderr: err.stream,
    env: { HOME: folder, PATH: process.env.PATH, ...options.env },
    cwd: folder,
    home: folder,
    launcher: ["/usr/bin/node", "/opt/crmledger/bin/crmledger.js"],
    ...(options.user !== undefined && { user: options.user }),
    ...(options.clock !== undefined && { clock: options.clock }),
    onSignal: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    exit: (code) => {
      throw new Error(`left at once with ${code}`);
    },
  };
  options.onStart?.((signal) => {
    for (const listener of listeners) listener(signal);
  });
  const code = await main(args, io);
  const text = out.text();
  // A terminal shows what a person asked for; standard error of a script ends in a log.
  const logged = isTTY ? "" : err.text();
  reportFound([
    ...tokenIn(`${text}${err.text()}`).map((form) => `${args.join(" ")} printed the token (${form})`),
    ...peopleIn(logged, args).map((person) => `${args.join(" ")} said ${person} on standard error`),
  ]);
  return {
    code,
    out: text,
    err: err.text(),
    get json() {
      return JSON.parse(text) as unknown;
    },
  };
}

function collector(heard: (text: string) => void = () => undefined): { stream: Writable; text(): string } {
  const parts: string[] = [];
  const stream = new Writable({
    write(chunk, _encoding, done) {
      parts.push(String(chunk));
      heard(String(chunk));
      done();
    },
  });
  return { stream, text: () => parts.join("") };
}

/** A submission as a spool takes it. */
export function lead(id: string, more: Record<string, unknown> = {}): Record<string, unknown> {
  const person = { name: `Lead ${id}`, email: `lead-${id}@example.com` };
  return {
    id,
    submittedAt: new Date().toISOString(),
    person,
    deal: { title: `Deal ${id}` },
    notes: [`Note of ${id}`],
    ...more,
  };
}
