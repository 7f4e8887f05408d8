/** A real process on a real file, killed without warning. SIGKILL is no power loss: that is what synchronous=FULL is for. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createSqliteLocks } from "../../src/ledger/sqlite/locks.ts";
import { openSqliteLedger } from "../../src/ledger/sqlite/open.ts";
import { benchOn, incoming, START_MS, take } from "../support/ledger-fixture.ts";

const CHILD = fileURLToPath(new URL("../support/ledger-child.ts", import.meta.url));

interface Child {
  process: ChildProcess;
  lines: string[];
  /** Resolves when so many lines were told, or at the end. */
  told(lines: number): Promise<void>;
  ended: Promise<{ signal: NodeJS.Signals | null; code: number | null; stderr: string }>;
}

let folder = "";
let path = "";
let children: ChildProcess[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "crmledger-"));
  path = join(folder, "ledger.db");
});
afterEach(() => {
  for (const child of children) child.kill("SIGKILL");
  children = [];
  rmSync(folder, { recursive: true, force: true });
});

function start(what: string, argument: string): Child {
  const child = spawn(process.execPath, ["--import", "tsx", CHILD, what, path, argument]);
  children.push(child);
  const lines: string[] = [];
  let rest = "";
  let stderr = "";
  let heard = (): void => {};
  let over = false;
  child.stdout.on("data", (chunk: Buffer) => {
    const parts = (rest + chunk.toString()).split("\n");
    rest = parts.pop()!;
    lines.push(...parts);
    heard();
  });
  child.stderr.on("data", (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const ended = new Promise<{ signal: NodeJS.Signals | null; code: number | null; stderr: string }>((resolve) => {
    child.on("close", (code, signal) => {
      over = true;
      heard();
      resolve({ code, signal, stderr });
    });
  });
  const told = (count: number): Promise<void> =>
    new Promise((resolve) => {
      heard = () => {
        if (over || lines.length >= count) resolve();
      };
      heard();
    });
  return { process: child, lines, told, ended };
}

const reopen = () => openSqliteLedger({ path, create: true, nowMs: START_MS });

describe("a process that is killed", () => {
  test("in the middle of many turns loses nothing that it had committed", async () => {
    const told: string[] = [];
    for (let round = 0; round < 4; round += 1) {
      const child = start("work", `r${round}`);
      await child.told(40 + 37 * round);
      child.process.kill("SIGKILL");
      expect((await child.ended).signal).toBe("SIGKILL");
      told.push(...child.lines);
    }
    const ledger = await reopen();
    expect(await ledger.check()).toEqual([]);
    const keys = (word: string) =>
      told.filter((line) => line.startsWith(`${word} `)).map((line) => line.split(" ")[1]!);
    const stories = new Map<string, { state: string; step: string | undefined }>();
    // Also those that were taken in by a process that died before it could say so, and done by a later one.
    for (const key of new Set(told.map((line) => line.split(" ")[1]!))) {
      const [found] = await ledger.findByName(`website/${key}`, []);
      expect(found, `told of and lost: ${key}`).toBeDefined();
      const story = await ledger.story(found!.id);
      stories.set(key, { state: story!.submission.state, step: story!.steps[0]?.state });
    }
    for (const key of keys("done")) expect(stories.get(key), key).toEqual({ state: "done", step: "done" });
    // What may have left the process is never taken for unsent.
    for (const key of keys("begun")) expect(["begun", "done"], key).toContain(stories.get(key)?.step);
    const queue = await ledger.queue();
    expect(queue.done).toBeGreaterThanOrEqual(keys("done").length);
    await ledger.recover(
      (await ledger.openRuns()).map((run) => run.id),
      { wallMs: START_MS, monoMs: 0, bootId: "b" },
      60_000,
    );
    const after = await ledger.queue();
    expect(after.inProgress).toBe(0);
    expect(after.pending + after.uncertain + after.done).toBe(queue.pending + queue.inProgress + queue.done);
    await ledger.close();
  });

  test.each([
    "ledger.create.before",
    "ledger.migrate.before",
    "ledger.migrate.within",
    "ledger.migrate.after",
    "ledger.create.built",
    "ledger.create.linked",
    "ledger.open.after",
  ])("while it makes a ledger, at %s, leaves none or a whole one", async (instant) => {
    const child = start("open", instant);
    expect((await child.ended).signal).toBe("SIGKILL");
    const ledger = await reopen();
    expect(await ledger.check()).toEqual([]);
    const bench = await benchOn(ledger);
    await take(bench, incoming());
    expect((await ledger.queue()).pending).toBe(1);
    await ledger.close();
  });

  test("gives its lock back to the next one at once", async () => {
    const child = start("lock", "sync");
    await child.told(1);
    expect(child.lines).toEqual(["locked"]);
    const locks = createSqliteLocks(path);
    expect(locks.take("sync")).toBeNull();
    child.process.kill("SIGKILL");
    await child.ended;
    const lock = locks.take("sync");
    expect(lock).not.toBeNull();
    lock?.release();
  });
});

describe("two processes on one ledger", () => {
  test("never claim the same submission", async () => {
    const ledger = await reopen();
    const bench = await benchOn(ledger);
    await take(bench, ...Array.from({ length: 300 }, () => incoming()));
    const pair = [start("hammer", ""), start("hammer", "")];
    const ends = await Promise.all(pair.map((child) => child.ended));
    expect(ends.map((end) => [end.code, end.stderr])).toEqual([
      [0, ""],
      [0, ""],
    ]);
    const claims = pair.flatMap((child) => child.lines);
    expect(claims).toHaveLength(300);
    expect(new Set(claims).size).toBe(300);
    await ledger.close();
  });

  test("both open their runs, and the counter beside the ledger ends where the ledger's does", async () => {
    const ledger = await reopen();
    const children = [start("runs", "60"), start("runs", "60"), start("runs", "60")];
    const ends = await Promise.all(children.map((child) => child.ended));
    expect(ends.map((end) => [end.code, end.stderr])).toEqual(Array(3).fill([0, ""]));
    const { runCounter, runCounterBeside } = await ledger.facts();
    expect([runCounter, runCounterBeside]).toEqual([180, 180]);
    await ledger.close();
  });
});
