import { type ChildProcess, spawn } from "node:child_process";
import { copyFileSync, mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type CliWorld, createCliWorld, lead } from "../support/cli-world.ts";

const root = resolve(import.meta.dirname, "../..");
const tsx = pathToFileURL(join(root, "node_modules/tsx/dist/esm/index.mjs")).href;
const main = pathToFileURL(join(root, "src/cli/main.ts")).href;

interface Child {
  process: ChildProcess;
  /** What it said so far. */
  text: { out: string; err: string };
  ended: Promise<{ code: number | null; signal: NodeJS.Signals | null; out: string; err: string }>;
}

let world: CliWorld;
let children: ChildProcess[];

beforeEach(async () => {
  children = [];
  world = await createCliWorld({ roundTripMs: 100 });
  world.config();
});

afterEach(async () => {
  for (const child of children) child.kill("SIGKILL");
  await world.close();
});

/** The program as a process of its own. */
function start(...args: string[]): Child {
  const code = `import(${JSON.stringify(main)}).then(async (m) => { process.exitCode = await m.main(process.argv.slice(1)); })`;
  return watch(spawn(process.execPath, ["--import", tsx, "-e", code, "--", ...args], { cwd: world.folder }));
}

function watch(child: ChildProcess): Child {
  children.push(child);
  const text = { out: "", err: "" };
  child.stdout?.on("data", (chunk) => {
    text.out += String(chunk);
  });
  child.stderr?.on("data", (chunk) => {
    text.err += String(chunk);
  });
  const ended = new Promise<Awaited<Child["ended"]>>((done) => {
    child.on("close", (code, signal) => done({ code, signal, ...text }));
  });
  return { process: child, text, ended };
}

/** Resolves when the CRM has made as many deals. */
function deals(count: number): Promise<void> {
  return new Promise((done) => {
    const timer = setInterval(() => {
      if (world.simulator.records.deals.length < count) return;
      clearInterval(timer);
      done();
    }, 5);
  });
}

const LEADS = 60;

function spoolLeads(): void {
  world.write("spool/a.json", JSON.stringify(Array.from({ length: LEADS }, (_, index) => lead(String(index)))));
}

/** Each submission has one deal and one note, and the ledger knows it. */
async function expectAllOnce(): Promise<void> {
  const titles = world.simulator.records.deals.map((deal) => deal.title);
  expect(new Set(titles).size).toBe(LEADS);
  expect(titles).toHaveLength(LEADS);
  expect(world.simulator.records.persons).toHaveLength(LEADS);
  expect(world.simulator.records.notes).toHaveLength(LEADS);
  const { queue } = (await world.run("status", "--json")).json;
  expect(queue).toMatchObject({ done: LEADS, pending: 0, waiting: 0, uncertain: 0, inProgress: 0, failed: 0 });
}

describe("a real process", () => {
  it("told to stop by SIGTERM records what is in flight, prints one document and leaves 143; the next goes on", async () => {
    spoolLeads();
    const child = start("sync", "--json");
    await deals(3);
    child.process.kill("SIGTERM");
    const { code, out, err } = await child.ended;
    expect(code).toBe(143);
    expect(err).toContain("Once more leaves at once");
    expect(JSON.parse(out)).toMatchObject({ stopped: "signal", drained: { uncertain: 0, failed: 0 } });
    expect((await world.run("sync", "--max-wait", "0s")).code).toBe(0);
    await expectAllOnce();
  });

  it("killed in the middle loses and doubles nothing: what was in flight is looked for before it is sent again", async () => {
    world.config(`retry: { settle: [1s, 2s] }\nsources:\n  website:\n    spool: ./spool\n`);
    spoolLeads();
    const child = start("sync", "--json");
    await deals(5);
    child.process.kill("SIGKILL");
    expect((await child.ended).signal).toBe("SIGKILL");
    const next = await world.run("sync", "--json");
    expect(next.code).toBe(0);
    expect(next.json.warnings).toEqual([expect.stringContaining("a run that died left")]);
    await expectAllOnce();
  });

  it("keeps a second sync out while it works, and says which process it is", async () => {
    spoolLeads();
    const child = start("sync");
    await deals(1);
    const second = await world.run("sync", "--json");
    expect(second.code).toBe(4);
    expect(second.json.error.message).toContain(`process ${child.process.pid} on `);
    child.process.kill("SIGINT");
    expect((await child.ended).code).toBe(130);
  });

  it("leaves at once at the second signal", async () => {
    world.simulator.failNext({ kind: "hang", times: 1, match: { method: "POST", path: /deals$/ } });
    spoolLeads();
    const child = start("sync");
    await deals(3);
    child.process.kill("SIGINT");
    await vi.waitUntil(() => child.text.err.includes("Once more leaves at once"), { timeout: 120_000, interval: 5 });
    child.process.kill("SIGINT");
    expect((await child.ended).code).toBe(130);
  });

  it("serves the simulator until it is told to stop", async () => {
    const child = start("simulator", "--json", "--seed", "7");
    const said = await new Promise<string>((done) =>
      child.process.stdout?.once("data", (chunk) => done(String(chunk))),
    );
    const { baseUrl, token, config } = JSON.parse(said);
    expect(baseUrl).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    const reply = await fetch(`${baseUrl}/api/v1/users/me`, { headers: { "x-api-token": token } });
    expect(reply.status).toBe(200);
    world.write("crmledger.yaml", config);
    expect((await world.run("doctor", "--fix")).code).toBe(0);
    child.process.kill("SIGINT");
    expect((await child.ended).code).toBe(130);
  });
});

describe("the launcher", () => {
  it("says what to do where nothing is built, as JSON too", async () => {
    mkdirSync(world.path("bin"));
    copyFileSync(join(root, "bin/crmledger.js"), world.path("bin/crmledger.mjs"));
    const child = watch(spawn(process.execPath, [world.path("bin/crmledger.mjs"), "status", "--json"]));
    const { code, out, err } = await child.ended;
    expect(code).toBe(1);
    expect(err).toBe("error: crmledger is not built\nhint: npm run build\n");
    expect(JSON.parse(out).error.hint).toBe("npm run build");
  });
});
