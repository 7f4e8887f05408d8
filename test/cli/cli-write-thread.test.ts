/** The built program with as many submissions as are written by a thread of its own. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { type CliWorld, createCliWorld, lead, WEBSITE } from "../support/cli-world.ts";
import { ROOT } from "../support/house-source.ts";
import { BUILT, documentOf, type Program, startProgram } from "../support/program.ts";

// Processes of their own, on a machine that may be busy.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });
const whenBuilt = it.skipIf(!existsSync(join(ROOT, "dist/ledger/sqlite/write-thread.js")));
const LEADS = 60;

let world: CliWorld;
let program: Program | null = null;

beforeEach(async () => {
  world = await createCliWorld();
  world.config(`log: ./crmledger.log\n${WEBSITE}`);
  world.write("spool/a.json", JSON.stringify(Array.from({ length: LEADS }, (_, n) => lead(String(n)))));
});

afterEach(async () => {
  program?.process.kill("SIGKILL");
  await world.close();
});

function start(env: Record<string, string>, ...args: string[]): Program {
  program = startProgram(BUILT, args, { cwd: world.folder, env: { HOME: world.folder, ...env } });
  return program;
}

whenBuilt("what the thread commits is in the log, as without it", async () => {
  expect(await start({}, "sync", "--quiet").ended).toMatchObject({ code: 0 });
  const events = readFileSync(world.path("crmledger.log"), "utf8")
    .trim()
    .split("\n")
    .map((line) => (JSON.parse(line) as { event: string }).event);
  const count = (event: string) => events.filter((each) => each === event).length;
  expect([count("submission.claimed"), count("submission.done")]).toEqual([LEADS, LEADS]);
  expect(count("request.sent")).toBe(count("request.ended"));
  expect(count("request.ended")).toBeGreaterThan(LEADS);
});

whenBuilt("a ledger that the thread can't open is told as one that nobody can, and ends it", async () => {
  const path = world.path("none.db");
  const { startWriteThread } = await import(join(ROOT, "dist/ledger/sqlite/write-thread.js"));
  const thread = startWriteThread(path);
  const told = { code: "ledgerUnreadable", exitCode: 74, hint: expect.stringContaining("ulimit -n") };
  await expect(thread.verbs.turn({})).rejects.toMatchObject({ ...told, message: expect.stringContaining(path) });
  await expect(thread.verbs.leaseKeys(1, [])).rejects.toMatchObject(told);
  await thread.close();
});

whenBuilt("a way to the CRM that can't be opened ends the program, thread or not", async () => {
  const { code, out } = await start({ https_proxy: "no proxy's address" }, "sync", "--json").ended;
  expect(code).not.toBe(0);
  expect(documentOf(out)).toMatchObject({ error: { message: expect.any(String) }, remaining: LEADS });
});
