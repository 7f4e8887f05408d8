import { type ChildProcess, spawn } from "node:child_process";
import type { Invocation, Reply } from "./command.ts";
import { createDemoClock, type DemoTime, readDemoTime, writeDemoTime } from "./demo-clock.ts";
import type { DemoFolder } from "./demo-folder.ts";
import type { Io } from "./io.ts";

/** One `sync` of the demo, as a process of its own. */
export interface DemoChild {
  ended: Promise<EndedChild>;
  alive(): boolean;
  /** SIGKILL: nothing of it runs on, not a single line. */
  kill(): void;
}

export interface EndedChild {
  code: number | null;
  killed: boolean;
  out: string;
  err: string;
}

const TEXT_MAX = 1_000_000;
/** What would lead the child to the user's own config and ledger. */
const FOREIGN = /^CRMLEDGER_/;

/** Starts this very program once more, on the demo's time. */
export function startDemoChild(io: Io, folder: DemoFolder, time: DemoTime): DemoChild {
  const [program = process.execPath, ...words] = io.launcher;
  const own = ["demo", "--as-cron", writeDemoTime(time), "--config", folder.config];
  const env = Object.fromEntries(Object.entries(io.env).filter(([name]) => !FOREIGN.test(name)));
  const child = spawn(program, [...words, ...own, "--json", "--quiet", "--no-progress"], {
    cwd: folder.path,
    env,
    stdio: ["ignore", "pipe", "pipe"],
    windowsHide: true,
  });
  return { ended: watch(child), alive: () => isAlive(child), kill: () => void child.kill("SIGKILL") };
}

const isAlive = (child: ChildProcess): boolean => child.exitCode === null && child.signalCode === null;

function watch(child: ChildProcess): Promise<EndedChild> {
  const text = { out: "", err: "" };
  const keep = (name: "out" | "err") => (chunk: unknown) => {
    if (text[name].length < TEXT_MAX) text[name] += String(chunk);
  };
  child.stdout?.on("data", keep("out"));
  child.stderr?.on("data", keep("err"));
  return new Promise((done, fail) => {
    child.on("error", fail);
    child.on("close", (code, signal) => done({ code, killed: signal === "SIGKILL", ...text }));
  });
}

/** What such a child does: `crmledger sync` on the demo's clock. */
export async function syncAsDemoChild(invocation: Invocation, time: string): Promise<Reply | null> {
  const clock = createDemoClock(readDemoTime(time));
  const { run } = await import("./sync.ts");
  return await run({ ...invocation, flags: {}, io: { ...invocation.io, clock } });
}
