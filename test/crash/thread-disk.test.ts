/** The built program with a thread that writes the ledger, on a disk that fails during one of its turns. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { type CliWorld, createCliWorld, lead } from "../support/cli-world.ts";
import type { Given } from "../support/drain-rig.ts";
import { type DiskFault, faultyDisk, hasCompiler, healDisk, orderFault } from "../support/faulty-disk.ts";
import { ROOT } from "../support/house-source.ts";
import { judge } from "../support/oracle.ts";
import { BUILT, documentOf, misbehaved, type Program, startProgram } from "../support/program.ts";

vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

const isHere = hasCompiler() && existsSync(join(ROOT, "dist/ledger/sqlite/write-thread.js"));
const SOON =
  "retry: { settle: [300ms, 600ms], baseDelay: 100ms }\nsources:\n  website:\n    spool: ./spool\n    lane: operational\n";
const LEADS = Array.from({ length: 120 }, (_, n) => lead(String(n)));

let world: CliWorld;
let folder = "";
let program: Program | null = null;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "crmledger-disk-"));
  world = await createCliWorld({ roundTripMs: 5 });
});
afterEach(async () => {
  program?.process.kill("SIGKILL");
  await world.close();
  rmSync(folder, { recursive: true, force: true });
});

const FAULTS: [string, Pick<DiskFault, "call" | "error">][] = [
  ["diskFull", { call: "write", error: "ENOSPC" }],
  ["ledgerUnreadable", { call: "write", error: "EIO" }],
  ["ledgerUnreadable", { call: "sync", error: "EIO" }],
];

it.skipIf(!isHere).each(FAULTS)(
  "it ends with 74 %s (%o), nothing leaves after it, and on a disk that is well all arrives once",
  async (error, fault) => {
    world.config(SOON, ", concurrency: 16");
    const config = readFileSync(world.path("crmledger.yaml"), "utf8");
    world.write("crmledger.yaml", config.replace("crm:\n", "crm:\n  timeout: 1s\n"));
    world.write("spool/a.json", JSON.stringify(LEADS));
    await world.run("ingest");
    const disk = faultyDisk(folder)();
    program = startProgram(BUILT, ["sync", "--json"], { cwd: world.folder, env: { HOME: world.folder, ...disk } });
    await vi.waitUntil(() => world.simulator.records.deals.length >= 10, { timeout: 120_000, interval: 1 });
    orderFault(world.folder, { ...fault, nth: 1, stays: true }, disk.FAULTY_DISK!);
    const end = await program.ended;
    expect(healDisk(disk.FAULTY_DISK!)).toBe(true);
    expect(misbehaved(end, [74]), end.out + end.err).toBeNull();
    expect(documentOf(end.out).error).toMatchObject({ code: error, hint: expect.any(String) });
    const ledger = new Database(world.path("crmledger.db"), { readonly: true });
    const begun = ledger.prepare<[], number>("SELECT count(*) FROM requests").pluck().get()!;
    ledger.close();
    expect(world.simulator.requests.total).toBeLessThanOrEqual(begun);
    expect(world.simulator.records.deals.length).toBeLessThan(LEADS.length);
    let remaining = -1;
    for (let run = 0; run < 8 && remaining !== 0; run += 1)
      remaining = (await world.run("sync", "--json")).json.remaining;
    const given = LEADS.map(({ id, ...content }) => ({ key: String(id), content }) as Given);
    expect([remaining, judge(world.simulator, given)]).toEqual([0, { lost: [], doubled: [] }]);
  },
);
