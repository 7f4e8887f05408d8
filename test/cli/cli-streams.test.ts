/** What becomes of a command whose reader is gone, or whose disk is full: the built program, for streams are the process's own. */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, openSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type CliWorld, createCliWorld, lead } from "../support/cli-world.ts";
import { ROOT } from "../support/house-source.ts";

const isBuilt = existsSync(join(ROOT, "dist/cli/main.js"));
const FULL = "/dev/full";
const hasFull = statSync(FULL, { throwIfNoEntry: false })?.isCharacterDevice() === true;

let world: CliWorld;
beforeEach(async () => {
  world = await createCliWorld();
  world.config();
});
afterEach(() => world.close());

interface Gone {
  stdout?: "closed" | "full";
  stderr?: "closed";
}

/** Runs the program with readers that are gone before it says a word. */
function run({ stdout, stderr }: Gone, ...args: string[]): Promise<{ code: number | null; out: string; err: string }> {
  const child = spawn(process.execPath, [join(ROOT, "bin/crmledger.js"), ...args], {
    cwd: world.folder,
    env: { HOME: world.folder, PATH: process.env.PATH },
    stdio: ["ignore", stdout === "full" ? openSync(FULL, "w") : "pipe", "pipe"],
  });
  const said = { out: "", err: "" };
  if (stdout === "closed") child.stdout!.destroy();
  child.stdout?.on("data", (chunk) => {
    said.out += String(chunk);
  });
  if (stderr === "closed") child.stderr!.destroy();
  child.stderr!.on("data", (chunk) => {
    said.err += String(chunk);
  });
  return new Promise((done) => {
    child.on("close", (code) => done({ code, ...said }));
  });
}

describe.skipIf(!isBuilt)("a reader that is gone", () => {
  beforeEach(() => {
    // A folder in a spool is told before anything is sent.
    mkdirSync(world.path("spool/folder"));
    world.write("spool/a.json", JSON.stringify([lead("1"), lead("2")]));
  });

  it("of the talk: a run sends what it has and ends as it should", async () => {
    const { code, out } = await run({ stderr: "closed" }, "sync", "--json");
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ drained: { done: 2 }, warnings: [expect.stringContaining("folder")] });
    expect(world.simulator.records.deals).toHaveLength(2);
  });

  it("of the data: the exit code is the command's own", async () => {
    world.write("spool/b.json", JSON.stringify({ id: "b", notes: ["of nobody"] }));
    expect((await run({ stdout: "closed" }, "sync")).code).toBe(3);
    expect((await run({ stdout: "closed" }, "show", "nobody", "--json")).code).toBe(65);
    expect((await run({ stdout: "closed" }, "status")).code).toBe(0);
  });

  it("of more than a pipe holds: an export into `head` is cut short, not a bug to report", async () => {
    const many = Array.from({ length: 1500 }, (_, index) => lead(`many-${index}`));
    world.write("spool/many.json", JSON.stringify(many));
    await world.run("ingest");
    for (const more of [[], ["--format", "jsonl"], ["--pending"], ["--json"]])
      expect(await run({ stdout: "closed" }, "export", ...more)).toMatchObject({ code: 0, err: "" });
  });
});

describe.skipIf(!isBuilt || !hasFull)("standard output on a full disk", () => {
  it("is told in a sentence, and leaves with 74", async () => {
    world.write("spool/a.json", JSON.stringify(lead("1")));
    const { code, err } = await run({ stdout: "full" }, "sync", "--json");
    expect(code).toBe(74);
    expect(err).toContain("error: standard output can't be written (ENOSPC)\nhint: ");
    expect(err).not.toMatch(/^\s+at /m);
    expect((await world.run("status", "--json")).json.queue.done).toBe(1);
  });
});
