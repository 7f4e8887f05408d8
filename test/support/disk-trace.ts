/** What a process asked of disk and network, in order, by its system calls; and what a power loss at any of them leaves. */
import { spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";

const CALLS =
  "write,writev,pwrite64,pwritev,sendto,sendmsg,fsync,fdatasync,ftruncate,link,unlink,rename,renameat,renameat2";
const OPTIONS = ["-f", "--seccomp-bpf", "-y", "-xx", "-s", "1000000", "-e", `trace=${CALLS}`];

/** Why system calls can't be traced here; null where they can. */
export function untraceable(): string | null {
  if (process.platform !== "linux") return "strace is for Linux";
  const tried = spawnSync("strace", [...OPTIONS, "-o", "/dev/null", "true"], { encoding: "utf8" });
  if (tried.error !== undefined) return "strace is not installed";
  return tried.status === 0 ? null : `strace may not trace here: ${tried.stderr.trim().slice(0, 100)}`;
}

export type DiskEvent =
  | { type: "write"; path: string; data: Buffer; offset: number }
  | { type: "truncate"; path: string; size: number }
  | { type: "sync"; path: string }
  | { type: "unlink"; path: string }
  | { type: "rename"; from: string; to: string }
  | { type: "link"; from: string; to: string }
  /** To a socket or a pipe. */
  | { type: "send"; to: string; data: Buffer };

export interface Traced {
  code: number | null;
  out: string;
  err: string;
  events: DiskEvent[];
  /** Threads that made something durable. */
  threads: number;
}

/** Runs a program to its end under strace; `file` is where the trace goes. */
export async function traced(
  command: readonly string[],
  options: { cwd: string; env: NodeJS.ProcessEnv; file: string },
): Promise<Traced> {
  const { cwd, env, file } = options;
  const child = spawn("strace", [...OPTIONS, "-o", file, ...command], { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
  const said = { out: "", err: "" };
  child.stdout.on("data", (chunk: Buffer) => {
    said.out += chunk.toString();
  });
  child.stderr.on("data", (chunk: Buffer) => {
    said.err += chunk.toString();
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  const text = readFileSync(file, "latin1");
  const threads = new Set([...text.matchAll(/^(\d+) +f(?:data)?sync\(/gm)].map((match) => match[1]));
  return { code, ...said, events: eventsOf(text), threads: threads.size };
}

/**
 * Lines of one call are whole where no other thread's call came between; else it is cut in two. What goes out counts from its
 * beginning, what is made safe counts from its end: so no order is claimed that was not there.
 */
function eventsOf(text: string): DiskEvent[] {
  const events: DiskEvent[] = [];
  const begun = new Map<string, DiskEvent>();
  for (const line of text.split("\n")) {
    const space = line.indexOf(" ");
    const thread = line.slice(0, space);
    const call = line.slice(space).trimStart();
    if (call.startsWith("<... ")) {
      const event = begun.get(thread);
      begun.delete(thread);
      if (event !== undefined && /= 0$/.test(call)) events.push(event);
      continue;
    }
    const event = eventOf(call);
    if (event === null) continue;
    if (event.type === "sync" && call.endsWith("<unfinished ...>")) begun.set(thread, event);
    else if (!/= -1 E/.test(call)) events.push(event);
  }
  return events;
}

const TEXT = /"((?:\\x[0-9a-f]{2})*)"/g;

function eventOf(call: string): DiskEvent | null {
  const name = call.slice(0, call.indexOf("("));
  const texts = (): Buffer[] => [...call.matchAll(TEXT)].map((match) => bytesOf(match[1]!));
  if (name.startsWith("rename") || name === "link") {
    const [from, to] = texts();
    return { type: name === "link" ? "link" : "rename", from: from!.toString(), to: to!.toString() };
  }
  if (name === "unlink") return { type: "unlink", path: texts()[0]!.toString() };
  const path = /^\w+\(\d+<([^>]*)>/.exec(call)?.[1];
  if (path === undefined) return null;
  const file = bytesOf(path).toString();
  if (name === "fsync" || name === "fdatasync") return { type: "sync", path: file };
  if (name === "ftruncate") return { type: "truncate", path: file, size: lastNumber(call) };
  if (file.startsWith("anon_inode")) return null;
  const data = Buffer.concat(texts());
  if (!file.startsWith("/")) return { type: "send", to: file, data };
  if (name.startsWith("p")) {
    return { type: "write", path: file, data, offset: lastNumber(call) };
  }
  return { type: "write", path: file, data, offset: -1 };
}

function lastNumber(call: string): number {
  const text = /, (\d+)(?:\) += | <unfinished)/.exec(call)?.[1];
  if (text === undefined) throw new Error(`not understood: ${call.slice(0, 100)} ... ${call.slice(-100)}`);
  return Number(text);
}

function bytesOf(escaped: string): Buffer {
  return Buffer.from(escaped.replaceAll("\\x", ""), "hex");
}

interface DiskFile {
  synced: Buffer;
  /** What no sync has made durable yet: each of it may or may not outlast a power loss. */
  pending: (DiskEvent & { type: "write" | "truncate" })[];
}

/** The disk, as far as it is known: files as they were at the beginning, and what was asked of them since. */
export class TracedDisk {
  readonly #files = new Map<string, DiskFile>();

  constructor(files: Readonly<Record<string, Buffer>>) {
    for (const [path, synced] of Object.entries(files)) this.#files.set(path, { synced, pending: [] });
  }

  take(event: DiskEvent): void {
    if (event.type === "send") return;
    if (event.type === "rename" || event.type === "link") {
      this.#files.set(event.to, this.#file(event.from));
      if (event.type === "rename") this.#files.delete(event.from);
    } else if (event.type === "unlink") this.#files.delete(event.path);
    else if (event.type === "sync") {
      const file = this.#file(event.path);
      file.synced = file.pending.reduce(applied, file.synced);
      file.pending = [];
    } else this.#file(event.path).pending.push(event);
  }

  /** Files matching with something that no sync has made durable. */
  unsynced(path: RegExp): string[] {
    return [...this.#files]
      .filter(([name, { pending }]) => path.test(name) && pending.length > 0)
      .map(([name]) => name);
  }

  /** The file after a power loss now. `survives` says of each write that was not made durable whether it is there. */
  after(path: string, survives: () => boolean): Buffer {
    const { synced, pending } = this.#file(path);
    return pending.filter(survives).reduce(applied, synced);
  }

  #file(path: string): DiskFile {
    const file = this.#files.get(path) ?? { synced: Buffer.alloc(0), pending: [] };
    this.#files.set(path, file);
    return file;
  }
}

function applied(content: Buffer, event: DiskEvent & { type: "write" | "truncate" }): Buffer {
  if (event.type === "truncate") {
    const cut = Buffer.alloc(event.size);
    content.copy(cut, 0, 0, event.size);
    return cut;
  }
  const at = event.offset < 0 ? content.length : event.offset;
  const size = Math.max(content.length, at + event.data.length);
  const grown =
    size === content.length ? Buffer.from(content) : Buffer.concat([content, Buffer.alloc(size - content.length)]);
  event.data.copy(grown, at);
  return grown;
}
