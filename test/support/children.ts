import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

/** A script of ours as a process of its own. */
export interface Child {
  process: ChildProcess;
  /** Lines of its standard output so far. */
  lines: string[];
  /** Resolves when a line starts like this; rejects where the process ends before. */
  told(start: string): Promise<string>;
  ended: Promise<{ code: number | null; signal: NodeJS.Signals | null; err: string }>;
}

/**
 * Resolves when the kernel says that a process which announced its stop stands still: a SIGCONT that came before its SIGSTOP
 * would be lost, and it would stand for ever.
 */
export async function standsStill({ process: { pid } }: Child): Promise<void> {
  for (;;) {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    if (stat.slice(stat.lastIndexOf(")") + 2).startsWith("T")) return;
    await new Promise((done) => setImmediate(done));
  }
}

const ROOT = resolve(import.meta.dirname, "../..");
const TSX = pathToFileURL(resolve(ROOT, "node_modules/tsx/dist/esm/index.mjs")).href;

/** Starts `test/support/NAME` under the same Node, with more in its environment. */
export function startChild(name: string, args: readonly string[], env: Record<string, string> = {}): Child {
  const script = resolve(import.meta.dirname, name);
  const child = spawn(process.execPath, ["--import", TSX, script, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...env },
  });
  const lines: string[] = [];
  const waiting = new Set<() => void>();
  let rest = "";
  let err = "";
  let over = false;
  const wake = (): void => {
    for (const look of [...waiting]) look();
  };
  child.stdout.on("data", (chunk: Buffer) => {
    const parts = (rest + chunk.toString()).split("\n");
    rest = parts.pop()!;
    lines.push(...parts);
    wake();
  });
  child.stderr.on("data", (chunk: Buffer) => {
    err += chunk.toString();
  });
  const ended = new Promise<Awaited<Child["ended"]>>((done) => {
    child.on("close", (code, signal) => {
      over = true;
      wake();
      done({ code, signal, err });
    });
  });
  const told = (start: string): Promise<string> =>
    new Promise((done, fail) => {
      const look = (): void => {
        const found = lines.find((line) => line.startsWith(start));
        if (found === undefined && !over) return;
        waiting.delete(look);
        if (found !== undefined) done(found);
        else fail(new Error(`it ended without saying "${start}": ${err}`));
      };
      waiting.add(look);
      look();
    });
  return { process: child, lines, told, ended };
}
