/** Where a command's file goes when its name is more than a file's: a link, a pipe, something that is open already. */
import { spawnSync } from "node:child_process";
import { constants, lstatSync, openSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type CliWorld, createCliWorld, lead } from "../support/cli-world.ts";

let world: CliWorld;
beforeEach(async () => {
  world = await createCliWorld();
  world.config();
  world.write("spool/a.json", JSON.stringify(lead("1")));
  expect((await world.run("ingest")).code).toBe(0);
});
afterEach(() => world.close());

const WRITERS = [
  ["export", "--out"],
  ["report", "--since", "7d", "--format", "csv", "--out"],
  ["status", "--prometheus"],
];

describe.each(WRITERS.map((writer) => ({ line: writer.join(" "), writer })))("$line", ({ writer }) => {
  it("writes through a link, which stays one", async () => {
    world.write("elsewhere/real.csv", "old");
    symlinkSync(world.path("elsewhere/real.csv"), world.path("link.csv"));
    expect((await world.run(...writer, "link.csv")).code).toBe(0);
    expect(lstatSync(world.path("link.csv")).isSymbolicLink()).toBe(true);
    expect(readFileSync(world.path("elsewhere/real.csv"), "utf8")).toMatch(/\n.+\n/s);
  });

  it("says so where the place can't even be looked at, and calls it no bug", async () => {
    const { code, err } = await world.run(...writer, "token/x.html");
    expect(code).toBe(64);
    expect(err).toContain("token/x.html can't be written (ENOTDIR)");
  });

  it("writes into a pipe, which stays one", async () => {
    const pipe = world.path("pipe");
    expect(spawnSync("mkfifo", [pipe]).status).toBe(0);
    const reader = openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK);
    expect((await world.run(...writer, "pipe")).code).toBe(0);
    expect(lstatSync(pipe).isFIFO()).toBe(true);
    expect(readFileSync(reader, "utf8")).toMatch(/\n.+\n/s);
  });

  it("adds to what is open already, as /dev/stdout is behind >>", async () => {
    writeFileSync(world.path("all.csv"), "first\n");
    const open = openSync(world.path("all.csv"), "a");
    expect((await world.run(...writer, `/proc/self/fd/${open}`)).code).toBe(0);
    expect(readFileSync(world.path("all.csv"), "utf8")).toMatch(/^first\n.+\n/s);
  });
});

describe("import --rejects", () => {
  it("refuses what is no file before it takes anything", async () => {
    expect(spawnSync("mkfifo", [world.path("pipe")]).status).toBe(0);
    world.write("missed.csv", "id,person.email\nb,nobody\n");
    const { code, err } = await world.run("import", "missed.csv", "--rejects", "pipe");
    expect(code).toBe(64);
    expect(err).toContain("pipe is no file");
    expect((await world.run("rejects", "--json")).json.total).toBe(0);
  });
});

describe("export --out", () => {
  it("goes by the file's name where no format is asked for", async () => {
    expect((await world.run("export", "--out", "all.jsonl")).code).toBe(0);
    expect(JSON.parse(readFileSync(world.path("all.jsonl"), "utf8"))).toMatchObject({ key: "1" });
    expect((await world.run("export", "--pending", "--out", "p.ndjson", "--json")).json.format).toBe("jsonl");
    expect((await world.run("export", "--format", "csv", "--out", "c.jsonl", "--json")).json.format).toBe("csv");
    expect((await world.run("export", "--out", "all.txt", "--json")).json.format).toBe("csv");
  });
});
