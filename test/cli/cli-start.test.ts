import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type CliWorld, createCliWorld, lead } from "../support/cli-world.ts";
import { packageOf, readText } from "../support/house-source.ts";

const root = resolve(import.meta.dirname, "../..");
const urlOf = (path: string): string => pathToFileURL(join(root, path)).href;
const dependencies = Object.keys((JSON.parse(readText("package.json")) as { dependencies: object }).dependencies);

// Processes of their own, on a machine that may be busy.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

let world: CliWorld;

beforeEach(async () => {
  world = await createCliWorld();
  world.config();
});

afterEach(() => world.close());

interface Loaded {
  /** Of what a user installs. */
  packages: string[];
  /** Files of ours, from `src/`. */
  own: string[];
}

/** Runs the program as a process of its own and gives what it loaded. */
function loadedBy(...args: string[]): Loaded {
  const to = world.path("modules.txt");
  const code = `import(${JSON.stringify(urlOf("src/cli/main.ts"))}).then(async (m) => { process.exitCode = await m.main(process.argv.slice(1)); })`;
  const hooks = [
    "--import",
    urlOf("test/support/tell-modules.mjs"),
    "--import",
    urlOf("node_modules/tsx/dist/esm/index.mjs"),
  ];
  world.write("modules.txt", "");
  const { status, stderr } = spawnSync(process.execPath, [...hooks, "-e", code, "--", ...args], {
    cwd: world.folder,
    env: { PATH: process.env.PATH, TMPDIR: process.env.TMPDIR, HOME: world.folder, MODULES_TO: to },
    encoding: "utf8",
  });
  expect(stderr).toBe("");
  expect(status).toBe(0);
  const lines = readFileSync(to, "utf8").split("\n");
  const packages = lines.map((line) => packageOf(/.*\/node_modules\/(.+)$/.exec(line)?.[1] ?? ""));
  const own = lines.map(
    (line) => /\/src\/([a-z-]+\/[^?]+)/.exec(line.startsWith(urlOf("src/")) ? line : "")?.[1] ?? "",
  );
  return {
    packages: dependencies.filter((name) => packages.includes(name)),
    own: [...new Set(own)].filter((path) => path !== "").sort(),
  };
}

/** They send, read files and compare. */
const WORKING = ["ingest", "mirror", "planner", "reconcile", "runner", "simulator"];

const roomsOf = ({ own }: Loaded): string[] => [...new Set(own.map((path) => path.split("/")[0]!))];

describe("a command loads what it needs", () => {
  it.each([["--version"], ["--help"], ["sync --help"]])("%s: the command table and what reads the line", (line) => {
    const loaded = loadedBy(...line.split(" "));
    expect(loaded.packages).toEqual(["commander"]);
    expect(loaded.own.length).toBeGreaterThan(4);
    expect(loaded.own.length).toBeLessThan(12);
    expect(roomsOf(loaded)).toEqual(["cli", "config", "domain"]);
  });

  it("status: nothing that speaks to the CRM, reads spools or checks the CRM's replies", async () => {
    expect((await world.run("sync")).code).toBe(0);
    const loaded = loadedBy("status");
    expect(loaded.packages).toEqual([
      "better-sqlite3",
      "chalk",
      "cli-table3",
      "commander",
      "fastest-levenshtein",
      "yaml",
    ]);
    // Words about what sources sent.
    const words = ["ingest/formats.ts", "ingest/shape-words.ts", "ingest/warnings.ts"];
    expect(
      loaded.own.filter((path) => WORKING.includes(path.split("/")[0]!)).filter((path) => !words.includes(path)),
    ).toEqual([]);
    expect(loaded.own).not.toContain("crm/registry.ts");
    expect(loaded.own).not.toContain("http/transport.ts");
  });

  it("a sync that finds nothing to do: neither runner nor adapter, HTTP client, readers of files nor phone numbers", async () => {
    world.write("spool/a.json", JSON.stringify(lead("1")));
    expect((await world.run("sync")).code).toBe(0);
    const loaded = loadedBy("sync", "--quiet");
    const expected = ["better-sqlite3", "chalk", "commander", "fastest-levenshtein", "iconv-lite", "yaml"];
    expect(loaded.packages).toEqual(expected);
    expect(loaded.own.filter((path) => /^(runner|mirror|reconcile|simulator|crm\/pipedrive)\//.test(path))).toEqual([
      "crm/pipedrive/hosts.ts",
      "runner/empty-queue.ts",
      "runner/instant.ts",
      "runner/retry-samples.ts",
    ]);
    expect(loaded.own).not.toContain("http/transport.ts");
    expect(loaded.own).not.toContain("ingest/spool.ts");
  });
});
