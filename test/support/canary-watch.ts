/**
 * Run by vitest before each test file: whatever a test removes is searched for canaries first, and so is what child
 * processes say and what servers of tests are sent: alerts, heartbeats, traces, records. So every byte that the suite
 * writes is looked at, whoever wrote it and wherever.
 */
import childProcess, { type ChildProcess } from "node:child_process";
import fs from "node:fs";
import http, { type IncomingMessage } from "node:http";
import https from "node:https";
import { syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { resolve, sep } from "node:path";
import { afterAll, afterEach } from "vitest";
import { canariesBelow, reportFound, takeFound, tokenIn } from "./canary.ts";

const root = tmpdir();

// biome-ignore lint/suspicious/noExplicitAny: the functions of Node that are wrapped have several signatures each
type AnyFunction = (...args: any[]) => any;

/** Replaces a function of a module of Node, for whoever imports it by name too. */
function wrap(module: object, name: string, around: (original: AnyFunction) => AnyFunction): void {
  const original = Reflect.get(module, name) as AnyFunction;
  Reflect.set(module, name, around(original.bind(module)));
}

function search(path: unknown): void {
  const place = resolve(String(path));
  if (place.startsWith(`${root}${sep}`)) reportFound(canariesBelow(place));
}

const searching =
  (original: AnyFunction): AnyFunction =>
  (path, ...rest) => {
    search(path);
    return original(path, ...rest);
  };

for (const name of ["rmSync", "unlinkSync", "rm", "unlink"]) wrap(fs, name, searching);
for (const name of ["rm", "unlink"]) wrap(fs.promises, name, searching);

/** Listens without making the stream flow: what the test does not read is not read. */
function overhear(child: ChildProcess, words: string): void {
  for (const stream of [child.stdout, child.stderr]) {
    if (stream === null) continue;
    const parts: string[] = [];
    const emit = stream.emit.bind(stream);
    stream.emit = ((event: string, ...args: unknown[]) => {
      if (event === "data") parts.push(String(args[0]));
      if (event === "close") heard(words, parts.join(""));
      return emit(event, ...args);
    }) as typeof stream.emit;
  }
}

function heard(words: string, text: string): void {
  const forms = tokenIn(text);
  if (forms.length > 0) reportFound([`${words} said the token (${forms.join("; ")})`]);
}

wrap(childProcess, "spawn", (original) => (...args) => {
  const child = original(...args) as ChildProcess;
  overhear(child, child.spawnargs.slice(-4).join(" "));
  return child;
});
wrap(childProcess, "spawnSync", (original) => (...args) => {
  const result = original(...args) as { stdout?: unknown; stderr?: unknown };
  heard(String(args[0]), `${result.stdout ?? ""}${result.stderr ?? ""}`);
  return result;
});

/** The token belongs into one header, never into a URL or a body. */
function overhearRequest(request: IncomingMessage): void {
  const parts: string[] = [];
  const emit = request.emit.bind(request);
  request.emit = ((event: string, ...args: unknown[]) => {
    if (event === "data") parts.push(Buffer.from(args[0] as Uint8Array).toString("latin1"));
    if (event === "end") heard(`${request.method} ${request.headers.host}`, `${request.url}\n${parts.join("")}`);
    return emit(event, ...args);
  }) as typeof request.emit;
}

for (const { Server } of [http, https]) {
  const emit = Server.prototype.emit as AnyFunction;
  Server.prototype.emit = function (this: unknown, event: string, ...args: unknown[]) {
    if (event === "request") overhearRequest(args[0] as IncomingMessage);
    return emit.call(this, event, ...args);
  } as typeof Server.prototype.emit;
}
syncBuiltinESMExports();

/** Hooks of a setup file are the outermost: they run after those of the test, which remove its folder. */
afterEach(failOnCanaries);
afterAll(failOnCanaries);

function failOnCanaries(): void {
  const all = takeFound();
  if (all.length > 0) throw new Error(`Canaries where they don't belong:\n${all.join("\n")}`);
}
