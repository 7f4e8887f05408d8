/**
 * The built program with a thread that writes the ledger, killed without warning wherever it is, or stopped until others took
 * its work over; then the ordinary sync.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import Database from "better-sqlite3";
import { afterEach, expect, it } from "vitest";
import { type CliWorld, createCliWorld, lead } from "../support/cli-world.ts";
import type { Given } from "../support/drain-rig.ts";
import { ROOT } from "../support/house-source.ts";
import { judge } from "../support/oracle.ts";
import { randomOf } from "../support/soak-world.ts";

const BIN = join(ROOT, "bin/crmledger.js");
const SOON =
  "retry: { settle: [300ms, 600ms], baseDelay: 100ms }\nsources:\n  website:\n    spool: ./spool\n    lane: operational\n";
const LEADS = Array.from({ length: 160 }, (_, n) =>
  lead(String(n), {
    person: { name: `Person ${n % 120}`, email: `person.${n % 120}@example.com` },
    ...(n % 6 === 0 && { organization: { name: `Engines ${n % 4}` } }),
  }),
);
const TIMEOUT_MS = 180_000;
const REQUEST_TIMEOUT_MS = 1_000;

let world: CliWorld;
let child: ChildProcess | null = null;
afterEach(async () => {
  child?.kill("SIGKILL");
  await world.close();
});

interface Running {
  process: ChildProcess;
  ended: Promise<NodeJS.Signals | number | null>;
}

/** Runs a sync until the CRM has so many deals. */
async function runUntil(deals: number): Promise<Running> {
  const running = spawn(process.execPath, [BIN, "sync", "--join", "--quiet"], { cwd: world.folder, stdio: "ignore" });
  child = running;
  const ended = new Promise<NodeJS.Signals | number | null>((resolve) =>
    running.once("exit", (code, signal) => resolve(signal ?? code)),
  );
  let over = false;
  void ended.then(() => {
    over = true;
  });
  while (!over && world.simulator.records.deals.length < deals) await wait(2);
  return { process: running, ended };
}

/** As `runUntil`, and a little longer, then kills it; true where it died of that. */
async function killedAt(deals: number, laterMs: number): Promise<boolean> {
  const running = await runUntil(deals);
  await wait(laterMs);
  running.process.kill("SIGKILL");
  return (await running.ended) === "SIGKILL";
}

/** Ends the leases of what is stopped, as if it had stood still for as long as they last; 0 where it holds the write lock. */
function endLeases(ledger: Database.Database): number {
  try {
    return ledger.prepare("UPDATE claims SET until_ms = 0").run().changes;
  } catch {
    return 0;
  }
}

async function begin(seed: number): Promise<void> {
  world = await createCliWorld({ roundTripMs: 3, seed });
  world.config(SOON, ", concurrency: 16");
  const config = readFileSync(world.path("crmledger.yaml"), "utf8");
  world.write("crmledger.yaml", config.replace("crm:\n", `crm:\n  timeout: ${REQUEST_TIMEOUT_MS / 1000}s\n`));
  world.write("spool/a.json", JSON.stringify(LEADS));
  await world.run("ingest");
}

async function arrivesOnce(): Promise<void> {
  const next = await world.run("sync", "--json");
  expect(next.json).toMatchObject({ remaining: 0, drained: { failed: 0, uncertain: 0 } });
  const given = LEADS.map(({ id, ...content }) => ({ key: String(id), content }) as Given);
  expect(judge(world.simulator, given)).toEqual({ lost: [], doubled: [] });
  const { persons, deals, notes } = world.simulator.records;
  expect([persons.length, deals.length, notes.length]).toEqual([120, 160, 160]);
}

const whenBuilt = it.skipIf(!existsSync(join(ROOT, "dist/ledger/sqlite/write-thread.js")));

whenBuilt.each([1, 2])(
  "killed again and again in the middle of its turns, everything arrives once (%s)",
  async (seed) => {
    const random = randomOf(seed);
    await begin(seed);
    let deaths = 0;
    for (const deals of [10, 35, 60, 85]) if (await killedAt(deals, random() * 12)) deaths += 1;
    expect(deaths).toBeGreaterThanOrEqual(3);
    await arrivesOnce();
  },
  TIMEOUT_MS,
);

whenBuilt.each([10, 60])(
  "stopped at %i deals until its leases were over and others had done its work, it wakes, and changes nothing any more",
  async (deals) => {
    await begin(deals);
    const sleeper = await runUntil(deals);
    const ledger = new Database(world.path("crmledger.db"), { timeout: 100 });
    try {
      // Where it stands in a transaction it keeps the lock: no lease of it could be taken over before it wakes.
      for (let tries = 0; tries < 100; tries += 1) {
        sleeper.process.kill("SIGSTOP");
        // What it had begun leaves only within a request's time.
        await wait(REQUEST_TIMEOUT_MS + 200);
        if (endLeases(ledger) > 0) break;
        sleeper.process.kill("SIGCONT");
        await wait(3);
      }
      const other = await world.run("sync", "--join", "--json");
      expect([other.code, other.json.remaining], other.err).toEqual([0, 0]);
      expect(other.json.drained.done).toBeGreaterThan(0);
      const steps = () => ledger.prepare("SELECT id, state, crm_id, attempts FROM steps ORDER BY id").all();
      const before = steps();
      sleeper.process.kill("SIGCONT");
      expect(await sleeper.ended).toBe(0);
      expect(steps()).toEqual(before);
    } finally {
      ledger.close();
    }
    await arrivesOnce();
  },
  TIMEOUT_MS,
);
